"""Days, months and instants as the vendor writes them, in Manila's civil time."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MANILA = ZoneInfo("Asia/Manila")
GOVERNMENT_LAG_MONTHS = 2
"""Complete months after which social security postings are certain to have arrived."""


def civil_day(instant: datetime) -> date:
    """Return the day it is in Manila at an instant."""
    return instant.astimezone(MANILA).date()


def start_of(day: date) -> datetime:
    """Return the instant at which a day begins in Manila."""
    return datetime.combine(day, time(), MANILA).astimezone(UTC)


def stamp(instant: datetime) -> str:
    """Write an instant as the vendor does: `yyyy-MM-ddTHH:mm:ssZ`, in UTC."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def month_of(day: date) -> int:
    """Return a day's month as a count of months, so that months can be added and subtracted."""
    return day.year * 12 + day.month - 1


def month_text(month: int) -> str:
    """Write a month as `yyyy-MM`."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def month_number(text: str) -> int:
    """Read a month written `yyyy-MM`."""
    year, month = text.split("-")
    return int(year) * 12 + int(month) - 1


def first_day(month: int) -> date:
    """Return a month's first day."""
    return date(month // 12, month % 12 + 1, 1)


def last_day(month: int) -> date:
    """Return a month's last day."""
    year, index = divmod(month, 12)
    return date(year, index + 1, monthrange(year, index + 1)[1])


def settled_month(today: date, lag: int = GOVERNMENT_LAG_MONTHS) -> int:
    """Return the newest month that is certain to be posted: the last complete one minus the lag."""
    return month_of(today) - 1 - lag


def days(first: date, last: date) -> Iterator[date]:
    """Yield every day from the first to the last, both included."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)
