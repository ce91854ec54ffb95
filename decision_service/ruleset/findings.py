"""What the parts of a ruleset conclude about one applicant, before reasons are put in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from decision_service.domain.verdict import (
    Component,
    Condition,
    Offer,
    Outcome,
    ReferKind,
    Score,
    Verdict,
)
from decision_service.language.threevalued import Gap
from decision_service.language.tree import Node

MOST_WORLDS = 64
_SEVERITY = {Outcome.APPROVE: 1, Outcome.REFER: 2, Outcome.DECLINE: 3}


def worst(outcomes: Iterable[Outcome | None]) -> Outcome | None:
    """The worst of several outcomes; None where nothing was concluded."""
    found: Outcome | None = None
    for outcome in outcomes:
        if outcome is not None and (found is None or _SEVERITY[outcome] > _SEVERITY[found]):
            found = outcome
    return found


@dataclass(frozen=True, slots=True)
class Finding:
    """One argument for an outcome, and the reason it would give.

    `kind` is a referral's. A data finding has the `gap` it rests on; one that a condition made has
    the condition in `because`; a scorecard's has the `points_lost`; others say in `name`, `actual`
    and `required` what was seen. An empty `code` gives no reason.
    """

    outcome: Outcome
    code: str
    component: Component
    kind: ReferKind | None = None
    gap: Gap | None = None
    because: Node | None = None
    points_lost: Decimal | None = None
    name: str = ""
    actual: str = ""
    required: str = ""

    @property
    def is_data(self) -> bool:
        """Whether it rests on something missing or tainted."""
        return self.gap is not None


def data_finding(gap: Gap, outcome: Outcome = Outcome.REFER, code: str = "") -> Finding:
    """What a gap argues for, by default a referral with the cause's own reason."""
    kind = ReferKind.DATA if outcome is Outcome.REFER else None
    code = code or gap.missing.reason
    return Finding(outcome, code, Component.DATA, kind, gap=gap, name=gap.name)


class Conclusion(NamedTuple):
    """What one stage came to, the arguments for it, and its record for the trace."""

    outcome: Outcome | None
    findings: tuple[Finding, ...]
    record: tuple[Any, ...]
    gaps: tuple[Gap, ...] = ()


class Trace(NamedTuple):
    """The raw trace of one evaluation: values by slot, and what each part came to.

    A closing part that was not run has None.
    """

    values: tuple[Any, ...]
    stages: tuple[Conclusion, ...]
    closing: tuple[Conclusion | None, ...]


def trace_of(verdict: Verdict) -> Trace | None:
    """The raw trace that `evaluate` left in a verdict."""
    raw = verdict.raw_trace[0] if verdict.raw_trace else None
    return raw if isinstance(raw, Trace) else None


class State:
    """The values of one evaluation by slot, and what the stages so far have set.

    `gone` are the slots without a value. `marks` are the slots that stand for the worst of several
    totals, or follow from one that does, with the gaps behind them; each of `worlds` holds the
    values that they would have with one of those totals. `crowded` says that there are more worlds
    than are looked at.
    """

    __slots__ = (
        "conditions",
        "crowded",
        "gone",
        "marks",
        "offer",
        "offered",
        "outcome",
        "scores",
        "values",
        "worlds",
    )

    def __init__(self, values: list[Any], gone: set[int]) -> None:
        self.values = values
        self.gone = gone
        self.outcome = Outcome.REFER
        self.marks: dict[int, tuple[Gap, ...]] = {}
        self.worlds: list[dict[int, Any]] = [{}]
        self.crowded = False
        self.scores: list[Score] = []
        self.offer: Offer | None = None
        self.offered = True
        self.conditions: list[Condition] = []

    def put(self, slot: int, value: Any, *, missing: bool) -> None:
        """Set a slot's value; `missing` says that it is an Unknown."""
        self.values[slot] = value
        if missing:
            self.gone.add(slot)

    def mark(self, slots: Iterable[int], gaps: tuple[Gap, ...]) -> None:
        """Note that slots stand for the worst of several totals."""
        for slot in slots:
            self.marks[slot] = gaps

    def split(self, choices: Sequence[dict[int, Any]]) -> None:
        """Let every world so far continue with each of the choices."""
        worlds = [{**world, **choice} for world in self.worlds for choice in choices]
        self.crowded = self.crowded or len(worlds) > MOST_WORLDS
        self.worlds = worlds[:MOST_WORLDS]

    def behind(self, slots: frozenset[int]) -> tuple[Gap, ...]:
        """The gaps behind the marked ones of these slots."""
        if not self.marks:
            return ()
        return tuple(gap for slot in sorted(slots & self.marks.keys()) for gap in self.marks[slot])

    def in_world(self, world: dict[int, Any]) -> list[Any]:
        """All values as they would be in one world."""
        values = list(self.values)
        for slot, value in world.items():
            values[slot] = value
        return values

    def everywhere(self, evaluate: Callable[[Sequence[Any]], Any]) -> list[Any]:
        """What an expression gives in each world; an extra None where there are too many."""
        found = [evaluate(self.in_world(world)) for world in self.worlds]
        return [*found, None] if self.crowded else found
