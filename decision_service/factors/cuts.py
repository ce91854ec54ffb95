"""Trailing days, cut where windows of days begin, so that each transaction lies in one part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

CUT_DAYS = (91, 56, 28, 14, 7)
"""How many trailing days before the end a part begins; 56 are the 28 before the last 28."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """The parts of the trailing days up to `end`, that day included.

    Part 0 is all before them, part 1 the 91st to the 57th day, part 5 the last seven days, and part
    `after` what is later than the end: a date's part is how many of `starts` are not after it.
    """

    end: date
    starts: tuple[date, ...]

    @classmethod
    def to(cls, end: date) -> Cuts:
        """The cuts of the days that end with a date."""
        return cls(end, tuple(_start(end, days) for days in (*CUT_DAYS, 0)))

    @property
    def after(self) -> int:
        """The part of the dates after the end."""
        return len(CUT_DAYS) + 1

    def parts(self, days: int, before: int = 0) -> range:
        """The parts of so many days that end `before` days before the end.

        Raises ValueError where they do not begin and end at a cut.
        """
        last = CUT_DAYS.index(before) if before else len(CUT_DAYS)
        return range(CUT_DAYS.index(days + before) + 1, last + 1)

    def first_day(self, days: int, before: int = 0) -> date:
        """The first of these days."""
        return _start(self.end, days + before)


def _start(end: date, days: int) -> date:
    return end - timedelta(days=days - 1)
