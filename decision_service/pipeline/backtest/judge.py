"""One recorded applicant judged before and after a change of the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import msgspec
from msgspec.structs import replace

from decision_service.domain.decision import Decision
from decision_service.domain.money import Money
from decision_service.domain.verdict import OfferKind, Outcome, Verdict
from decision_service.impact.applicant import JudgedApplicant, KnownLoan, LeftOut, Side
from decision_service.pipeline.backtest.causes import causes
from decision_service.pipeline.backtest.cells import cells_of
from decision_service.pipeline.rollout.pairs.pairs import Comparability
from decision_service.pipeline.rollout.pairs.second_opinion import (
    DecidedCase,
    facts_for,
    loaded_for,
)
from decision_service.rollout.model import WHOLE
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Facts, evaluate
from decision_service.ruleset.run.inputs import bind_inputs

_OWN = ("history.", "reuse.", "match.")


class NotCompared(msgspec.Struct, frozen=True):
    """Why an applicant cannot be compared, and the factors that were lacking."""

    why: LeftOut
    lacking: tuple[str, ...] = ()


class BacktestRules(msgspec.Struct, frozen=True):
    """The rules before and after, and the day whose dated parameters both take; None: their own.

    `points` are the rules of a sweep, `margins` those of figures moved a little; both read what
    `other` reads.
    """

    base: CompiledRuleset
    other: CompiledRuleset
    by: tuple[str, ...] = ()
    params_as_of: date | None = None
    points: tuple[CompiledRuleset, ...] = ()
    margins: tuple[CompiledRuleset, ...] = ()


def side_of(verdict: Verdict) -> Side:
    """What a verdict comes to."""
    offer, instalment = verdict.offer, None
    if offer is not None and verdict.outcome is Outcome.APPROVE:
        told = offer.outputs.get("instalment")
        instalment = told.minor if isinstance(told, Money) else None
    return Side(
        verdict.outcome,
        verdict.refer_kind,
        verdict.approved_amount,
        instalment,
        verdict.approved_amount is not None
        and offer is not None
        and offer.kind is OfferKind.REDUCED,
        tuple(reason.code for reason in verdict.reasons),
    )


def compare(
    case: DecidedCase,
    rules: BacktestRules,
    loan: KnownLoan | None = None,
    *,
    margins: bool = False,
) -> JudgedApplicant | NotCompared:
    """The applicant as both sets of rules judge her, or why they cannot; margins where asked.

    ERASED is also said of a case without its snapshot that has one: recorded values do not suffice.
    """
    day, before = rules.params_as_of, case.decision.rules_verdict
    if day is not None or rules.base.digest != case.ruleset.digest:
        told = _judged(case, rules.base, day)
        if isinstance(told, NotCompared):
            return told
        before = told[0]
    told = _judged(case, rules.other, day)
    if isinstance(told, NotCompared):
        return told
    after, facts = told
    if before.ended_in_rule_error or after.ended_in_rule_error:
        return NotCompared(LeftOut.RULE_ERROR)
    one = JudgedApplicant(case.decision.decision_id, side_of(before), side_of(after), loan=loan)
    moved = causes((rules.base, before), (rules.other, after)) if one.changed else ()
    cells = cells_of(case.decision, before, facts.inputs, rules.by)
    known = {rules.other.digest: one.after}
    points = _sides(rules.points, facts, day, known)
    near = _sides(rules.margins, facts, day, known) if margins else ()
    return replace(one, causes=moved, cells=cells, points=points, margins=near)


def _judged(
    case: DecidedCase, ruleset: CompiledRuleset, day: date | None
) -> tuple[Verdict, Facts] | NotCompared:
    """The verdict of a ruleset with the facts that it took, or why there is none."""
    facts = facts_for(case, ruleset)
    if isinstance(facts, Comparability):
        return _not_compared(case, ruleset, facts)
    return _verdict(case, ruleset, facts, day), facts


def _sides(
    every: tuple[CompiledRuleset, ...], facts: Facts, day: date | None, known: Mapping[str, Side]
) -> tuple[Side, ...]:
    """What each ruleset concludes from the same facts; `known` sides are by digest."""
    return tuple(
        known.get(ruleset.digest) or side_of(evaluate(ruleset, loaded_for(facts, ruleset, day)))
        for ruleset in every
    )


def weighed(loan: KnownLoan | None, decision: Decision) -> KnownLoan | None:
    """A loan of the control group stands for the share that it was drawn from."""
    percent = decision.override.percent if decision.override else None
    if loan is None or not percent:
        return loan
    return replace(loan, weight=loan.weight * WHOLE // percent)


def _verdict(
    case: DecidedCase, ruleset: CompiledRuleset, facts: Facts, day: date | None
) -> Verdict:
    """The verdict; where the decision's own rules gave one for its own day, it stands."""
    if day is not None:
        return evaluate(ruleset, loaded_for(facts, ruleset, day))
    if ruleset.digest == case.ruleset.digest:
        return case.decision.rules_verdict
    return evaluate(ruleset, facts)


def _not_compared(case: DecidedCase, ruleset: CompiledRuleset, why: Comparability) -> NotCompared:
    lacking = tuple(_lacking(case, ruleset))
    if why is Comparability.ERASED:
        return NotCompared(LeftOut.ERASED, lacking)
    if bind_inputs(ruleset, case.sent, case.known).problems:
        return NotCompared(LeftOut.INPUT_NOT_SENT)
    if any(name.startswith(_OWN) for name in lacking):
        return NotCompared(LeftOut.FACTOR_NOT_RECORDED, lacking)
    return NotCompared(LeftOut.DATA_NOT_READ, lacking)


def _lacking(case: DecidedCase, ruleset: CompiledRuleset) -> Iterator[str]:
    return (name for name in ruleset.needs.factors if name not in case.factors.values)
