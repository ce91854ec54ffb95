"""The forms in which laws between factors are declared, for each window or pair of windows.

`{n}` stands for a window of the list and `{length}` for its months or days; `{a}` and `{b}` stand
for a window and any longer one, `{more}` for the difference. All pairs are declared, since rules
that read two windows need not read those between.
"""

from __future__ import annotations

from itertools import combinations

import msgspec

MONTHS = ("3m", "6m", "9m", "12m", "18m", "24m")
STATISTICS = (*MONTHS, "all")
RECORDS = ("3m", "6m", "9m", "12m")
TRIPS = ("1m", "3m", "6m", "12m")
DAYS = ("7d", "14d", "28d", "91d")
OWN = ("1d", "7d", "30d", "90d")


class LawText(msgspec.Struct, frozen=True):
    """A law, or one for each window where there are `windows`."""

    name: str
    expression: str
    windows: tuple[str, ...] = ()


def ordered(*factors: str, windows: tuple[str, ...] = ()) -> list[LawText]:
    """Each factor is at most any later one."""
    pairs = combinations(factors, 2)
    return [LawText(_at_most(low, high), f"{low} <= {high}", windows) for low, high in pairs]


def _at_most(low: str, high: str) -> str:
    """`income: min_6m at most max_6m`."""
    family, _, short = low.partition(".")
    other = high.removeprefix(f"{family}.")
    return f"{family}: {short} at most {other}"


def longer(factor: str, windows: tuple[str, ...]) -> list[LawText]:
    """A longer window holds what a shorter one holds."""
    return ordered(f"{factor}_{{a}}", f"{factor}_{{b}}", windows=windows)
