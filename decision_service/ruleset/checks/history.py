"""Knock-outs that let through histories too short for what is asked later."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from decision_service.domain.verdict import Component, Outcome
from decision_service.language.expressions import tree
from decision_service.language.types import INTEGER
from decision_service.ruleset.constructs.rules.model import Rule
from decision_service.ruleset.constructs.rules.read import RulesPart
from decision_service.ruleset.reading.draft import RulesetDraft


def check_history(draft: RulesetDraft) -> None:
    """R505 (warning) for a month threshold below the months that a used factor needs.

    Not for a factor of a rule that says with `because` what becomes of those without a value.
    """
    provided = _provided_for(draft)
    names = [name for name in draft.names.factors if name not in provided]
    for part in draft.stages:
        if part.component is Component.KNOCKOUT and isinstance(part.part, RulesPart):
            for rule in part.part.rules:
                for factor, months in _thresholds(rule):
                    _check(rule, factor, months, names, draft)


def _provided_for(draft: RulesetDraft) -> set[str]:
    stages = (part.part for part in draft.stages if isinstance(part.part, RulesPart))
    whens = [rule.when for stage in stages for rule in stage.rules if rule.because and rule.when]
    return {symbol.name for when in whens for symbol in tree.reads(when)}


def _check(
    rule: Rule, factor: str, months: Decimal, names: Iterable[str], draft: RulesetDraft
) -> None:
    family = factor.partition(".")[0]
    for name in names:
        spec = draft.names.catalogue[name]
        needs = spec.needs_months
        if spec.family == family and needs is not None and needs > months and rule.when is not None:
            message = f"{rule.what} lets through {months:f} months, but `{name}` needs {needs}"
            hint = "it will be missing for the others; raise the threshold or use a shorter factor"
            draft.report.warning("R505", rule.when.place, message, hint)


def _thresholds(rule: Rule) -> Iterable[tuple[str, Decimal]]:
    """Names of months-of-history factors that must be at least so many to pass."""
    if rule.then is not Outcome.DECLINE or not isinstance(rule.when, tree.Compare):
        return
    left, right = rule.when.left, rule.when.right
    is_months = isinstance(left, tree.NameRead) and ".months_" in left.symbol.name
    if rule.when.operator != "<" or not is_months or left.type is not INTEGER:
        return
    if isinstance(right, tree.Constant) and isinstance(right.value, int):
        yield left.text, Decimal(right.value)
    if (
        isinstance(right, tree.NameRead)
        and right.symbol.constant
        and right.symbol.lower is not None
    ):
        yield left.text, right.symbol.lower
