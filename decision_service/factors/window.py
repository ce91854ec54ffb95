"""The windows that parametric factors are named after."""

from __future__ import annotations

import msgspec

WHOLE = 12 * 10_000
"""Months of a window longer than any history."""


class Window(msgspec.Struct, frozen=True):
    """`label` is for the factor's name, `period` for its sentences; `length` in months or days."""

    label: str
    length: int
    period: str


def months(*lengths: int) -> tuple[Window, ...]:
    """Windows of calendar months up to a horizon: `3m`."""
    return tuple(Window(f"{n}m", n, _plural(n, "month")) for n in lengths)


def days(*lengths: int) -> tuple[Window, ...]:
    """Windows of trailing days: `7d`."""
    return tuple(Window(f"{n}d", n, _plural(n, "day")) for n in lengths)


def _plural(count: int, noun: str) -> str:
    return f"last {noun}" if count == 1 else f"last {count} {noun}s"


WHOLE_HISTORY = Window("all", WHOLE, "whole history")
CALENDAR = months(3, 6, 9, 12, 18, 24)
"""The windows of a family unless it states others."""
