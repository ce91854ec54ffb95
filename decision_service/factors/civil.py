"""Differences of civil dates in whole months and years."""

from __future__ import annotations

from datetime import date, timedelta

from decision_service.domain.months import Month


def month_of(day: date) -> int:
    """The Month.index of a civil date; for loops that would make a Month of each record."""
    return day.year * 12 + day.month - 1


def plus_months(day: date, months: int) -> date:
    """The same day this many months later, or that month's last day where it is shorter."""
    month = Month.of(day).plus(months)
    return min(month.last_day, month.first_day + timedelta(days=day.day - 1))


def whole_months(start: date, end: date) -> int:
    """Completed months from `start` to `end`, at least 0.

    A month is completed on the same day of a later month; where that month has no such day, on the
    first day of the next one.
    """
    months = Month.of(end).index - Month.of(start).index
    return max(months - (end.day < start.day), 0)
