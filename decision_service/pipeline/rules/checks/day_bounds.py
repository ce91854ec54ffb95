"""Caps that the deciding versions make pointless or impossible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from decision_service.domain.factor import ValueType
from decision_service.domain.money import to_major
from decision_service.language.diagnostics import Diagnostic, Place, Report, did_you_mean
from decision_service.language.expressions import tree
from decision_service.language.yaml import parser as yaml
from decision_service.language.yaml.nodes import ListNode, MapNode, YamlNode
from decision_service.rollout.model import DayCap, Plan
from decision_service.rollout.reading.shares import place_of
from decision_service.ruleset.constructs.applies import unconditional
from decision_service.ruleset.constructs.offer.model import MINIMUM, TIER
from decision_service.ruleset.constructs.offer.run import OfferRunner
from decision_service.ruleset.constructs.table.run import TableRunner
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.program.part import Runner

_AMOUNT = "requested_amount"


def doubtful_bounds(
    path: str, text: str, plan: Plan, deciding: Sequence[CompiledRuleset]
) -> tuple[Diagnostic, ...]:
    """P310 to P312, at their lines, for a plan without errors whose versions compile."""
    report = Report()
    root = yaml.read(path, text, report)
    if root is None or not deciding:
        return ()
    for cap, node in zip(plan.caps, _items(root), strict=False):
        _check_cap(cap, node, deciding, report)
    return tuple(one for one in report.diagnostics() if one.code.startswith("P31"))


def _items(root: YamlNode) -> Sequence[YamlNode]:
    caps = root.get("caps") if isinstance(root, MapNode) else None
    return caps.items if isinstance(caps, ListNode) else ()


def _check_cap(
    cap: DayCap, node: YamlNode, deciding: Sequence[CompiledRuleset], report: Report
) -> None:
    known = offered_tiers(deciding)
    if cap.tier and known is not None and cap.tier not in known:
        message = f"no offer of {_named(deciding)} has the tier `{cap.tier}`"
        report.error("P310", place_of(node, "tier"), message, did_you_mean(cap.tier, known))
    if cap.amount is None:
        return
    place = place_of(node, "amount_per_day")
    _require_amounts(place, f"the cap `{cap.name}` counts", deciding, report)
    _warn_of_small(place, f"the cap `{cap.name}`", cap.amount, deciding, report)


def _require_amounts(
    place: Place, what: str, deciding: Sequence[CompiledRuleset], report: Report
) -> None:
    for ruleset in deciding:
        if _offer(ruleset) is None and _AMOUNT not in ruleset.inputs:
            message = f"{what} amounts, and v{ruleset.version} has no offer and no `{_AMOUNT}`"
            report.error("P311", place, message, f"declare the input `{_AMOUNT}`, or add an offer")


def _warn_of_small(
    place: Place, what: str, amount: Decimal, deciding: Sequence[CompiledRuleset], report: Report
) -> None:
    for ruleset in deciding:
        least = _least(ruleset)
        if least is not None and amount < least:
            message = (
                f"{what} is {amount:f}, below the smallest loan of v{ruleset.version}: {least:f}"
            )
            report.warning("P312", place, message, "so it approves nothing; raise it")


def _named(deciding: Sequence[CompiledRuleset]) -> str:
    return " and ".join(f"v{ruleset.version}" for ruleset in deciding)


def _offer(ruleset: CompiledRuleset) -> OfferRunner | None:
    runners = (stage.runner for stage in ruleset.program.closing)
    return next((runner for runner in runners if isinstance(runner, OfferRunner)), None)


def _least(ruleset: CompiledRuleset) -> Decimal | None:
    """The smallest amount that is ever approved, as far as the file says so in one figure."""
    offer = _offer(ruleset)
    line = offer.terms.lines.get(MINIMUM) if offer else None
    if line is None:
        asked = ruleset.inputs.get(_AMOUNT)
        return asked.lower if asked and offer is None else None
    if isinstance(line.tree, tree.Constant):
        return to_major(int(line.tree.value), ruleset.currency)  # type: ignore[arg-type]  # money is a whole number
    if not isinstance(line.tree, tree.NameRead):
        return None
    param = ruleset.params.get(line.tree.symbol.name.removeprefix("params."))
    if param is None or param.type is not ValueType.MONEY:
        return None
    return min(to_major(int(step.value), ruleset.currency) for step in param.steps)  # type: ignore[arg-type]  # money is a whole number


def offered_tiers(deciding: Sequence[CompiledRuleset]) -> frozenset[str] | None:
    """Every tier that the offers of versions give, empty for none; None where one is not told."""
    found = [_tiers(ruleset) for ruleset in deciding]
    told = [tiers for tiers in found if tiers is not None]
    return frozenset().union(*told) if len(told) == len(found) else None


def _tiers(ruleset: CompiledRuleset) -> frozenset[str] | None:
    """Every tier that the offers give; None where that cannot be told."""
    offer = _offer(ruleset)
    line = offer.terms.lines.get(TIER) if offer else None
    return frozenset({""}) if line is None else _labels(line.tree, ruleset)


def _labels(node: tree.Node, ruleset: CompiledRuleset) -> frozenset[str] | None:
    if isinstance(node, tree.Constant):
        return frozenset({str(node.value)})
    if isinstance(node, tree.Choice):
        return _all_labels([node.then, node.otherwise], ruleset)
    if not isinstance(node, tree.NameRead):
        return None
    if node.symbol.name in ruleset.derived:
        return _labels(ruleset.derived[node.symbol.name], ruleset)
    given = [*_given(node.symbol.name, ruleset)]
    return _all_labels(given, ruleset) if given else None


def _all_labels(nodes: Sequence[tree.Node], ruleset: CompiledRuleset) -> frozenset[str] | None:
    found = [_labels(node, ruleset) for node in nodes]
    known = [labels for labels in found if labels is not None]
    return frozenset().union(*known) if len(known) == len(found) else None


def _given(name: str, ruleset: CompiledRuleset) -> Iterator[tree.Node]:
    """What the rows of the table give that has an output of this name."""
    table, _, output = name.rpartition(".")
    for runner in _runners(ruleset):
        if isinstance(runner, TableRunner) and runner.grid.id == table:
            yield from (row.gives[output] for row in runner.grid.rows)


def _runners(ruleset: CompiledRuleset) -> Iterator[Runner]:
    """What runs each stage, also a stage for some applicants."""
    return (unconditional(stage.runner) for stage in ruleset.program.stages)
