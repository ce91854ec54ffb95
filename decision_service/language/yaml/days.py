"""Days that are written in another form than yyyy-mm-dd, and what was most likely meant."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, datetime

FORM = "write it as yyyy-mm-dd"
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})([T ].*)?")
_YEAR_LAST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
_NAMED_MONTH = ("%d-%b-%y", "%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d %Y", "%B %d %Y")


def day_hint(text: str) -> str:
    """What to write in place of a text that is no day of the form yyyy-mm-dd."""
    words = " ".join(text.replace(",", " ").split())
    found = _YEAR_FIRST.fullmatch(words)
    if found is not None:
        return _one(_day(found[1], found[2], found[3]))
    found = _YEAR_LAST.fullmatch(words)
    if found is not None:
        return _either(_day(found[3], found[1], found[2]), _day(found[3], found[2], found[1]))
    for form in _NAMED_MONTH:
        with suppress(ValueError):
            return _one(datetime.strptime(words, form).date())  # noqa: DTZ007  a day has no zone
    return FORM


def _one(day: date | None) -> str:
    return "there is no such day" if day is None else f"write `{day.isoformat()}`"


def _either(month_first: date | None, day_first: date | None) -> str:
    """The day, where one of the two readings is none; else both."""
    if month_first is None or day_first is None or month_first == day_first:
        return _one(month_first or day_first)
    return f"write `{month_first.isoformat()}` or `{day_first.isoformat()}`: it can be read as both"


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
