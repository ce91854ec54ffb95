"""What a payroll system or a set of payslips shows: one income for every pay period."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from .dates import days, first_day, last_day, month_of
from .shapes import Origin, money
from .world import Json

Period = tuple[date, date]
_PAYDAYS_A_YEAR = {"Weekly": 52, "Semimonthly": 24, "Monthly": 12, "Quarterly": 4, "Variable": 12}
FREQUENCIES = tuple(_PAYDAYS_A_YEAR)


def incomes(
    origin: Origin,
    employer: str,
    monthly_gross: float,
    span: Period,
    frequency: str = "Semimonthly",
    currency: str = "PHP",
) -> list[Json]:
    """Return an income for every pay period that begins and ends within the span."""
    gross = monthly_gross * 12 / _PAYDAYS_A_YEAR[frequency]
    return [
        _income(origin, employer, gross, period, frequency, currency)
        for period in periods(frequency, span)
    ]


def periods(frequency: str, span: Period) -> list[Period]:
    """Return the pay periods of a frequency that lie wholly within the span."""
    return [p for p in _all_periods(frequency, span) if span[0] <= p[0] and p[1] <= span[1]]


def _all_periods(frequency: str, span: Period) -> Iterator[Period]:
    if frequency == "Weekly":
        mondays = (day for day in days(*span) if day.weekday() == 0)
        yield from ((day, day + timedelta(days=6)) for day in mondays)
        return
    step = 3 if frequency == "Quarterly" else 1
    start = month_of(span[0])
    for month in range(start - start % step, month_of(span[1]) + 1, step):
        yield from _within(month, step, halves=frequency == "Semimonthly")


def _within(month: int, length: int, *, halves: bool) -> list[Period]:
    first, last = first_day(month), last_day(month + length - 1)
    middle = first + timedelta(days=14)
    return [(first, middle), (middle + timedelta(days=1), last)] if halves else [(first, last)]


def _income(
    origin: Origin, employer: str, gross: float, period: Period, frequency: str, currency: str
) -> Json:
    start, end = period
    fields = {
        "employer": employer,
        "startDate": start.isoformat(),
        "endDate": end.isoformat(),
        "currency": currency,
        "frequency": frequency,
        "baseAmount": money(gross * 0.9),
        "grossAmount": money(gross),
        "netAmount": money(gross * 0.86),
    }
    return origin.item("inc", (employer, start, end), fields, end)
