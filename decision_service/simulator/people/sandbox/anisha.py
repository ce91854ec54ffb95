"""Anisha: project work that a scheme shows, with a month without pay in every three."""

from __future__ import annotations

from datetime import date

from decision_service.simulator.formats.dates import first_day, settled_month
from decision_service.simulator.formats.ids import noise
from decision_service.simulator.people.government import contributions, estimates
from decision_service.simulator.people.sandbox.accounts import SandboxAccounts, contributions_for
from decision_service.simulator.people.shapes import Origin, employment, source
from decision_service.simulator.people.world import DataSource, Json

_EMPLOYER = "Cebu Event Crews Cooperative"


def _pay(month: int) -> float:
    return round(16_000 * (1 + 0.02 * noise("Anisha", month)), -1)


def _sss(origin: Origin, who: Json, today: date) -> DataSource:
    """Paid in two months of every three, contributed for in one, counted from the newest month.

    The newest month that a scheme must have posted by today is one with pay: nothing is waited for,
    and every twelve months before it hold eight with pay and four with a contribution.
    """
    newest = settled_month(today)
    steps = {month: (newest - month) % 3 for month in range(newest - 35, newest + 1)}
    paid = [month for month, step in steps.items() if step != 1]
    contributed = [month for month, step in steps.items() if step == 0]
    job = employment(origin, _EMPLOYER, "Stage technician", first_day(newest - 35))
    items = {
        "identities": [who],
        "eincomes": estimates(origin, paid, _pay),
        "contributions": contributions(origin, contributed, contributions_for(_pay)),
        "employments": [job],
    }
    return source(origin, items)


ACCOUNTS = SandboxAccounts((("sss_ph", 95, _sss),))
