"""Christina: a job that a scheme shows, and deliveries at weekends that a platform shows."""

from __future__ import annotations

from datetime import date, timedelta

from decision_service.simulator.formats.dates import first_day, month_of, settled_month
from decision_service.simulator.formats.ids import wobble
from decision_service.simulator.people.government import contributions, estimates
from decision_service.simulator.people.platforms import Habit, platform_estimates, wallet
from decision_service.simulator.people.posting import PROMPT
from decision_service.simulator.people.sandbox.accounts import Story, contributions_for
from decision_service.simulator.people.shapes import Origin, employment, source
from decision_service.simulator.people.world import Json, Source

_EMPLOYER = "Luzon Telecommunications, Inc."
_WEEKENDS = Habit(weekdays=(4, 5, 6), trips=2, per_trip=320, trip="GrabFood delivery earnings")


def _pay(month: int) -> float:
    return round(28_000 * (1 + 0.015 * wobble("Christina", month)), -1)


def _sss(origin: Origin, who: Json, today: date) -> Source:
    first = settled_month(today) - 39
    months = range(first, PROMPT.newest(today) + 1)
    items = {
        "identities": [who],
        "eincomes": estimates(origin, months, _pay),
        "contributions": contributions(origin, months, contributions_for(_pay)),
        "employments": [employment(origin, _EMPLOYER, "Billing analyst", first_day(first))],
    }
    return source(origin, items)


def _grab(origin: Origin, who: Json, today: date) -> Source:
    """Deliveries from Friday to Sunday; the platform's estimates cover every complete month."""
    first = first_day(month_of(today) - 33)
    entries = wallet(origin, _WEEKENDS, first, today - timedelta(days=1))
    told = platform_estimates(origin, entries, today)
    return source(origin, {"identities": [who], "transactions": entries, "eincomes": told})


STORY = Story((("sss_ph", 300, _sss), ("grab_ph", 299, _grab)))
