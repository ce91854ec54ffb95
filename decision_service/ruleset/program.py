"""A compiled ruleset as it runs: where values come from, and the parts in order."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from typing import Any

from decision_service.domain.verdict import Component
from decision_service.language.generated import Definitions
from decision_service.ruleset.intake import Intake
from decision_service.ruleset.part import Runner
from decision_service.ruleset.wording import Wording


@dataclass(frozen=True, slots=True)
class Period:
    """The parameters' values from a day on (None: from ever), laid out by slot.

    `gone` are the slots of parameters that have no value yet; `ends` is the next day on which a
    used parameter changes.
    """

    start: date | None
    values: tuple[Any, ...]
    gone: frozenset[int]
    ends: date | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """All parameters over time: `periods[i + 1]` begins on `starts[i]`."""

    starts: tuple[date, ...]
    periods: tuple[Period, ...]

    def at(self, day: date) -> Period:
        """The period that a day lies in."""
        return self.periods[bisect_right(self.starts, day)]


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage, or a part that follows the stages, with what runs it."""

    name: str
    component: Component
    runner: Runner


@dataclass(frozen=True, slots=True)
class Program:
    """Everything `evaluate` runs, in order: intake, derived, stages, closing parts."""

    size: int
    timeline: Timeline
    intake: Intake
    derived: Definitions
    stages: tuple[Stage, ...]
    closing: tuple[Stage, ...]
    wording: Wording
