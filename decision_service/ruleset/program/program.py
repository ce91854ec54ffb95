"""A compiled ruleset as it runs: where values come from, and the parts in order."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import msgspec

from decision_service.domain.decision import ListAnswer
from decision_service.domain.factor import Value
from decision_service.domain.verdict import Component
from decision_service.language.evaluation.emitter import Evaluate
from decision_service.language.evaluation.kleene import Unknown
from decision_service.ruleset.program.findings import Trace
from decision_service.ruleset.program.intake import Intake
from decision_service.ruleset.program.part import Runner
from decision_service.ruleset.program.state import State
from decision_service.ruleset.program.wording import Wording


class ParamPeriod(msgspec.Struct, frozen=True):
    """The parameters' values from a day on (None: from ever), laid out by slot.

    A parameter that has no value yet is Unknown, one by label a `ByLabel`; `ends` is the next day
    on which a used parameter changes.
    """

    start: date | None
    values: tuple[Any, ...]
    ends: date | None


class ByLabel(msgspec.Struct, frozen=True):
    """A parameter's values in a period by label, and the one of every other label."""

    values: Mapping[Any, Any]
    other: Any

    def of(self, label: Any) -> Any:
        """The value of a label; UNKNOWN as the label is."""
        if label.__class__ is Unknown:
            return label
        return self.values.get(label, self.other)


class LabelledParam(NamedTuple):
    """A parameter by label, its slot, and the slot of the label."""

    param: str
    slot: int
    by: int


class Timeline(msgspec.Struct, frozen=True):
    """All parameters over time: `periods[i + 1]` begins on `starts[i]`."""

    starts: tuple[date, ...]
    periods: tuple[ParamPeriod, ...]

    def at(self, day: date) -> ParamPeriod:
        """The period that a day lies in."""
        return self.periods[bisect_right(self.starts, day)]


class DerivedValue(NamedTuple):
    """A slot, the function that fills it, and the slots that this reads."""

    slot: int
    evaluate: Evaluate
    reads: frozenset[int]


class Stage(msgspec.Struct, frozen=True):
    """A stage, or a part that follows the stages, with what runs it.

    `derived` are evaluated when it has run.
    """

    name: str
    component: Component
    runner: Runner
    derived: tuple[DerivedValue, ...] = ()


class Program(msgspec.Struct, frozen=True):
    """Everything `evaluate` runs, in order; `derived` are evaluated before the first stage.

    `labelled` are the parameters by label.
    `closing` follows from the worst of the stages' outcomes; `read` are the slots that anything
    reads.
    """

    timeline: Timeline
    intake: Intake
    labelled: tuple[LabelledParam, ...]
    derived: tuple[DerivedValue, ...]
    stages: tuple[Stage, ...]
    closing: tuple[Stage, ...]
    wording: Wording
    read: frozenset[int]

    def run(
        self,
        inputs: Mapping[str, Value],
        answers: Sequence[ListAnswer],
        state: State,
    ) -> Trace:
        """Evaluate a state that holds parameters and factors; call it inside `exactly()`."""
        values = state.values
        self.intake.load_inputs(inputs, values)
        self.intake.load_answers(answers, values)
        for _, slot, by in self.labelled:
            values[slot] = values[slot].of(values[by])
        for slot, evaluate, _ in self.derived:
            values[slot] = evaluate(values)
        stages = []
        for stage in self.stages:
            stages.append(state.take(stage.runner.run(state)))
            for each in stage.derived:
                state.compute(*each)
        state.settle()
        closing = [
            state.take(stage.runner.run(state)) if state.open else None for stage in self.closing
        ]
        return Trace(values, stages, closing)
