"""A gig platform's wallet day by day: earnings, fees, incentives, cash-outs, top-ups.

A day's entries depend on the account and the day alone, so that history never changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from decision_service.simulator.formats.dates import days, month_number, month_of
from decision_service.simulator.formats.ids import seeded_random
from decision_service.simulator.people.government import estimates
from decision_service.simulator.people.posting import IMMEDIATE
from decision_service.simulator.people.shapes import Origin, transaction
from decision_service.simulator.people.world import Json

CASH_OUT = "Cash out to bank account"
TOP_UP = "Wallet top-up"
Entry = tuple[str, float, str]
"""A wallet entry: key within its day, amount, description."""


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


FREELANCE = WorkPattern((2,), 1, 240.0, 0.1, "USD", "Fixed price milestone payment")
"""A freelancer abroad: one milestone a week, paid in US dollars."""


def wallet(origin: Origin, pattern: WorkPattern, first: date, last: date) -> list[Json]:
    """Return every transaction from the first day to the last, both included, oldest first."""
    return [
        transaction(origin, day, key, amount, description, pattern.currency)
        for day in days(first, last)
        for key, amount, description in _entries(origin.id, pattern, day)
    ]


def platform_estimates(origin: Origin, transactions: Iterable[Json], today: date) -> list[Json]:
    """Return the incomes estimated from a wallet: each complete month's earnings, without a lag."""
    earned = _earned_by_month(transactions)
    months = [month for month in earned if month < month_of(today) and earned[month] > 0]
    return estimates(origin, months, earned.__getitem__, posting=IMMEDIATE)


def _earned_by_month(transactions: Iterable[Json]) -> dict[int, float]:
    """Return what the work itself brought in each month: no cash-outs, no top-ups."""
    months: dict[int, float] = defaultdict(float)
    for one in transactions:
        if one["description"] not in (CASH_OUT, TOP_UP):
            months[month_number(one["date"][:7])] += one["amount"]
    return dict(months)


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
