"""What bounds the day's approvals for one application, and what the day approved so far."""

from __future__ import annotations

from datetime import datetime, time

from decision_service.domain.decision import Assignment
from decision_service.domain.money import to_minor
from decision_service.domain.time import AsOf
from decision_service.pipeline.rollout_ports import ArmLog
from decision_service.pipeline.rules.rulebook import Product
from decision_service.rollout.allowances import Allowances, CapLimit, DayLimits, ExploreLimit
from decision_service.rollout.gate import control_slot
from decision_service.rollout.model import DayCap, Plan
from decision_service.ruleset.program.model import CompiledRuleset


def day_limits(
    product: Product, assignment: Assignment, unit: str, as_of: AsOf, ruleset: CompiledRuleset
) -> DayLimits | None:
    """The caps of the plan, and for a unit in the control share its bounds; None without either.

    The civil day is that of the ruleset's zone.
    """
    slot = control_slot(product.plan, product.state, assignment, unit)
    return bounds_of(product.plan, slot, as_of, ruleset.currency)


def bounds_of(plan: Plan, slot: int | None, as_of: AsOf, currency: str) -> DayLimits | None:
    """The caps of a plan, and for a slot in the control share its bounds; None without either."""
    explore = None if slot is None else _explore(plan, slot, as_of, currency)
    if not plan.caps and explore is None:
        return None
    return DayLimits(midnight(as_of), cap_limits(plan, currency), explore)


def cap_limits(plan: Plan, currency: str) -> tuple[CapLimit, ...]:
    """The caps of a plan in minor units of a currency."""
    return tuple(_cap(cap, currency) for cap in plan.caps)


def midnight(as_of: AsOf) -> datetime:
    """When the civil day began."""
    return datetime.combine(as_of.date, time(), as_of.zone)


async def found_allowances(
    limits: DayLimits | None, product: str, unit: str, arms: ArmLog
) -> Allowances | None:
    """The limits with what is on record; raises StoreUnavailable where that cannot be read."""
    if limits is None:
        return None
    totals = await arms.day_totals(product, limits.midnight)
    explore = limits.explore
    granted = await arms.explored(product, unit, explore.since) if explore else None
    return Allowances(limits, totals, granted)


def _explore(plan: Plan, slot: int, as_of: AsOf, currency: str) -> ExploreLimit | None:
    explore = plan.explore
    if explore is None:
        return None
    largest, daily = (to_minor(a, currency) for a in (explore.max_amount, explore.amount))
    return ExploreLimit(slot, explore.percent, largest, daily, as_of.instant - plan.pin_for)


def _cap(cap: DayCap, currency: str) -> CapLimit:
    amount = None if cap.amount is None else to_minor(cap.amount, currency)
    return CapLimit(cap.name, cap.tier, cap.approvals, amount)
