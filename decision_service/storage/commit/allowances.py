"""A group's approvals within the allowances of the day, one after another in all processes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace
from sqlalchemy import Connection

from decision_service.rollout.allowances import DayTotals, cap_reached
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
    return frozenset(c.entry.decision_id for c in bound if not _take(connection, c, days))


def _claims(commit: Commit) -> bool:
    return commit.arm is not None and commit.arm.grant is not None


def _take(connection: Connection, commit: Commit, days: dict[_Day, DayTotals]) -> bool:
    """Count an approval where it still holds."""
    found, arm = commit.allowances, commit.arm
    if found is None or arm is None or arm.grant is None:
        return True
    day = (commit.entry.product, found.limits.midnight)
    if day not in days:
        days[day] = arms.day_totals(connection, *day)
    if cap_reached(replace(found, totals=days[day]), arm.grant) is not None:
        return False
    days[day] = days[day].plus(arm.grant)
    return True
