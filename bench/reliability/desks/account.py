"""What loan systems and reviewers asked for, and what they were told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Step(NamedTuple):
    """A step of a review that its person was told of."""

    review_id: str
    who: str
    action: str


@dataclass(slots=True)
class Case:
    """A referred application; `arrived` is when its data arrived, of one that waits for data."""

    decision_id: str
    user_id: str
    waits: bool
    arrived: float | None = None

    @property
    def review_id(self) -> str:
        """The id of its first review."""
        return f"{self.decision_id.replace('dec_', 'rev_')}-1"


@dataclass(frozen=True, slots=True)
class End:
    """A completion or confirmation, and the name of its method; sent again with the same id."""

    who: str
    method: str
    request: Any


@dataclass(slots=True)
class Account:
    """Every case of a store by its review, the steps that were told, and what was wrong."""

    cases: dict[str, Case] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    proposed: list[str] = field(default_factory=list)
    told: Counter[Step] = field(default_factory=Counter)
    ends: list[End] = field(default_factory=list)
    answered: set[tuple[str, str]] = field(default_factory=set)
    """Review and request id of each completion and confirmation that was answered."""

    refused: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)

    def referred(self, case: Case) -> None:
        """Take a new case; reviewers work on what waits for no data."""
        self.cases[case.review_id] = case
        if not case.waits:
            self.open.append(case.review_id)

    def moved(self, review_id: str, source: list[str], target: list[str] | None = None) -> None:
        """Take a case from one list to another, or to none; it may have been taken already."""
        if review_id in source:
            source.remove(review_id)
            if target is not None:
                target.append(review_id)
