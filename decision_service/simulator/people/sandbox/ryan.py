"""Ryan: a job of three months at a payroll, and a loan that takes nearly all that he can pay."""

from __future__ import annotations

from datetime import date, timedelta

from decision_service.simulator.formats.dates import first_day, month_of
from decision_service.simulator.people.government import contributions, estimates, loan
from decision_service.simulator.people.payroll import incomes
from decision_service.simulator.people.posting import PROMPT
from decision_service.simulator.people.sandbox.accounts import (
    SandboxAccounts,
    contributions_for,
    gross_of,
)
from decision_service.simulator.people.shapes import Origin, employment, source
from decision_service.simulator.people.world import DataSource, Json

_EMPLOYER = "Bayan Calls Outsourcing, Inc."
_MONTHS = 3
"""Complete months of work; fewer than any version of the shipped loan asks for."""


def _pay(_: int) -> float:
    return 13_000


def _first_month(today: date) -> int:
    return month_of(today) - _MONTHS


def _job(origin: Origin, today: date) -> Json:
    started = first_day(_first_month(today))
    return employment(origin, _EMPLOYER, "Customer support agent", started)


def _sss(origin: Origin, who: Json, today: date) -> DataSource:
    """The first month of work, and from the 15th on the second: more has not been posted yet.

    0.35 × 13,000 − 4,468.79 leaves ₱ 81.21 a month.
    """
    months = range(_first_month(today), PROMPT.newest(today) + 1)
    owed = loan(
        origin,
        "Consolidated Loan",
        month_of(today) - 3,
        12,
        principal=50_000,
        amortization=4_468.79,
        paid=3,
    )
    items = {
        "identities": [who],
        "eincomes": estimates(origin, months, _pay),
        "contributions": contributions(origin, months, contributions_for(_pay)),
        "employments": [_job(origin, today)],
        "liabilities": [owed],
    }
    return source(origin, items)


def _payroll(origin: Origin, who: Json, today: date) -> DataSource:
    """Every half-month since he began, so that what is missing is known to be missing."""
    span = (first_day(_first_month(today)), today - timedelta(days=1))
    paid = incomes(origin, _EMPLOYER, gross_of(_pay), span)
    items = {"identities": [who], "employments": [_job(origin, today)], "incomes": paid}
    return source(origin, items)


ACCOUNTS = SandboxAccounts((("sss_ph", 12, _sss), ("bayancalls_ph", 11, _payroll)))
