"""What every construct of a rule file provides, and the state and findings of one evaluation."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

import msgspec

from decision_service.domain.decision import (
    Component,
    Condition,
    Offer,
    Outcome,
    ReferKind,
    RuleTrace,
    Score,
)
from decision_service.domain.values import REASONS
from decision_service.rules.language.diagnostics import Place
from decision_service.rules.language.types import Node, Symbol
from decision_service.rules.language.values import Gap, Unknown
from decision_service.rules.wording import Wording

# Everything that reads a bounded score is evaluated once a world; beyond this many nothing is
# certain (decision 0091).
MOST_WORLDS = 64
SEGMENT = "segment"
SEVERITY = {Outcome.APPROVE: 1, Outcome.REFER: 2, Outcome.DECLINE: 3}
OUTCOME_WORDS = tuple(outcome.value for outcome in SEVERITY)

_APPROVE = Outcome.APPROVE
_REFER = Outcome.REFER
_DATA = Component.DATA
_KIND = ReferKind.DATA


def worst(outcomes: Iterable[Outcome | None]) -> Outcome | None:
    """The worst of several outcomes; None where nothing was concluded."""
    found = (outcome for outcome in outcomes if outcome is not None)
    return max(found, key=SEVERITY.__getitem__, default=None)


# gc=False: many are made a decision, and none is part of a circle of references.
class Finding(msgspec.Struct, frozen=True, gc=False):
    """One argument for an outcome, and the reason it would give.

    `kind` is a referral's. A data finding has the `gap` it rests on; one that a condition made has
    the condition in `because`, with the name that its reason is `about` where the file says so, a
    rule on missing data both; a scorecard's has the `points_lost`; others say in `name` what was
    looked at. An empty `code` gives no reason. `ranks_as` is the reason of the file by whose
    priority it comes, where its code is none of the file's.
    """

    outcome: Outcome
    code: str
    component: Component
    kind: ReferKind | None = None
    gap: Gap | None = None
    because: Node | None = None
    about: str = ""
    points_lost: Decimal | None = None
    name: str = ""
    ranks_as: str = ""


def data_finding(gap: Gap, outcome: Outcome = _REFER, because: Node | None = None) -> Finding:
    """The argument from a gap, by default a referral with the cause's reason."""
    kind = _KIND if outcome is _REFER else None
    code = gap.missing.code or REASONS[gap.missing.cause]
    return Finding(outcome, code, _DATA, kind=kind, gap=gap, because=because)


class Conclusion(msgspec.Struct, frozen=True, gc=False):
    findings: tuple[Finding, ...]
    record: tuple[Any, ...]
    gaps: tuple[Gap, ...] = ()

    @property
    def outcome(self) -> Outcome | None:
        return worst([finding.outcome for finding in self.findings])


class Trace(NamedTuple):
    """One finished evaluation: values by slot, and findings by part; None for one not run."""

    values: Sequence[Any]
    stages: Sequence[Conclusion]
    closing: Sequence[Conclusion | None]


