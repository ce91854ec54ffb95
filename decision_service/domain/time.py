"""The instant a decision is made for, with its civil date in the ruleset's zone."""

from __future__ import annotations

from datetime import date, datetime, time, tzinfo

import msgspec


class AsOf(msgspec.Struct, frozen=True):
    """`instant` is aware; `date` is its civil date in `zone`, never a provider's.

    `doubtful` says that the clock had gone back, so that no age can be judged by this instant.
    """

    instant: datetime
    date: date
    zone: tzinfo
    doubtful: bool = False

    @classmethod
    def at(cls, instant: datetime, zone: tzinfo, *, doubtful: bool = False) -> AsOf:
        """The instant seen in a zone; raises ValueError when the instant has no zone of its own."""
        if instant.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return cls(instant, instant.astimezone(zone).date(), zone, doubtful)


def noon(day: date, zone: tzinfo) -> AsOf:
    """Noon of a civil day in a zone, which stands for a day without a time."""
    return AsOf.at(datetime.combine(day, time(12), zone), zone)
