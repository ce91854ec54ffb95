"""What the four sandbox people's accounts hold, told relative to the day it is.

Amounts depend on the month they are for, so that a month reads the same on every day that shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from .dates import first_day, month_number, month_of, posted_month, settled_month, start_of
from .government import contribution_of, contributions, estimates, loan
from .ids import wobble
from .platforms import Habit, platform_estimates, wallet
from .shapes import Origin, employment, source
from .world import Json, Source

Telling = Callable[[Origin, Json, date], Source]
_REFERENCE_MONTH = month_number("2026-08")
_MIDNIGHT_AND = timedelta(seconds=1)
"""Accounts were synced just after midnight: never in the future, whatever the time of day."""


@dataclass(frozen=True, slots=True)
class Story:
    """A person's accounts: provider, how many days ago it was connected, and what it holds."""

    accounts: tuple[tuple[str, int, Telling], ...]

    @property
    def sources(self) -> tuple[Telling, ...]:
        """What tells each account's data."""
        return tuple(telling for _, _, telling in self.accounts)

    def origins(self, user_id: str, today: date) -> list[Origin]:
        """Return the accounts, connected long or lately and synced today."""
        synced = start_of(today) + _MIDNIGHT_AND
        return [
            Origin(user_id, provider, synced - timedelta(days=days), synced)
            for provider, days, _ in self.accounts
        ]


def _georges_pay(month: int) -> float:
    rise = 1.002 ** (month - _REFERENCE_MONTH)
    return round(35_000 * rise * (1 + 0.008 * wobble("George", month)), -1)


def _georges_sss(origin: Origin, who: Json, today: date) -> Source:
    months = range(settled_month(today) - 37, posted_month(today) + 1)
    repaid = 21
    return source(
        origin,
        {
            "identities": [who],
            "eincomes": estimates(origin, months, _georges_pay),
            "contributions": contributions(origin, months, _share_of(_georges_pay)),
            "employments": [
                employment(
                    origin,
                    "Pasig Logistics Services, Inc.",
                    "Warehouse supervisor",
                    first_day(settled_month(today) - 61),
                )
            ],
            "liabilities": [
                loan(
                    origin,
                    "Salary Loan",
                    month_of(today) - repaid,
                    24,
                    principal=20_000,
                    amortization=922.90,
                    paid=repaid,
                )
            ],
        },
    )


def _georges_pagibig(origin: Origin, who: Json, today: date) -> Source:
    months = range(settled_month(today) - 37, posted_month(today) + 1)
    jobs = [
        employment(
            origin,
            "Pasig Logistics Services, Inc.",
            "Warehouse supervisor",
            first_day(settled_month(today) - 61),
        )
    ]
    saved = contributions(origin, months, lambda _: 400)
    return source(origin, {"identities": [who], "employments": jobs, "contributions": saved})


def _ryans_pay(_: int) -> float:
    return 13_000


def _ryans_sss(origin: Origin, who: Json, today: date) -> Source:
    """Three settled months, no more; 0.35 × 13,000 − 4,468.79 leaves ₱ 81.21 a month."""
    newest = settled_month(today)
    months = range(newest - 2, newest + 1)
    return source(
        origin,
        {
            "identities": [who],
            "eincomes": estimates(origin, months, _ryans_pay),
            "contributions": contributions(origin, months, _share_of(_ryans_pay)),
            "employments": [
                employment(
                    origin,
                    "Bayan Calls Outsourcing, Inc.",
                    "Customer support agent",
                    first_day(newest - 2) + timedelta(days=1),
                )
            ],
            "liabilities": [
                loan(
                    origin,
                    "Consolidated Loan",
                    month_of(today) - 3,
                    12,
                    principal=50_000,
                    amortization=4_468.79,
                    paid=3,
                )
            ],
        },
    )


def _christinas_pay(month: int) -> float:
    return round(28_000 * (1 + 0.015 * wobble("Christina", month)), -1)


def _christinas_sss(origin: Origin, who: Json, today: date) -> Source:
    months = range(settled_month(today) - 39, posted_month(today) + 1)
    job = employment(
        origin,
        "Luzon Telecommunications, Inc.",
        "Billing analyst",
        first_day(settled_month(today) - 39),
    )
    return source(
        origin,
        {
            "identities": [who],
            "eincomes": estimates(origin, months, _christinas_pay),
            "contributions": contributions(origin, months, _share_of(_christinas_pay)),
            "employments": [job],
        },
    )


_WEEKENDS = Habit(weekdays=(4, 5, 6), trips=2, per_trip=320, trip="GrabFood delivery earnings")


def _christinas_grab(origin: Origin, who: Json, today: date) -> Source:
    """Deliveries from Friday to Sunday; the platform's estimates cover every complete month."""
    first = first_day(month_of(today) - 33)
    entries = wallet(origin, _WEEKENDS, first, today - timedelta(days=1))
    return source(
        origin,
        {
            "identities": [who],
            "transactions": entries,
            "eincomes": platform_estimates(origin, entries, today),
        },
    )


def _anishas_pay(month: int) -> float:
    return round(16_000 * (1 + 0.02 * wobble("Anisha", month)), -1)


def _anishas_sss(origin: Origin, who: Json, today: date) -> Source:
    """Paid in two months of every three, contributed for in one: any twelve hold eight and four."""
    newest = settled_month(today)
    phase = {month: (month - _REFERENCE_MONTH) % 3 for month in range(newest - 35, newest + 1)}
    paid = [month for month, step in phase.items() if step != 1]
    contributed = [month for month, step in phase.items() if step == 0]
    job = employment(
        origin, "Cebu Event Crews Cooperative", "Stage technician", first_day(newest - 35)
    )
    return source(
        origin,
        {
            "identities": [who],
            "eincomes": estimates(origin, paid, _anishas_pay),
            "contributions": contributions(origin, contributed, _share_of(_anishas_pay)),
            "employments": [job],
        },
    )


def _share_of(pay: Callable[[int], float]) -> Callable[[int], float]:
    return lambda month: contribution_of(pay(month))


george = Story((("sss_ph", 640, _georges_sss), ("pagibig_ph", 410, _georges_pagibig)))
ryan = Story((("sss_ph", 12, _ryans_sss),))
christina = Story((("sss_ph", 300, _christinas_sss), ("grab_ph", 299, _christinas_grab)))
anisha = Story((("sss_ph", 95, _anishas_sss),))
