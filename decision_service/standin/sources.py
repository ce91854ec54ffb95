"""The data of one source: a social security scheme, a payroll, a gig platform's wallet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from decision_service.standin.formats import (
    GOVERNMENT_LAG_MONTHS,
    days,
    first_day,
    last_day,
    month_number,
    month_of,
    month_text,
    seeded_random,
)
from decision_service.standin.world import AmountOf, Json, Origin, money, transaction

Period = tuple[date, date]
Entry = tuple[str, float, str]
"""A wallet entry: key within its day, amount, description."""
CASH_OUT = "Cash out to bank account"
TOP_UP = "Wallet top-up"
NET_SHARE = 0.86
"""What is left of the gross pay."""
PAYDAYS_A_YEAR = {"Weekly": 52, "Semimonthly": 24, "Monthly": 12, "Quarterly": 4, "Variable": 12}
_CREDIT_STEP = 500
_CREDIT_FLOOR = 5_000
_CREDIT_CEILING = 35_000
_CONTRIBUTION_RATE = 0.15


@dataclass(frozen=True, slots=True)
class Posting:
    """The time at which a payer's months show at a scheme.

    `lag` is the number of complete months after which a month is certain to be shown, `every` how
    many calendar months are paid together (3 by the quarter, 12 by the year), and `late` how many
    months later than the scheme's other payers this one is.
    """

    lag: int = GOVERNMENT_LAG_MONTHS
    every: int = 1
    late: int = 0

    def newest(self, today: date) -> int:
        """Return the newest month shown; a prompt payer's is one past the lag from the 15th on."""
        complete = month_of(today) - 1 - self.lag - self.late
        shown = complete + (1 if self.lag and today.day >= 15 else 0)
        return shown - (shown + 1) % self.every

    def day(self, month: int) -> date:
        batch_end = month - month % self.every + self.every - 1
        first = first_day(batch_end + (self.lag + self.late or 1))
        return first + timedelta(days=14) if self.lag else first


PROMPT = Posting()
"""Each month on its own, two months after it."""
IMMEDIATE = Posting(lag=0)
"""Each month as soon as it is over, as a platform shows its own figures."""


def salary_credit(income: float) -> int:
    """The monthly salary credit a scheme books an income under, in steps of 500 PHP."""
    stepped = round(income / _CREDIT_STEP) * _CREDIT_STEP
    return min(max(stepped, _CREDIT_FLOOR), _CREDIT_CEILING)


def contribution_of(income: float) -> float:
    return money(salary_credit(income) * _CONTRIBUTION_RATE)


def estimates(
    origin: Origin, months: Iterable[int], amount_of: AmountOf, *, posting: Posting = PROMPT
) -> list[Json]:
    found = []
    for month in months:
        text = month_text(month)
        amount = money(amount_of(month))
        fields = {"month": text, "currency": "PHP", "baseAmount": amount, "amount": amount}
        found.append(origin.item("einc", text, fields, posting.day(month)))
    return found


def contributions(
    origin: Origin, months: Iterable[int], amount_of: AmountOf, *, posting: Posting = PROMPT
) -> list[Json]:
    found = []
    for month in months:
        fields = {
            "date": last_day(month).isoformat(),
            "currency": "PHP",
            "amount": money(amount_of(month)),
            "referenceId": f"PRN{month_text(month).replace('-', '')}",
        }
        found.append(origin.item("con", month_text(month), fields, posting.day(month)))
    return found


def loan(
    origin: Origin,
    kind: str,
    first_month: int,
    months: int,
    *,
    principal: float,
    amortization: float,
    paid: int,
    overdue: float = 0,
) -> Json:
    owed = money(amortization * (months - paid))
    fields: Json = {
        "type": kind,
        "referenceId": f"SL{month_text(first_month).replace('-', '')}{months:03d}",
        "startDate": first_day(first_month - 2).isoformat(),
        "firstAmortizationDate": first_day(first_month).isoformat(),
        "endDate": last_day(first_month + months - 1).isoformat(),
        "amortizationFrequency": "Monthly",
        "currency": "PHP",
        "loanAmount": money(principal),
        "amortizationAmount": money(amortization),
        "outstandingBalance": owed,
        "nextPaymentAmount": money(amortization if owed else 0),
        "overduePaymentAmount": money(overdue),
    }
    return origin.item("lia", (kind, first_month), fields)


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
    share = 12 / PAYDAYS_A_YEAR[frequency]
    return [
        payslip(
            origin,
            employer,
            gross_of(month_of(period[1])) * share,
            period=period,
            frequency=frequency,
            shown=shown,
        )
        for period in periods(frequency, span)
    ]


