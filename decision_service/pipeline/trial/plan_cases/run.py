"""Settles cases of a plan as the service settles decisions, without a store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from decision_service.domain.money import Money
from decision_service.domain.time import AsOf
from decision_service.domain.verdict import (
    Component,
    Offer,
    OfferKind,
    Outcome,
    Reason,
    Verdict,
)
from decision_service.pipeline.decide.overrides.depart import Settled, depart
from decision_service.pipeline.decide.overrides.limits import bounds_of
from decision_service.pipeline.trial.plan_cases.model import PlanCase, PlanUnderTest, RulesSaid
from decision_service.rollout.allowances import Allowances, Grant
from decision_service.rollout.gate import slot_in_share
from decision_service.rollout.model import Plan
from decision_service.ruleset.testing.expectations import Difference

_SOME_DAY = AsOf.at(datetime(2026, 1, 1, 12, tzinfo=UTC), UTC)
"""Any: what the day approved is given, so that its date decides nothing."""


class PlanCaseResult(msgspec.Struct, frozen=True):
    """One case's run; `problem` is empty, as nothing keeps a case of a plan from running."""

    case: PlanCase
    settled: Settled
    differences: tuple[Difference, ...] = ()
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether it came out as expected."""
        return not self.differences


def run_plan_cases(tested: PlanUnderTest, cases: Iterable[PlanCase]) -> tuple[PlanCaseResult, ...]:
    """Settle every case."""
    return tuple(_run(tested, case) for case in cases)


def _run(tested: PlanUnderTest, case: PlanCase) -> PlanCaseResult:
    settled = settle_case(tested.plan, case, tested.currency)
    return PlanCaseResult(case, settled, case.expectation.differences(settled, tested.currency))


def settle_case(plan: Plan, case: PlanCase, currency: str) -> Settled:
    """What is decided of a case by a plan."""
    explore, dealt = plan.explore, case.slot
    slot = None if explore is None or dealt is None else slot_in_share(explore, dealt)
    limits = bounds_of(plan, slot, _SOME_DAY, currency)
    found = None if limits is None else Allowances(limits, case.day, case.before)
    verdict = _verdict(case.said, currency)
    aside = _aside(case.said, verdict, currency)
    return depart(verdict, lambda: aside, None, found)


def approves(plan: Plan, case: PlanCase, currency: str) -> bool:
    """Whether a case is approved by a plan."""
    return settle_case(plan, case, currency).verdict.outcome is Outcome.APPROVE


def _verdict(said: RulesSaid, currency: str) -> Verdict:
    reasons = tuple(Reason(code, {}, Component.POLICY) for code in said.reasons)
    offer = None if said.grant is None else _offer(said.grant, currency)
    return Verdict(said.outcome, said.refer_kind, reasons, offer=offer)


def _aside(said: RulesSaid, verdict: Verdict, currency: str) -> Verdict:
    """The second evaluation: an approval, or the same where another thing than the score counts."""
    if said.score_aside is None:
        return verdict
    return Verdict(Outcome.APPROVE, offer=_offer(said.score_aside, currency))


def _offer(grant: Grant, currency: str) -> Offer | None:
    if grant.amount is None:
        return None
    return Offer(OfferKind.FULL, Money(currency, grant.amount), tier=grant.tier)
