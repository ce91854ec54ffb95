"""The state of an evaluation as terms: what `State` holds of one person, of all people at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from decision_service.author.proofs.encoding import Encoded, NotEncodable, Values
from decision_service.author.proofs.terms import Builder, Term
from decision_service.domain.decision import Outcome
from decision_service.rules.construct import MOST_WORLDS

MOST_ENCODED_WORLDS = 400


@dataclass(frozen=True, slots=True)
class ScoreMark:
    """Whether a value rests on a score with bounds, and whether a failure is behind that."""

    marked: Term
    tainted: Term


@dataclass(frozen=True, slots=True)
class WorldValues:
    state: EncodedState
    world: dict[int, Encoded]

    @property
    def builder(self) -> Builder:
        return self.state.builder

    def read(self, slot: int) -> Encoded:
        return self.world[slot] if slot in self.world else self.state.read(slot)


@dataclass(slots=True)
class EncodedState:
    """The values by slot and the findings so far; `when` is the condition of the part that runs.

    `totals` holds, for each scorecard, from how many totals on it has so many, and when.
    """

    builder: Builder
    values: dict[int, Encoded]
    reads: frozenset[int]
    when: Term
    declines: Term
    refers: Term
    approves: Term
    offered: Term
    crowded: Term
    marks: dict[int, ScoreMark] = field(default_factory=dict)
    worlds: list[tuple[Term, WorldValues]] = field(default_factory=list)
    totals: list[Sequence[tuple[int, Term]]] = field(default_factory=list)
    lines: dict[str, Encoded] = field(default_factory=dict)
    conditions: dict[str, Term] = field(default_factory=dict)

    @classmethod
    def of(cls, builder: Builder, values: dict[int, Encoded], read: frozenset[int]) -> EncodedState:
        no = builder.false
        state = cls(builder, values, read, builder.true, no, no, no, builder.true, no)
        state.worlds = [(builder.true, WorldValues(state, {}))]
        return state

    def read(self, slot: int) -> Encoded:
        return self.values[slot]

    @property
    def open(self) -> Term:
        """Whether a closing part still runs."""
        return self.builder.and_(self.offered, self.builder.not_(self.declines))

    def find(self, outcome: Outcome, when: Term) -> None:
        b = self.builder
        found = self.builder.and_(self.when, when)
        if outcome is Outcome.DECLINE:
            self.declines = b.or_(self.declines, found)
        elif outcome is Outcome.REFER:
            self.refers = b.or_(self.refers, found)
        else:
            self.approves = b.or_(self.approves, found)

    def behind(self, slots: frozenset[int]) -> ScoreMark:
        """Whether any of these slots is marked, and whether a failure is behind that."""
        b = self.builder
        found = [self.marks[slot] for slot in sorted(slots & self.marks.keys())]
        marked = b.or_(*(m.marked for m in found))
        return ScoreMark(marked, b.or_(*(m.tainted for m in found)))

    def rests(self, slots: frozenset[int]) -> bool:
        return self.behind(slots).marked is not self.builder.false

    def mark(self, slots: Sequence[int], mark: ScoreMark) -> None:
        b = self.builder
        marked = b.and_(self.when, mark.marked)
        tainted = b.and_(self.when, mark.tainted)
        if marked is not b.false:
            self.marks.update(dict.fromkeys(slots, ScoreMark(marked, tainted)))

    def put(self, slot: int, value: Encoded) -> None:
        """Set a value in every world."""
        self.values[slot] = value
        for _, world in self.worlds:
            world.world.pop(slot, None)

    def compute(
        self, slot: int, encode: Callable[[Values], Encoded], reads: frozenset[int]
    ) -> None:
        """Set a value that follows from others, in every world as it follows there."""
        self.put(slot, encode(self))
        self.mark((slot,), self.behind(reads))
        if self.rests(reads):
            for _, world in self.worlds:
                world.world[slot] = encode(world)

    def split(self, choices: Sequence[tuple[Term, Mapping[int, Encoded]]]) -> None:
        b = self.builder
        before = self.worlds
        if len(before) * len(choices) > MOST_ENCODED_WORLDS:
            raise NotEncodable("the totals of several scores with bounds")
        self.worlds = [
            (b.and_(possible, when), WorldValues(self, {**world.world, **values}))
            for possible, world in before
            for when, values in choices
        ]

    def count(self, totals: Sequence[tuple[int, Term]]) -> None:
        """Note how many totals a scorecard has; too many of all cards together crowd."""
        b = self.builder
        self.totals.append([(n, b.and_(self.when, w) if n > 1 else w) for n, w in totals])
        self.crowded = self._crowded(1, self.totals)

    def _crowded(self, count: int, left: Sequence[Sequence[tuple[int, Term]]]) -> Term:
        b = self.builder
        if count > MOST_WORLDS:
            return b.true
        if not left:
            return b.false
        found = [b.and_(when, self._crowded(count * n, left[1:])) for n, when in left[0]]
        return b.or_(*found)

    def everywhere(self, holds: Callable[[Values], Term]) -> Term:
        """Whether something holds in every world; not where there are too many."""
        b = self.builder
        found = [b.implies(possible, holds(world)) for possible, world in self.worlds]
        return b.and_(b.not_(self.crowded), *found)

    def agreed(self, encode: Callable[[Values], Encoded], truth: Encoded) -> Term:
        b = self.builder

        def same(world: Values) -> Term:
            other = encode(world)
            alike = b.or_(truth.is_missing, b.eq(truth.term, other.term))
            return b.and_(b.eq(truth.is_missing, other.is_missing), alike)

        return self.everywhere(same)