def periods(frequency: str, span: Period) -> list[Period]:
    return [p for p in _all_periods(frequency, span) if span[0] <= p[0] and p[1] <= span[1]]


def payslip(
    origin: Origin, employer: str, gross: float, period: Period, frequency: str, shown: int = 1
) -> Json:
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
    first = first_day(month)
    last = last_day(month + length - 1)
    middle = first + timedelta(days=14)
    return [(first, middle), (middle + timedelta(days=1), last)] if halves else [(first, last)]


@dataclass(frozen=True, slots=True)
class WorkPattern:
    """A person's work for a platform.

    `weekdays` are the days worked (Monday is 0), `trips` how many trips are entered a day, and
    `per_trip` what one pays on average in the currency's major unit, before the commission.
    """

    weekdays: tuple[int, ...]
    trips: int
    per_trip: float
    commission: float = 0.18
    currency: str = "PHP"
    trip: str = "Trip earnings"


def wallet(origin: Origin, pattern: WorkPattern, first: date, last: date) -> list[Json]:
    return [
        transaction(
            origin, day, key, amount=amount, description=description, currency=pattern.currency
        )
        for day in days(first, last)
        for key, amount, description in _entries(origin.id, pattern, day)
    ]


def platform_estimates(origin: Origin, transactions: Iterable[Json], today: date) -> list[Json]:
    earned: dict[int, float] = defaultdict(float)
    for one in transactions:
        if one["description"] not in (CASH_OUT, TOP_UP):
            earned[month_number(one["date"][:7])] += one["amount"]
    months = [month for month in earned if month < month_of(today) and earned[month] > 0]
    return estimates(origin, months, earned.__getitem__, posting=IMMEDIATE)


def _entries(account: str, pattern: WorkPattern, day: date) -> Iterator[Entry]:
    yield from _worked(account, pattern, day)
    if day.weekday() == 0:
        yield from _settled(account, pattern, day)
    if day.day == 1 and seeded_random(account, day, "top-up").random() < 0.3:
        yield "top", round(2 * pattern.per_trip, 2), TOP_UP


def _worked(account: str, pattern: WorkPattern, day: date) -> list[Entry]:
    if day.weekday() not in pattern.weekdays:
        return []
    rng = seeded_random(account, day)
    if rng.random() < 0.08:
        return []
    fares = [round(pattern.per_trip * rng.uniform(0.75, 1.3), 2) for _ in range(pattern.trips)]
    trips = [(f"{index:02d}", fare, pattern.trip) for index, fare in enumerate(fares)]
    entries = [*trips, ("fee", -round(sum(fares) * pattern.commission, 2), "Platform commission")]
    if rng.random() < 0.15:
        entries.append(("tip", round(pattern.per_trip * 0.2, 2), "Customer tip"))
    if rng.random() < 0.01:
        entries.append(("adj", -fares[0], "Fare adjustment reversal"))
    return entries


def _settled(account: str, pattern: WorkPattern, day: date) -> Iterator[Entry]:
    """Yield Monday's entries: an incentive for a full week, and the week's cash-out."""
    week = [
        entry
        for d in days(day - timedelta(days=7), day - timedelta(days=1))
        for entry in _worked(account, pattern, d)
    ]
    earned = sum(amount for _, amount, _ in week)
    if len(week) > 0.9 * len(pattern.weekdays) * (pattern.trips + 1):
        yield "inc", round(pattern.per_trip * 1.5, 2), "Weekly incentive bonus"
    if earned > 0:
        yield "out", -float(int(earned * 0.95)), CASH_OUT