class State(msgspec.Struct):
    """The values of one evaluation by slot, and what the parts so far have found and set.

    Findings are by outcome, in the order of the file;
    `undecided` says that no stage concluded anything. `marks` are the slots that hold the
    worst of several totals, or follow from one that does, with the gaps behind them; each of
    `worlds` is the values as they would be with one of those totals, as far as they are `read` by
    anything. `crowded` says that there are more totals than are looked at.
    """

    values: list[Any]
    read: frozenset[int]
    declines: list[Finding] = msgspec.field(default_factory=list)
    refers: list[Finding] = msgspec.field(default_factory=list)
    approves: list[Finding] = msgspec.field(default_factory=list)
    gaps: list[Gap] = msgspec.field(default_factory=list)
    undecided: bool = False
    scores: list[Score] = msgspec.field(default_factory=list)
    offer: Offer | None = None
    offered: bool = True
    conditions: list[Condition] = msgspec.field(default_factory=list)
    tags: set[str] = msgspec.field(default_factory=set)
    marks: dict[int, tuple[Gap, ...]] = msgspec.field(default_factory=dict)
    worlds: Sequence[list[Any]] = ()
    possible: int = 1
    crowded: bool = False

    @property
    def outcome(self) -> Outcome:
        """The worst outcome found so far; REFER where there is none."""
        if self.declines:
            return Outcome.DECLINE
        return Outcome.APPROVE if self.approves and not self.refers else Outcome.REFER

    @property
    def open(self) -> bool:
        """Whether a closing part still runs: nothing declines, and an offer is made."""
        return self.offered and not self.declines

    def take(self, conclusion: Conclusion) -> Conclusion:
        for finding in conclusion.findings:
            if finding.outcome is _REFER:
                self.refers.append(finding)
            elif finding.outcome is _APPROVE:
                self.approves.append(finding)
            else:
                self.declines.append(finding)
        self.gaps += conclusion.gaps
        return conclusion

    def settle(self) -> None:
        self.undecided = not (self.declines or self.refers or self.approves)

    def put(self, slots: Sequence[int], given: Sequence[Any]) -> None:
        for values in (self.values, *self.worlds):
            for slot, value in zip(slots, given):  # noqa: B905 - as many of both, and quicker
                values[slot] = value

    def compute(
        self, slot: int, evaluate: Callable[[Sequence[Any]], Any], reads: frozenset[int]
    ) -> None:
        """Set a value that follows from others, in every world as it follows there."""
        value = self.values[slot] = evaluate(self.values)
        behind = self.behind(reads)
        if behind:
            self.marks[slot] = behind
        for world in self.worlds:
            # What rests on nothing that is marked is the same in every world.
            world[slot] = evaluate(world) if behind else value

    def split(self, totals: int, choices: Sequence[Mapping[int, Any]]) -> None:
        """Let every world so far continue with each of the choices that so many totals make."""
        self.possible *= totals
        self.crowded = self.crowded or self.possible > MOST_WORLDS
        # Too many to try: whoever asks for the worlds then hears that nothing is certain.
        if self.crowded:
            self.worlds = ()
            return
        # Bounded scores multiply: each total of one goes with each of the other.
        before = self.worlds or (self.values,)
        self.worlds = [_with(world, each) for world in before for each in choices]

    def behind(self, slots: frozenset[int]) -> tuple[Gap, ...]:
        """The gaps behind the marked ones of these slots."""
        if not self.marks or slots.isdisjoint(self.marks):
            return ()
        marked = [self.marks[slot] for slot in sorted(slots & self.marks.keys())]
        return marked[0] if len(marked) == 1 else tuple([g for gaps in marked for g in gaps])

    def everywhere(self, evaluate: Callable[[Sequence[Any]], Any]) -> list[Any]:
        """An expression's value in each world; None alone where there are too many worlds."""
        if self.crowded:
            return [None]
        return [evaluate(world) for world in self.worlds]


def _with(values: Sequence[Any], choice: Mapping[int, Any]) -> list[Any]:
    other = list(values)
    for slot, value in choice.items():
        other[slot] = value
    return other


class Written(msgspec.Struct, frozen=True):
    """An expression of a part; a `condition` should be true of some and false of others."""

    tree: Node
    place: Place
    what: str
    condition: bool = False


# A dataclass, since its equality, and with it the digest, leaves out the place in the file.
@dataclass(frozen=True, slots=True)
class StageCondition:
    """For which segment's applicants a stage is."""

    stage: str
    when: Node
    place: Place = field(compare=False)

    @property
    def what(self) -> str:
        return f"stage `{self.stage}`"

    def written(self) -> Written:
        return Written(self.when, self.place, f"`{SEGMENT}` of {self.what}", condition=True)


class Conclusive(msgspec.Struct, frozen=True):
    outcome: Outcome
    place: Place
    what: str
    has_reason: bool


class PartView(msgspec.Struct, frozen=True):
    stage: str
    values: Sequence[Any]
    wording: Wording


class Effect(msgspec.Struct, frozen=True):
    """What a part of a stage came to: it rests on `trees`, and others rest on what it `gives`."""

    key: str
    effect: str
    trees: tuple[Node, ...] = ()
    gives: tuple[str, ...] = ()
    decides: bool = False
    name: str = ""


class Runner(Protocol):
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


class Matches(NamedTuple):
    """Bit i is row i: `sure` rows are satisfied, `open` ones are UNKNOWN."""

    sure: int
    open: int = 0


class Column(msgspec.Struct, frozen=True):
    """One column's cells, searchable by value.

    `edges` are the sorted ends of all spans; `regions` alternate between the values below an edge
    and the edge itself, each with its rows. Labels are looked up; `others` are the rows that take
    any label.
    """

    slot: int
    edges: tuple[Any, ...]
    regions: tuple[Matches, ...]
    labels: dict[Any, Matches]
    others: Matches
    absent: Matches
    tainted: Matches

    def matches(self, value: Any) -> Matches:
        if value.__class__ is Unknown:
            # A cell may take what is absent, and look past no failure.
            return self.tainted if value.tainted else self.absent
        if not self.regions:
            return self.labels.get(value, self.others)
        # The two searches differ by one on an edge: even regions are between edges, odd ones on
        # them.
        return self.regions[bisect_left(self.edges, value) + bisect_right(self.edges, value)]
