"""Approval is never a default: something has to approve, and be able to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from decision_service.domain.verdict import Outcome
from decision_service.language.expressions.tree import All
from decision_service.ruleset.analysis.satisfiable import Claim, can_hold
from decision_service.ruleset.checks.shadowed import contained
from decision_service.ruleset.constructs.rules.model import Rule
from decision_service.ruleset.constructs.rules.read import RulesPart
from decision_service.ruleset.program.part import StageCondition
from decision_service.ruleset.reading.draft import RulesetDraft

_MOST_RULES = 100


def check_approval(draft: RulesetDraft) -> None:
    """R406 where nothing can approve, R409 for a rule whose APPROVE others always worsen."""
    outcomes = {each.outcome for part in draft.parts() for each in part.part.conclusive()}
    if Outcome.APPROVE not in outcomes:
        if draft.stages:
            hint = "approval is never a default: add a rule with `then: APPROVE`"
            _nothing_approves("no rule, band or row approves", hint, draft)
        return
    worse = [rule for stage in _stages(draft) for rule in stage if _worsens(rule, draft)]
    worse = worse[:_MOST_RULES]
    if worse and _impossible([], worse, draft):
        hint = "leave values for which no REFER or DECLINE holds"
        _nothing_approves("some rule refers or declines whatever the values are", hint, draft)
        return
    for stage in _stages(draft):
        for index, rule in enumerate(stage):
            if rule.then is Outcome.APPROVE and not _is_reported(rule, stage[:index], stage, draft):
                _check(rule, worse, draft)


def _nothing_approves(what: str, hint: str, draft: RulesetDraft) -> None:
    message = f"{what}, so that every application is referred or declined"
    draft.report.error("R406", draft.root.node.key_place("stages"), message, hint)


def _stages(draft: RulesetDraft) -> Iterator[Sequence[Rule]]:
    for part in draft.parts():
        if isinstance(part.part, RulesPart):
            rules = part.part.rules[:_MOST_RULES]
            yield [_for_whom(rule, part.condition) for rule in rules]


def _for_whom(rule: Rule, condition: StageCondition | None) -> Rule:
    """The rule with the condition of its stage before its own."""
    when = rule.when
    if condition is None or when is None:
        return rule
    both = All((condition.when, when), text=when.text, place=when.place)
    return replace(rule, when=both)


def _worsens(rule: Rule, draft: RulesetDraft) -> bool:
    """Whether it can refer or decline, and does where a value is missing; not if it always holds.

    One that always holds is reported as that.
    """
    if rule.when is None or rule.then in (None, Outcome.APPROVE) or rule.on_missing is None:
        return False
    return can_hold([(rule.when, False)], draft.names.currency)


def _is_reported(
    rule: Rule, earlier: Sequence[Rule], stage: Sequence[Rule], draft: RulesetDraft
) -> bool:
    """Whether a rule is reported as shadowed by an earlier one, or as the same as another."""
    same = any(o is not rule and o.then and o.when == rule.when for o in stage)
    worse = [o for o in earlier if o.then not in (None, Outcome.APPROVE)]
    return same or any(contained(rule, o, draft) for o in worse)


def _check(rule: Rule, worse: Sequence[Rule], draft: RulesetDraft) -> None:
    if rule.when is None or _impossible([(rule.when, True)], [], draft):
        return
    if not _impossible([(rule.when, True)], worse, draft):
        return
    by = next((o for o in worse if contained(rule, o, draft)), None)
    others = "some other rule" if by is None else f"{by.what} on line {by.place.line}"
    message = f"{rule.what} can never approve: whenever it holds, {others} refers or declines"
    draft.report.error("R409", rule.when.place, message, "remove it, or narrow the others")


def _impossible(claims: Sequence[Claim], worse: Sequence[Rule], draft: RulesetDraft) -> bool:
    """Whether no values fulfil the claims and leave every one of these rules false."""
    false = [(rule.when, False) for rule in worse if rule.when is not None]
    return not can_hold([*claims, *false], draft.names.currency)
