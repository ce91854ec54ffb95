"""One decided case as two sets of rules judge it: no vendor, no store, no clock.

Silent versions beside live decisions, comparisons of recorded ones and backtests ask it alike.
"""

from __future__ import annotations

from datetime import date

import msgspec

from decision_service.domain.money import Money
from decision_service.domain.verdict import OfferKind, Outcome, Verdict
from decision_service.impact.applicant import JudgedApplicant, LeftOut, NotCompared, Side
from decision_service.pipeline.rollout.pairs.case import DecidedCase, facts_for, loaded_for
from decision_service.pipeline.rollout.pairs.causes import causes
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts, evaluate


class RulesOnDay(msgspec.Struct, frozen=True):
    """Rules with the day whose dated parameters they take; None: the decision's own."""

    ruleset: CompiledRuleset
    day: date | None = None


class TwoVerdicts(msgspec.Struct, frozen=True):
    """What rules conclude before and after a change, and the facts as the latter took them."""

    before: Verdict
    after: Verdict
    facts: Facts


def second_opinion(
    case: DecidedCase, base: RulesOnDay, other: RulesOnDay
) -> JudgedApplicant | NotCompared:
    """The case as both judge it, or why they cannot; raises nothing.

    Whatever a version raises counts as its RULE_ERROR.
    """
    try:
        found = verdicts(case, base, other)
        if isinstance(found, NotCompared):
            return found
        return judged_applicant(case, base, other, found)
    except Exception:  # noqa: BLE001 - whatever is wrong with a version is its failure alone
        return NotCompared(LeftOut.RULE_ERROR)


def verdicts(case: DecidedCase, base: RulesOnDay, other: RulesOnDay) -> TwoVerdicts | NotCompared:
    """What both conclude, or why they cannot be compared."""
    before = case.decision.rules_verdict
    if base.day is not None or base.ruleset.digest != case.ruleset.digest:
        told = _judged(case, base)
        if isinstance(told, NotCompared):
            return told
        before = told[0]
    told = _judged(case, other)
    if isinstance(told, NotCompared):
        return told
    after, facts = told
    if before.ended_in_rule_error or after.ended_in_rule_error:
        return NotCompared(LeftOut.RULE_ERROR)
    return TwoVerdicts(before, after, facts)


def judged_applicant(
    case: DecidedCase, base: RulesOnDay, other: RulesOnDay, found: TwoVerdicts
) -> JudgedApplicant:
    """Both sides, and where they differ the parts of the rules that moved the applicant."""
    before, after = side_of(found.before), side_of(found.after)
    one = JudgedApplicant(case.decision.decision_id, before, after)
    if not one.changed:
        return one
    moved = causes((base.ruleset, found.before), (other.ruleset, found.after))
    return JudgedApplicant(one.decision_id, before, after, moved)


def side_of(verdict: Verdict) -> Side:
    """What a verdict comes to."""
    offer, instalment = verdict.offer, None
    if offer is not None and verdict.outcome is Outcome.APPROVE:
        told = offer.outputs.get("instalment")
        instalment = told.minor if isinstance(told, Money) else None
    amount = verdict.approved_amount
    return Side(
        verdict.outcome,
        verdict.refer_kind,
        amount,
        instalment,
        amount is not None and offer is not None and offer.kind is OfferKind.REDUCED,
        tuple([reason.code for reason in verdict.reasons]),
    )


def _judged(case: DecidedCase, rules: RulesOnDay) -> tuple[Verdict, Facts] | NotCompared:
    """The verdict of rules with the facts that they took, or why there is none.

    Where the decision's own rules gave one for its own day, it stands.
    """
    facts = facts_for(case, rules.ruleset)
    if isinstance(facts, NotCompared):
        return facts
    if rules.day is not None:
        return evaluate(rules.ruleset, loaded_for(facts, rules.ruleset, rules.day)), facts
    if rules.ruleset.digest == case.ruleset.digest:
        return case.decision.rules_verdict, facts
    return evaluate(rules.ruleset, facts), facts
