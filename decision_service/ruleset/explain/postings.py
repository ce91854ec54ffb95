"""Months that a source has not posted yet, in words."""

from __future__ import annotations

from datetime import date

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import NO_PAY, Missing
from decision_service.domain.months import Month
from decision_service.language.evaluation.kleene import Gap

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


def not_posted(gap: Gap) -> str:
    """`Income of October 2026 is not posted yet by acc-1; due by 11 November 2026`.

    Of payroll: `acc-1 shows no pay of October 2026, or far less than usual`.
    """
    missing = gap.missing
    if missing.detail == NO_PAY and missing.month is not None:
        month = _month(Month(missing.month))
        return f"{missing.source} shows no pay of {month}, or far less than usual"
    month = "" if missing.month is None else f" of {_month(Month(missing.month))}"
    by = f" by {missing.source}" if missing.source else ""
    due = f"; due by {_day(missing.due)}" if missing.due else ""
    paid = missing.kind is Kind.CONTRIBUTIONS or gap.name.startswith("contributions.")
    subject, verb = ("Contributions", "are") if paid else ("Income", "is")
    return f"{subject}{month} {verb} not posted yet{by}{due}"


def wait_for(missing: Missing) -> str:
    """What helps: `decide again from 11 November 2026 on, when October 2026 is posted`."""
    start = f" from {_day(missing.due)} on," if missing.due else ""
    month = "the month" if missing.month is None else _month(Month(missing.month))
    return f"decide again{start} when {month} is posted"


def _month(month: Month) -> str:
    return f"{_MONTHS[month.number - 1]} {month.year}"


def _day(day: date) -> str:
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
