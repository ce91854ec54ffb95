"""What a value rests on: record counts, months, grades and the heaviest records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from decision_service.domain.factor import Evidence
from decision_service.domain.months import Month
from decision_service.factors.figures import Amount

MOST_SHOWN = 5
GRADES = ("payroll", "scheme", "platform", "self-declared")
"""Strongest proof first: payroll, employer-remitted scheme, gig platform, self-declared."""

Weight = tuple[Amount, str]
"""(minus the absolute amount in minor units, record id), so that sorting puts heavy first."""


class Weighty(Protocol):
    """A record that can be named."""

    @property
    def id(self) -> str:
        """The record's id."""


@dataclass(slots=True)
class Proof:
    """The records of one month: how many, the heaviest, who gave them, the strongest grade."""

    records: int = 0
    top: list[Weight] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)
    grade: int | None = None

    def note(self, record_id: str, amount: Amount, source: str, *, counted: bool = True) -> None:
        """Take one record in; `counted` is False for further months of a spread one."""
        self.records += counted
        self.top.append((-amount if amount > 0 else amount, record_id))
        self.sources.add(source)

    def note_many(self, records: int, top: Iterable[Weight], source: str) -> None:
        """Take many records of one source in, of which `top` are the heaviest."""
        self.records += records
        self.top.extend(top)
        self.sources.add(source)

    def grade_at(self, grade: int) -> None:
        """Keep the stronger of this grade and what there was."""
        self.grade = grade if self.grade is None else min(self.grade, grade)


def heaviest(weights: Iterable[Weight]) -> tuple[str, ...]:
    """The ids of the five heaviest records, each once, heavy first."""
    found: dict[str, None] = {}
    for _, record_id in sorted(weights):
        found.setdefault(record_id)
        if len(found) == MOST_SHOWN:
            break
    return tuple(found)


def top_weights(records: Sequence[Weighty], sizes: Sequence[int]) -> Sequence[Weight]:
    """The five heaviest of many distinct records, given with their absolute amounts."""
    floor = sorted(sizes)[-MOST_SHOWN] if len(sizes) > MOST_SHOWN else 0
    heavy = [(-size, r.id) for size, r in zip(sizes, records, strict=True) if size >= floor]
    return sorted(heavy)[:MOST_SHOWN]


def proofs_evidence(
    months: Sequence[tuple[int, Proof]], horizon: int, notes: tuple[str, ...] = ()
) -> Evidence:
    """The evidence of some months, given in order."""
    grades = [proof.grade for _, proof in months if proof.grade is not None]
    return Evidence(
        records=sum([proof.records for _, proof in months]),
        first=str(Month(months[0][0])) if months else None,
        last=str(Month(months[-1][0])) if months else None,
        horizon=str(Month(horizon)),
        grade=GRADES[min(grades)] if grades else None,
        top=heaviest([weight for _, proof in months for weight in proof.top]),
        sources=tuple(sorted(set().union(*[proof.sources for _, proof in months]))),
        notes=notes,
    )
