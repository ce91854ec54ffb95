"""The instant a decision is made for, and calendar months that count and compare."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, time, tzinfo

import msgspec


class AsOf(msgspec.Struct, frozen=True):
    """`instant` is aware; `date` is its civil date in `zone`, never a provider's.

    `doubtful` says that the clock could not be believed, so that a person has to decide.
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
    """Noon of a civil day in a zone, for a day without a time."""
    return AsOf.at(datetime.combine(day, time(12), zone), zone)


class Month(msgspec.Struct, frozen=True, order=True):
    """A calendar month; `index` is year * 12 + (month - 1), so that months subtract."""

    index: int

    @classmethod
    def of(cls, day: date) -> Month:
        return cls(day.year * 12 + day.month - 1)

    @classmethod
    def parse(cls, text: str) -> Month:
        """Read `yyyy-MM`; raises ValueError when the text is anything else."""
        if len(text) != 7 or text[4] != "-" or not (text[:4] + text[5:]).isascii():
            raise ValueError("not a month of the form yyyy-MM")
        year, month = int(text[:4]), int(text[5:])
        if not (1 <= year <= 9999 and 1 <= month <= 12):
            raise ValueError("not a month of the form yyyy-MM")
        return cls(year * 12 + month - 1)

    @property
    def year(self) -> int:
        return self.index // 12

    @property
    def number(self) -> int:
        """The month of the year, 1 to 12."""
        return self.index % 12 + 1

    @property
    def first_day(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def last_day(self) -> date:
        return date(self.year, self.number, monthrange(self.year, self.number)[1])

    def plus(self, months: int) -> Month:
        return Month(self.index + months)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"
