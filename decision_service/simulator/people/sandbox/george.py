"""George: a job of many years at a payroll and at two schemes, and one small loan."""

from __future__ import annotations

from datetime import date, timedelta

from decision_service.simulator.formats.dates import first_day, month_of, settled_month
from decision_service.simulator.formats.ids import noise
from decision_service.simulator.people.government import contributions, estimates, loan
from decision_service.simulator.people.payroll import incomes
from decision_service.simulator.people.posting import PROMPT
from decision_service.simulator.people.sandbox.accounts import (
    REFERENCE_MONTH,
    SandboxAccounts,
    contributions_for,
    gross_of,
)
from decision_service.simulator.people.shapes import Origin, employment, source
from decision_service.simulator.people.world import DataSource, Json

_EMPLOYER = "Pasig Logistics Services, Inc."
_INSTALMENTS, _REPAID = 24, 21


def _pay(month: int) -> float:
    """The net pay of a month, which equals the scheme's estimate."""
    rise = 1.002 ** (month - REFERENCE_MONTH)
    return round(35_000 * rise * (1 + 0.008 * noise("George", month)), -1)


def _months(today: date) -> range:
    """The months that the schemes show: three years, without a gap."""
    return range(settled_month(today) - 37, PROMPT.newest(today) + 1)


def _job(origin: Origin, today: date) -> Json:
    started = first_day(settled_month(today) - 61)
    return employment(origin, _EMPLOYER, "Warehouse supervisor", started)


def _loan(origin: Origin, today: date) -> Json:
    first = month_of(today) - _REPAID
    return loan(
        origin,
        "Salary Loan",
        first,
        _INSTALMENTS,
        principal=20_000,
        amortization=922.90,
        paid=_REPAID,
    )


def _sss(origin: Origin, who: Json, today: date) -> DataSource:
    months = _months(today)
    items = {
        "identities": [who],
        "eincomes": estimates(origin, months, _pay),
        "contributions": contributions(origin, months, contributions_for(_pay)),
        "employments": [_job(origin, today)],
        "liabilities": [_loan(origin, today)],
    }
    return source(origin, items)


def _pagibig(origin: Origin, who: Json, today: date) -> DataSource:
    saved = contributions(origin, _months(today), lambda _: 400)
    items = {"identities": [who], "employments": [_job(origin, today)], "contributions": saved}
    return source(origin, items)


def _payroll(origin: Origin, who: Json, today: date) -> DataSource:
    """Both halves of every month, each shown the day after it: no month is ever waited for."""
    span = (first_day(settled_month(today) - 37), today - timedelta(days=1))
    paid = incomes(origin, _EMPLOYER, gross_of(_pay), span)
    items = {"identities": [who], "employments": [_job(origin, today)], "incomes": paid}
    return source(origin, items)


ACCOUNTS = SandboxAccounts(
    (("sss_ph", 640, _sss), ("pagibig_ph", 410, _pagibig), ("sprout_ph", 405, _payroll))
)
