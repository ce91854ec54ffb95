"""A compiled ruleset as it runs: where values come from, and the parts in order."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec

from decision_service.ruleset.carefully import Parts, Stage
from decision_service.ruleset.quick import Quick
from decision_service.ruleset.wording import Wording


class Period(msgspec.Struct, frozen=True):
    """The parameters' values from a day on (None: from ever), laid out by slot.

    `gone` are the slots of parameters that have no value yet; `ends` is the next day on which a
    used parameter changes.
    """

    start: date | None
    values: tuple[Any, ...]
    gone: frozenset[int]
    ends: date | None


class Timeline(msgspec.Struct, frozen=True):
    """All parameters over time: `periods[i + 1]` begins on `starts[i]`."""

    starts: tuple[date, ...]
    periods: tuple[Period, ...]

    def at(self, day: date) -> Period:
        """The period that a day lies in."""
        return self.periods[bisect_right(self.starts, day)]


class Program(msgspec.Struct, frozen=True):
    """Everything `evaluate` runs: `quick` for a verdict, `parts` for what its pieces came to.

    `traced` gives the function that notes what they come to; it is made when first asked for.
    """

    timeline: Timeline
    parts: Parts
    quick: Quick
    traced: Callable[[], Quick]
    wording: Wording

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages in order."""
        return self.parts.stages

    @property
    def closing(self) -> tuple[Stage, ...]:
        """The parts that follow the stages, in order."""
        return self.parts.closing

    @property
    def source(self) -> str:
        """The generated Python, to be read where a fault is looked for."""
        return self.quick.source
