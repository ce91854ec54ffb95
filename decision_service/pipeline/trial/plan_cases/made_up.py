"""Made-up cases at the edge of each bound: one that it lets pass, one that it holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from msgspec.structs import replace

from decision_service.domain.money import LARGEST_AMOUNT, to_minor
from decision_service.domain.verdict import Outcome
from decision_service.language.diagnostics import Place
from decision_service.pipeline.trial.plan_cases.bounds import BoundEffect, PlanBound
from decision_service.pipeline.trial.plan_cases.expectation import PlanExpectation
from decision_service.pipeline.trial.plan_cases.model import PlanCase, PlanUnderTest, RulesSaid
from decision_service.rollout.allowances import DayTotal, DayTotals, Grant

_AMOUNTS = tuple(Decimal(amount) for amount in (10_000, 1_000, 100, 10, 1, "0.01"))
"""Amounts of loans that are tried, in major units."""

_NOWHERE = Place("", 1, 1, 2)


def made_up(bound: PlanBound, effect: BoundEffect, tested: PlanUnderTest) -> PlanCase | None:
    """The first made-up case with which a bound does this; None where it does so with none."""
    plan, currency = tested.plan, tested.currency
    for case in (*edge_cases(bound, effect, tested), *_early(bound, effect, tested)):
        if bound.effect(plan, case, currency) is effect:
            return case
    return None


def edge_cases(bound: PlanBound, effect: BoundEffect, tested: PlanUnderTest) -> Iterator[PlanCase]:
    """Cases right within a bound (`lets pass`) or right beyond it (`holds`)."""
    beyond = effect is BoundEffect.HOLDS
    for tier in _tiers(bound, tested):
        for amount in _amounts(bound, tested, beyond=beyond):
            grant = Grant(to_minor(amount, tested.currency), tier)
            case = _cap_case(grant) if bound.cap else _explore_case(grant)
            yield _at_edge(case, grant, bound, tested, beyond=beyond)


def _early(bound: PlanBound, effect: BoundEffect, tested: PlanUnderTest) -> Iterator[PlanCase]:
    """The first cases of a day, for a bound whose edge lies beyond that of another one."""
    for case in edge_cases(bound, effect, tested):
        yield replace(case, day=DayTotals())


def _tiers(bound: PlanBound, tested: PlanUnderTest) -> Sequence[str]:
    """The cap's own tier, else any; one without a cap of its own comes first."""
    caps = tested.plan.caps
    own = next((cap.tier for cap in caps if cap.name == bound.cap), "")
    if own:
        return (own,)
    capped = {cap.tier for cap in caps}
    return sorted(tested.tiers or {""}, key=lambda tier: (tier in capped, tier))


def _amounts(bound: PlanBound, tested: PlanUnderTest, *, beyond: bool) -> Sequence[Decimal]:
    explore = tested.plan.explore
    if bound.cap or explore is None:
        return _AMOUNTS
    if bound.field == "max_amount":
        return (min(explore.max_amount + beyond, LARGEST_AMOUNT),)
    return (explore.max_amount, *_AMOUNTS)


def _cap_case(grant: Grant) -> PlanCase:
    said = RulesSaid(Outcome.APPROVE, grant=grant)
    return PlanCase("", _NOWHERE, said, DayTotals(), None, None, PlanExpectation({}))


def _explore_case(grant: Grant) -> PlanCase:
    said = RulesSaid(Outcome.DECLINE, score_aside=grant)
    return PlanCase("", _NOWHERE, said, DayTotals(), 0, None, PlanExpectation({}))


def _at_edge(
    case: PlanCase, grant: Grant, bound: PlanBound, tested: PlanUnderTest, *, beyond: bool
) -> PlanCase:
    """The case with the day or the draw at the bound, and one more where it is beyond."""
    limit, tier = bound.value(tested.plan), grant.tier if _is_of_tier(bound, tested) else ""
    if bound.field == "approvals":
        return replace(case, day=DayTotals({tier: DayTotal(limit - (not beyond))}))
    if bound.field == "percent":
        return replace(case, slot=limit - (not beyond))
    if bound.field == "max_amount":
        return case
    edge = to_minor(min(limit + beyond, LARGEST_AMOUNT), tested.currency)
    so_far = max(edge - (grant.amount or 0), 0)
    if not bound.cap:
        return replace(case, day=DayTotals(explored=so_far))
    return replace(case, day=DayTotals({tier: DayTotal(0, so_far)}))


def _is_of_tier(bound: PlanBound, tested: PlanUnderTest) -> bool:
    return any(cap.name == bound.cap and cap.tier for cap in tested.plan.caps)
