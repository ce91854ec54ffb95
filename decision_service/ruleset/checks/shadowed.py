"""Rules that an earlier rule of their stage has already decided."""

from __future__ import annotations

from decision_service.domain.verdict import Outcome
from decision_service.ruleset.analysis.satisfiable import can_hold
from decision_service.ruleset.constructs.rules.model import Rule
from decision_service.ruleset.constructs.rules.read import RulesPart
from decision_service.ruleset.reading.draft import RulesetDraft

_SEVERITY = {Outcome.APPROVE: 1, Outcome.REFER: 2, Outcome.DECLINE: 3}
_MOST_RULES = 100


def check_shadowed(draft: RulesetDraft) -> None:
    """R407 for a rule identical to an earlier one, R408 for one contained in it."""
    for part in draft.parts():
        if isinstance(part.part, RulesPart):
            rules = part.part.rules[:_MOST_RULES]
            for index, rule in enumerate(rules):
                _check(rule, rules[:index], draft)


def _check(rule: Rule, earlier: tuple[Rule, ...], draft: RulesetDraft) -> None:
    for other in earlier:
        if rule.when is None or other.when is None or rule.then is None or other.then is None:
            continue
        if rule.when == other.when:
            message = f"{rule.what} has the condition of {other.what} on line {other.place.line}"
            draft.report.error("R407", rule.when.place, message, "make them one rule")
            return
        if _SEVERITY[rule.then] <= _SEVERITY[other.then] and contained(rule, other, draft):
            message = f"whenever {rule.what} holds, {other.what} on line {other.place.line} does"
            hint = f"it changes nothing after {other.then}; remove it or narrow the earlier one"
            draft.report.error("R408", rule.when.place, message, hint)
            return


def contained(rule: Rule, other: Rule, draft: RulesetDraft) -> bool:
    """Whether another rule holds whenever a rule does, each being true of some values."""
    if rule.when is None or other.when is None:
        return False
    currency = draft.names.currency
    if not (can_hold([(rule.when, True)], currency) and can_hold([(other.when, False)], currency)):
        return False  # never or always true: reported as that
    return not can_hold([(rule.when, True), (other.when, False)], currency)
