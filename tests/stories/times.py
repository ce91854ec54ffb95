"""Days, months and moments as a story writes them: dated, or counted back from its today."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from decision_service.domain.months import Month
from decision_service.language.diagnostics import Report
from decision_service.language.yaml.nodes import YamlNode
from decision_service.language.yaml.readers import as_scalar, parse_day

T = TypeVar("T")

ZONE = ZoneInfo("Asia/Manila")

_AGO = re.compile(r"([0-9]{1,5}) (minute|hour|day|month)s? ago")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
_CLOCK = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) ([01][0-9]|2[0-3]):([0-5][0-9])")
_MONTH_HINT = "write 2026-10, `3 months ago`, `last month` or `this month`"
_DAY_HINT = "write 2026-10-05, `12 days ago`, `yesterday` or `today`"
_MOMENT_HINT = f"{_DAY_HINT}; or 2026-10-05 08:30, `3 hours ago`, `5 minutes ago`"


@dataclass(frozen=True)
class Today:
    """The moment at which the applicant is decided; noon of a day where no time is given."""

    moment: datetime

    @property
    def date(self) -> date:
        """Its civil date in the product's zone."""
        return self.moment.date()

    @property
    def month(self) -> Month:
        """Its month, which has not ended."""
        return Month.of(self.date)


def read_today(node: YamlNode, report: Report) -> Today | None:
    """The story's `today`: a date, or a date with a time."""
    kind = "a date", "write 2026-11-15, or 2026-11-15 08:30"
    moment = _read(node, "`today`", _dated, kind, report)
    return None if moment is None else Today(moment)


def read_month(node: YamlNode, what: str, today: Today, report: Report) -> Month | None:
    """A month."""
    return _read(node, what, lambda text: _month(text, today), ("a month", _MONTH_HINT), report)


def read_date(node: YamlNode, what: str, today: Today, report: Report) -> date | None:
    """A civil date."""
    return _read(node, what, lambda text: _day(text, today), ("a day", _DAY_HINT), report)


def read_moment(node: YamlNode, what: str, today: Today, report: Report) -> datetime | None:
    """A moment; a day means its noon, and no later than an hour before the story's moment."""
    return _read(node, what, lambda text: _moment(text, today), ("a moment", _MOMENT_HINT), report)


def noon(day: date) -> datetime:
    """The noon of a day in the product's zone."""
    return datetime.combine(day, time(12), ZONE)


def _read(
    node: YamlNode,
    what: str,
    parse: Callable[[str], T | None],
    kind: tuple[str, str],
    report: Report,
) -> T | None:
    """What a text stands for; one that is not of the `kind` (its noun, and a hint) is refused."""
    scalar = as_scalar(node, what, report)
    found = parse(scalar.text) if scalar else None
    if scalar and found is None:
        noun, hint = kind
        message = f"{what} is `{scalar.text}`, which is not {noun}"
        report.error("R122", scalar.place, message, hint)
    return found


def _month(text: str, today: Today) -> Month | None:
    if _MONTH.fullmatch(text):
        return Month.parse(text)
    back = {"this month": 0, "last month": 1}.get(text)
    match = _AGO.fullmatch(text)
    if match and match[2] == "month":
        back = int(match[1])
    return None if back is None else today.month.plus(-back)


def _day(text: str, today: Today) -> date | None:
    match = _AGO.fullmatch(text)
    if match and match[2] == "day":
        return today.date - timedelta(days=int(match[1]))
    back = {"today": 0, "yesterday": 1}.get(text)
    return parse_day(text) if back is None else today.date - timedelta(days=back)


def _moment(text: str, today: Today) -> datetime | None:
    match = _AGO.fullmatch(text)
    if match and match[2] in ("minute", "hour"):
        return today.moment - timedelta(**{f"{match[2]}s": int(match[1])})
    day = _day(text, today)
    if day is None:
        return _dated(text) if _CLOCK.fullmatch(text) else None
    return min(noon(day), today.moment - timedelta(hours=1))


def _dated(text: str) -> datetime | None:
    match = _CLOCK.fullmatch(text)
    day = parse_day(match[1] if match else text)
    if day is None:
        return None
    clock = time(int(match[2]), int(match[3])) if match else time(12)
    return datetime.combine(day, clock, ZONE)
