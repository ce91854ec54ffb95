"""Christina: a job that a scheme shows, and deliveries at weekends that a platform shows."""

from __future__ import annotations

from datetime import date, timedelta

from decision_service.simulator.formats.dates import first_day, month_of, settled_month
from decision_service.simulator.formats.ids import noise
from decision_service.simulator.people.government import contributions, estimates
from decision_service.simulator.people.platforms import WorkPattern, platform_estimates, wallet
from decision_service.simulator.people.posting import PROMPT
from decision_service.simulator.people.sandbox.accounts import SandboxAccounts, contributions_for
from decision_service.simulator.people.shapes import Origin, employment, source
from decision_service.simulator.people.world import DataSource, Json

_EMPLOYER = "Luzon Telecommunications, Inc."
_WEEKENDS = WorkPattern(
    weekdays=(4, 5, 6), trips=2, per_trip=320, trip="GrabFood delivery earnings"
)


def _pay(month: int) -> float:
    return round(28_000 * (1 + 0.015 * noise("Christina", month)), -1)


def _sss(origin: Origin, who: Json, today: date) -> DataSource:
    first = settled_month(today) - 39
    months = range(first, PROMPT.newest(today) + 1)
    items = {
        "identities": [who],
        "eincomes": estimates(origin, months, _pay),
        "contributions": contributions(origin, months, contributions_for(_pay)),
        "employments": [employment(origin, _EMPLOYER, "Billing analyst", first_day(first))],
    }
    return source(origin, items)


def _grab(origin: Origin, who: Json, today: date) -> DataSource:
    """Deliveries from Friday to Sunday; the platform's estimates cover every complete month."""
    first = first_day(month_of(today) - 33)
    entries = wallet(origin, _WEEKENDS, first, today - timedelta(days=1))
    estimated = platform_estimates(origin, entries, today)
    return source(origin, {"identities": [who], "transactions": entries, "eincomes": estimated})


ACCOUNTS = SandboxAccounts((("sss_ph", 300, _sss), ("grab_ph", 299, _grab)))
