"""Conditions that are never UNKNOWN, so that no test has to reach that."""

from __future__ import annotations

from collections.abc import Iterator

from decision_service.domain.verdict import Component
from decision_service.language.expressions import tree
from decision_service.language.expressions.tree import Node
from decision_service.ruleset.constructs.offer.model import AMOUNT, MINIMUM
from decision_service.ruleset.constructs.offer.run import OfferRunner
from decision_service.ruleset.constructs.rules.run import RulesRunner
from decision_service.ruleset.constructs.scorecard.run import ScorecardRunner
from decision_service.ruleset.program.model import CompiledRuleset

_TOTAL = frozenset({"min", "max", "abs", "coalesce", "known", "missing"})
_STEPPED = frozenset({"floor", "round"})


def certain_rules(ruleset: CompiledRuleset) -> set[str]:
    """Rules (as coverage names them) whose names always have a value where they are read.

    These are required inputs, parameters, scores and bands, the amounts of an offer that is made,
    and offer lines over such. Where a division could go wrong, nothing is certain.
    """
    names, found = set(_given(ruleset)), set()
    for stage in (*ruleset.program.stages, *ruleset.program.closing):
        runner = stage.runner
        if isinstance(runner, ScorecardRunner):
            names |= {runner.card.score.name, runner.card.band.name}
        elif isinstance(runner, OfferRunner):
            names |= _of_offer(runner, names)
        elif isinstance(runner, RulesRunner):
            offered = stage.component is Component.LEGAL
            usable = names if offered else {n for n in names if not n.startswith("offer.")}
            found |= {r.rule.what for r in runner.ready if _has_value(r.when, usable)}
    return found


def _given(ruleset: CompiledRuleset) -> Iterator[str]:
    yield from (f"inputs.{name}" for name, spec in ruleset.inputs.items() if spec.required)
    yield from (f"params.{name}" for name in ruleset.params)


def _of_offer(runner: OfferRunner, names: set[str]) -> set[str]:
    """Lines that have a value in every offer: without an amount or a minimum none is made."""
    certain = {f"offer.{AMOUNT}", f"offer.{MINIMUM}"}
    for line in runner.lines:
        if _has_value(line.tree, names | certain):
            certain.add(line.symbol.name)
    return certain


def _has_value(node: Node, names: set[str]) -> bool:
    """Whether an expression has a value for certain where these names have."""
    match node:
        case tree.NameRead():
            return node.symbol.name in names
        case tree.Arithmetic(operator="/") if not _not_zero(node.right):
            return False
        case tree.FunctionCall() if node.function in _STEPPED and not _not_zero(node.arguments[1]):
            return False
        case tree.FunctionCall() if node.function not in _TOTAL | _STEPPED:
            return False
    return all(_has_value(part, names) for part in tree.parts(node))


def _not_zero(node: Node) -> bool:
    return isinstance(node, tree.Constant) and node.value != 0
