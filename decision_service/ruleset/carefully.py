"""The careful way through a ruleset: part by part, by the closures of its expressions.

It says what every part came to, and is what the generated function (`quick.py`) must agree with
wherever that decides itself. Traces are made this way, from the values that an evaluation kept,
where they were not noted on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from decision_service.domain.factor import FactorValue, Value
from decision_service.domain.verdict import Component, Verdict
from decision_service.language.arithmetic import exactly
from decision_service.language.threevalued import Evaluate
from decision_service.language.tree import Node
from decision_service.ruleset.findings import Conclusion, Trace
from decision_service.ruleset.intake import Intake
from decision_service.ruleset.part import Runner
from decision_service.ruleset.state import State


class Definition(msgspec.Struct, frozen=True):
    """A derived name's slot and how its value is found."""

    slot: int
    tree: Node
    evaluate: Evaluate

    def careful(self, state: State) -> None:
        """Set the slot."""
        state.put(self.slot, self.evaluate(state.values))


class Stage(msgspec.Struct, frozen=True):
    """A stage, or a part that follows the stages, with what runs it."""

    name: str
    component: Component
    runner: Runner

    def careful(self, state: State) -> Conclusion:
        """Run it and note what it came to."""
        conclusion = self.runner.run(state)
        state.take(conclusion)
        return conclusion

    def reviewed(self, noted: tuple[Any, ...], values: tuple[Any, ...]) -> Conclusion:
        """What it came to, from what was noted; a conclusion where it ran the careful way."""
        return noted if isinstance(noted, Conclusion) else self.runner.reviewed(noted, values)


class Parts(msgspec.Struct, frozen=True):
    """What an evaluation goes through, in order."""

    intake: Intake
    derived: tuple[Definition, ...]
    stages: tuple[Stage, ...]
    closing: tuple[Stage, ...]

    def run(
        self, factors: Mapping[str, FactorValue], inputs: Mapping[str, Value], state: State
    ) -> None:
        """Evaluate into a state that holds the parameters; call it inside `exactly()`."""
        for slot, value in self.intake.load(factors, inputs):
            state.put(slot, value)
        for definition in self.derived:
            definition.careful(state)
        self._examine(state)

    def retraced(self, verdict: Verdict) -> Trace | None:
        """What each part came to in an evaluation that gave a verdict; None where none did."""
        match verdict.raw_trace:
            case (tuple() as values, (tuple() as stages, tuple() as closing)):
                return self._reviewed(values, stages, closing)
            case (tuple() as values,):
                with exactly():
                    return self._examine(State(list(values), set()))
        return None

    def _reviewed(
        self, values: tuple[Any, ...], stages: tuple[Any, ...], closing: tuple[Any, ...]
    ) -> Trace:
        """From what the traced function noted of each part."""
        return Trace(
            values,
            tuple(s.reviewed(noted, values) for s, noted in zip(self.stages, stages, strict=True)),
            tuple(
                None if noted is None else s.reviewed(noted, values)
                for s, noted in zip(self.closing, closing, strict=True)
            ),
        )

    def _examine(self, state: State) -> Trace:
        """Run every stage, then what follows from the worst of their outcomes."""
        stages = [stage.careful(state) for stage in self.stages]
        state.settle()
        closing = [stage.careful(state) if state.open else None for stage in self.closing]
        return Trace(tuple(state.values), tuple(stages), tuple(closing))
