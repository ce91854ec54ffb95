"""What bounds the day's approvals for one application, and what the day approved so far."""

from __future__ import annotations

from datetime import datetime, time

from decision_service.domain.money import to_minor
from decision_service.domain.time import AsOf
from decision_service.pipeline.rollout_ports import ArmLog
from decision_service.rollout.allowances import Allowances, CapLimit, DayLimits
from decision_service.rollout.model import DayCap, Plan


def day_limits(plan: Plan, as_of: AsOf, currency: str) -> DayLimits | None:
    """The caps of a plan for the civil day of a zone; None without any."""
    return DayLimits(midnight(as_of), cap_limits(plan, currency)) if plan.caps else None


def cap_limits(plan: Plan, currency: str) -> tuple[CapLimit, ...]:
    """The caps of a plan in minor units of a currency."""
    return tuple(_cap(cap, currency) for cap in plan.caps)


def midnight(as_of: AsOf) -> datetime:
    """When the civil day began."""
    return datetime.combine(as_of.date, time(), as_of.zone)


async def found_allowances(
    limits: DayLimits | None, product: str, arms: ArmLog
) -> Allowances | None:
    """The limits with what is on record; raises StoreUnavailable where that cannot be read."""
    if limits is None:
        return None
    return Allowances(limits, await arms.day_totals(product, limits.midnight))


def _cap(cap: DayCap, currency: str) -> CapLimit:
    amount = None if cap.amount is None else to_minor(cap.amount, currency)
    return CapLimit(cap.name, cap.tier, cap.approvals, amount)
