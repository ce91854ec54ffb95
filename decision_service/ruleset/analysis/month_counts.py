"""What one count of months says of another: months with income in 12 are at most those in 24."""

from __future__ import annotations

import re
from decimal import Decimal

import msgspec

from decision_service.ruleset.analysis.regions import EVERYTHING, ValueRange, meet

_NAME = re.compile(r"(?P<family>income|contributions)\.(?P<backed>backed_)?months_(?P<window>\w+)")
_EVER = 10_000
_OF_HISTORY = ("income.months_since_first", "contributions.longest_streak_months")


class _Window(msgspec.Struct, frozen=True):
    """A count of months with something in the last so many; `backed` of those with proof only."""

    family: str
    months: int
    backed: bool


def implied(name: str, value: Decimal, other: str) -> ValueRange | None:
    """Which values another count can have where one has this; None where it tells nothing of it.

    Of fewer months it has at most as many; of more it has at most as many more as it is longer.
    """
    one, two = _window(name), _window(other)
    if one is None or two is None or one.family != two.family:
        return None
    longer = two.months - one.months
    low = max(Decimal(0), value + min(longer, 0)) if one.backed or not two.backed else Decimal(0)
    high = value + max(longer, 0) if two.backed or not one.backed else None
    return ValueRange(low, high)


def in_a_first_job(name: str, value: Decimal, other: str) -> ValueRange | None:
    """The same of somebody whose whole income lies in so many months, a first job's first months.

    Every other count of months of income or contributions is at most as large then.
    """
    one = _window(name)
    counts = _window(other) is not None or other in _OF_HISTORY
    if one is None or one.family != "income" or not counts:
        return None
    return meet(implied(name, value, other) or EVERYTHING, ValueRange(Decimal(0), value))


def _window(name: str) -> _Window | None:
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    window = match["window"]
    months = _EVER if window == "total" else int(window[:-1]) if window[:-1].isdigit() else 0
    return _Window(match["family"], months, bool(match["backed"])) if months else None
