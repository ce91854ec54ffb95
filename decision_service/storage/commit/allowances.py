"""A group's approvals within the allowances of the day, one after another in all processes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace
from sqlalchemy import Connection

from decision_service.rollout.allowances import Allowances, DayTotals, Grant, still_holds
from decision_service.storage.commit.entry import Commit
from decision_service.storage.queries.rollout import arms
from decision_service.storage.queries.rollout.days import hold_days

_Day = tuple[str, datetime]
"""Product and midnight."""


def exceeding(connection: Connection, group: Sequence[Commit]) -> frozenset[str]:
    """The ids of decisions that no longer hold by what is on record.

    Other processes that approve for the same products wait until the transaction ends. Of a group
    each approval counts for those after it, whether it is recorded or not: one too few is approved
    for a moment, never one too many.
    """
    bound = [c for c in group if c.allowances is not None and _claims(c)]
    if not bound:
        return frozenset()
    hold_days(connection, {c.entry.product for c in bound})
    days: dict[_Day, DayTotals] = {}
    units: dict[tuple[str, str], int | None] = {}
    return frozenset(c.entry.decision_id for c in bound if not _take(connection, c, days, units))


def _claims(commit: Commit) -> bool:
    arm = commit.arm
    return arm is not None and (arm.grant is not None or arm.explored is not None)


def _take(
    connection: Connection,
    commit: Commit,
    days: dict[_Day, DayTotals],
    units: dict[tuple[str, str], int | None],
) -> bool:
    """Count an approval where it still holds."""
    found, arm, product = commit.allowances, commit.arm, commit.entry.product
    if found is None or arm is None:
        return True
    day, unit = (product, found.limits.midnight), (product, arm.unit)
    if day not in days:
        days[day] = arms.day_totals(connection, *day)
    if arm.explored is not None and unit not in units:
        units[unit] = _explored(connection, found, *unit)
    now = replace(found, totals=days[day], unit=units.get(unit, found.unit))
    if not still_holds(now, found, arm.grant, arm.explored):
        return False
    days[day] = _with(days[day], arm.grant, arm.explored)
    if arm.explored is not None:
        amount = arm.grant.amount if arm.grant else None
        units[unit] = max(units[unit] or 0, amount or 0)
    return True


def _explored(connection: Connection, found: Allowances, product: str, unit: str) -> int | None:
    explore = found.limits.explore
    return None if explore is None else arms.explored(connection, product, unit, explore.since)


def _with(totals: DayTotals, grant: Grant | None, charge: int | None) -> DayTotals:
    return totals if grant is None else totals.plus(grant, charge or 0)
