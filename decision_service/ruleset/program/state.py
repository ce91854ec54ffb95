"""The state of one evaluation, shared by the parts of a ruleset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from decision_service.domain.verdict import Condition, Offer, Outcome, Score
from decision_service.language.evaluation.kleene import Gap
from decision_service.ruleset.program.findings import Conclusion, Finding

MOST_WORLDS = 64
_APPROVE, _REFER = Outcome.APPROVE, Outcome.REFER


class State:
    """The values of one evaluation by slot, and what the parts so far have found and set.

    Findings stand by outcome, in the order of the file;
    `undecided` says that no stage concluded anything. `marks` are the slots that stand for the
    worst of several totals, or follow from one that does, with the gaps behind them; each of
    `worlds` is the values as they would be with one of those totals, as far as they are `read` by
    anything. `crowded` says that there are more totals than are looked at.
    """

    __slots__ = (
        "approves",
        "conditions",
        "crowded",
        "declines",
        "gaps",
        "marks",
        "offer",
        "offered",
        "possible",
        "read",
        "refers",
        "scores",
        "tags",
        "undecided",
        "values",
        "worlds",
    )

    def __init__(self, values: list[Any], read: frozenset[int]) -> None:
        self.values = values
        self.read = read
        self.declines: list[Finding] = []
        self.refers: list[Finding] = []
        self.approves: list[Finding] = []
        self.gaps: list[Gap] = []
        self.undecided = False
        self.scores: list[Score] = []
        self.offer: Offer | None = None
        self.offered = True
        self.conditions: list[Condition] = []
        self.tags: set[str] = set()
        self.marks: dict[int, tuple[Gap, ...]] = {}
        self.worlds: Sequence[list[Any]] = ()
        self.possible = 1
        self.crowded = False

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
        """Add a part's findings."""
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
        """Note that all stages have run."""
        self.undecided = not (self.declines or self.refers or self.approves)

    def put(self, slots: Sequence[int], given: Sequence[Any]) -> None:
        """Set values, in every world."""
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
            world[slot] = evaluate(world) if behind else value

    def split(self, totals: int, choices: Sequence[Mapping[int, Any]]) -> None:
        """Let every world so far continue with each of the choices that so many totals make."""
        self.possible *= totals
        self.crowded = self.crowded or self.possible > MOST_WORLDS
        if self.crowded:
            self.worlds = ()
            return
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
