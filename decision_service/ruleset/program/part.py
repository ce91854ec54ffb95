"""What every construct of a rule file provides, so that a new one touches no other.

A construct is read into a part (parse), which tells the checks what it holds (check), becomes a
runner (evaluate) and puts a record of a run into words (describe).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from decision_service.domain.verdict import Component, Outcome, RuleTrace
from decision_service.language.diagnostics import Place
from decision_service.language.expressions.tree import Node
from decision_service.language.types import Symbol
from decision_service.ruleset.program.findings import Conclusion
from decision_service.ruleset.program.state import State
from decision_service.ruleset.program.wording import Wording

APPLIES_WHEN = "applies_when"


class Written(msgspec.Struct, frozen=True):
    """An expression of a part and what it belongs to (rule `short_history`).

    A `condition` should be true of some and false of others; other expressions give values.
    """

    tree: Node
    place: Place
    what: str
    condition: bool = False


@dataclass(frozen=True, slots=True)
class StageCondition:
    """For whom a stage is evaluated."""

    stage: str
    when: Node
    place: Place = field(compare=False)

    @property
    def what(self) -> str:
        """The stage in messages and goals."""
        return f"stage `{self.stage}`"

    def written(self) -> Written:
        """The condition, for the checks."""
        return Written(self.when, self.place, f"`{APPLIES_WHEN}` of {self.what}", condition=True)


class Conclusive(msgspec.Struct, frozen=True):
    """Something that can conclude an outcome, and whether it can say why."""

    outcome: Outcome
    place: Place
    what: str
    has_reason: bool


class PartView(msgspec.Struct, frozen=True):
    """A finished evaluation, for describing it: values by slot and how to print them."""

    stage: str
    values: Sequence[Any]
    wording: Wording


class Effect(msgspec.Struct, frozen=True):
    """What one part of a stage came to, by its key in the file; `name` says which band or row.

    It follows from what `trees` read, and others follow from the names that it `gives` a value.
    """

    key: str
    effect: str
    trees: tuple[Node, ...] = ()
    gives: tuple[str, ...] = ()
    decides: bool = False
    name: str = ""


class Runner(Protocol):
    """A compiled part."""

    def run(self, state: State) -> Conclusion:
        """Conclude from the values so far, missing ones among them; set the outputs."""

    def trees(self) -> Iterable[Node]:
        """Every expression that its result follows from, cells as conditions."""

    def note(self, record: tuple[Any, ...]) -> str:
        """The part's result in a few words; empty where its rows show it."""

    def describe(self, record: tuple[Any, ...], view: PartView) -> tuple[RuleTrace, ...]:
        """The rows of a trace, in file order."""

    def effects(self, found: Conclusion, view: PartView) -> Iterable[Effect]:
        """What each of its parts came to, in file order; call it inside `exactly()`."""

    def coverage(self, record: tuple[Any, ...]) -> Iterable[tuple[str, str]]:
        """The goals that the run reached, as (what, which): `("rule short_history", "true")`."""

    def goals(self) -> Iterable[tuple[str, str, Place]]:
        """All goals that runs can reach, each with its place in the file."""


class Part(Protocol):
    """A construct as it was read."""

    @property
    def component(self) -> Component:
        """The component of its reasons."""

    def written(self) -> Iterable[Written]:
        """Its expressions, for the checks."""

    def conclusive(self) -> Iterable[Conclusive]:
        """Its parts that can conclude an outcome."""

    def unexcused(self) -> Iterable[tuple[Place, str]]:
        """Places that skip or decline on missing data without `because`."""

    def outputs(self) -> Sequence[Symbol]:
        """The names that it gives a value, for the parts after it."""

    def runner(self) -> Runner:
        """The compiled part."""
