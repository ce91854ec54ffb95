"""The data of a payroll system or of payslips: one income for every pay period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from decision_service.simulator.formats.dates import days, first_day, last_day, month_of
from decision_service.simulator.people.shapes import AmountOf, Origin, money
from decision_service.simulator.people.world import Json

Period = tuple[date, date]
_PAYDAYS_A_YEAR = {"Weekly": 52, "Semimonthly": 24, "Monthly": 12, "Quarterly": 4, "Variable": 12}
FREQUENCIES = tuple(_PAYDAYS_A_YEAR)
NET_SHARE = 0.86
"""What is left of the gross pay."""


def incomes(
    origin: Origin,
    employer: str,
    gross_of: AmountOf,
    span: Period,
    frequency: str = "Semimonthly",
    *,
    shown: int = 1,
) -> list[Json]:
    """Return an income for every pay period within the span, each shown so many days after it.

    `gross_of` gives a month's whole gross pay; a period is paid by the month in which it ends.
    """
    share = 12 / _PAYDAYS_A_YEAR[frequency]
    return [
        payslip(origin, employer, gross_of(month_of(period[1])) * share, period, frequency, shown)
        for period in periods(frequency, span)
    ]


def periods(frequency: str, span: Period) -> list[Period]:
    """Return the pay periods of a frequency that lie wholly within the span."""
    return [p for p in _all_periods(frequency, span) if span[0] <= p[0] and p[1] <= span[1]]


def payslip(
    origin: Origin, employer: str, gross: float, period: Period, frequency: str, shown: int = 1
) -> Json:
    """Return one Income, shown so many days after its period's end."""
    start, end = period
    fields = {
        "employer": employer,
        "startDate": start.isoformat(),
        "endDate": end.isoformat(),
        "currency": "PHP",
        "frequency": frequency,
        "baseAmount": money(gross * 0.9),
        "grossAmount": money(gross),
        "netAmount": money(gross * NET_SHARE),
    }
    return origin.item("inc", (employer, start, end), fields, end + timedelta(days=shown))


def repeated_payslips(origin: Origin, payslips: Iterable[Json]) -> list[Json]:
    """Return the same payslips under new ids, as a later sync may bring them."""
    return [_renamed(origin, one) for one in payslips]


def monthly_summaries(origin: Origin, halves: Iterable[Json]) -> list[Json]:
    """Return one income for each month of which both halves are among the payslips."""
    by_month: dict[str, list[Json]] = defaultdict(list)
    for one in sorted(halves, key=lambda item: str(item["endDate"])):
        by_month[one["endDate"][:7]].append(one)
    return [_summary(origin, *pair) for pair in by_month.values() if len(pair) == 2]


def thirteenth_month(origin: Origin, employer: str, gross: float, year: int) -> Json:
    """Return the extra month's pay for a calendar year, as one income from January to December."""
    return payslip(origin, employer, gross, (date(year, 1, 1), date(year, 12, 31)), "Annually")


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


def _renamed(origin: Origin, one: Json) -> Json:
    fields = {name: value for name, value in one.items() if name not in ("id", "metadata")}
    shown = date.fromisoformat(one["endDate"]) + timedelta(days=1)
    return origin.item("inc", ("again", one["id"], one["endDate"]), fields, shown)


def _summary(origin: Origin, first: Json, second: Json) -> Json:
    amounts = {
        name: money(first[name] + second[name])
        for name in ("baseAmount", "grossAmount", "netAmount")
    }
    whole = {**first, **amounts, "endDate": second["endDate"], "frequency": "Monthly"}
    return _renamed(origin, whole)
