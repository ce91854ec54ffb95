"""Which months are settled: ended before the sync, with the provider's posting lag passed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from decision_service.domain.months import Month
from decision_service.domain.time import AsOf
from decision_service.factors.usage import Feeder

STAND_IN_MONTHS = 13


def last_seen(as_of: AsOf, feeder: Feeder) -> date:
    """The civil date, in the ruleset's zone, of the earlier of `as_of` and the feeder's sync."""
    if feeder.synced is None or feeder.synced >= as_of.instant:
        return as_of.date
    return feeder.synced.astimezone(as_of.zone).date()


def settled_month(as_of: AsOf, feeder: Feeder) -> int:
    """The last month (Month.index) that is complete and posted for one feeder."""
    return Month.of(last_seen(as_of, feeder)).index - 1 - feeder.settled_lag


def family_horizon(as_of: AsOf, feeders: Iterable[Feeder]) -> int:
    """The earliest horizon among the feeders; of none, the last complete month before as_of."""
    fallback = Month.of(as_of.date).index - 1
    return min((settled_month(as_of, f) for f in feeders), default=fallback)


def trailing_end(as_of: AsOf, feeders: Iterable[Feeder]) -> date:
    """The last day of trailing days: the earliest sync's civil date among the feeders."""
    return min((last_seen(as_of, f) for f in feeders), default=as_of.date)


def stand_in_from(day: date) -> date:
    """From when transactions stand in as income: the first day of the 13th month before a day."""
    return Month.of(day).plus(-STAND_IN_MONTHS).first_day
