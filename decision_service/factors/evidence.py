"""What a value rests on: record counts, months, grades and the heaviest records."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from heapq import nsmallest
from typing import Protocol

import msgspec

from decision_service.domain.factor import Evidence
from decision_service.domain.months import Month
from decision_service.factors.figures import Amount

MOST_SHOWN = 5
EDGE = 64
"""How many records at either end tell roughly how heavy the heaviest of a long list are."""
GRADES = ("PAYROLL", "REMITTED", "PLATFORM", "DOCUMENT", "DECLARED")
"""Strongest proof first: payroll, a scheme that an employer pays to, a gig platform, uploads."""
PAYROLL_GRADE, REMITTED_GRADE, PLATFORM_GRADE, DOCUMENT_GRADE, DECLARED_GRADE = range(len(GRADES))

Weight = tuple[Amount, str]
"""(minus the absolute amount in minor units, record id), so that sorting puts heavy first."""

SourceGrade = tuple[str, int | None]
"""A record's source, and its grade as proof of income; None where it proves none."""


class Identified(Protocol):
    """A record with an id."""

    @property
    def id(self) -> str:
        """The record's id."""


class RecordGroup(Protocol):
    """Records of which nobody has looked yet for the heaviest."""

    @property
    def peak(self) -> int:
        """The largest absolute amount among them."""

    def top(self) -> Sequence[Weight]:
        """The five heaviest of them."""


class Proof(msgspec.Struct, gc=False):
    """The records of one month: how many, who told of them, and which may weigh most."""

    month: int
    records: int = 0
    reported: set[SourceGrade] = msgspec.field(default_factory=set)
    weights: list[Weight] = msgspec.field(default_factory=list)
    heaps: tuple[RecordGroup, ...] = ()

    def note(
        self, record_id: str, amount: Amount, reported: SourceGrade, *, counted: bool = True
    ) -> None:
        """Take one record in; `counted` is False for further months of a spread one."""
        self.records += counted
        self.reported.add(reported)
        self.weights.append((-amount if amount > 0 else amount, record_id))


def five(weights: Sequence[Weight]) -> Sequence[Weight]:
    """The five heaviest records, each once, heavy first; a spread one may stand there twice."""
    ordered = sorted(weights)
    shown = ordered[:MOST_SHOWN]
    if len({name for _, name in shown}) == len(shown):
        return shown
    first = {name: weight for weight, name in reversed(ordered)}
    return sorted([(weight, name) for name, weight in first.items()])[:MOST_SHOWN]


def heaviest(weights: Sequence[Weight]) -> tuple[str, ...]:
    """The ids of the five heaviest records, heavy first."""
    return tuple([name for _, name in five(weights)])


def five_of(weights: Sequence[Weight], heaps: Sequence[RecordGroup]) -> Sequence[Weight]:
    """The five records of largest amount, expanding only heaps that may hold one."""
    best = five(weights)
    peaks = sorted([(-heap.peak, place) for place, heap in enumerate(heaps)])
    for peak, place in peaks:
        if len(best) == MOST_SHOWN and peak > best[-1][0]:
            break
        best = five([*best, *heaps[place].top()])
    return best


def top_weights(records: Sequence[Identified], sizes: Sequence[int]) -> Sequence[Weight]:
    """The five heaviest of distinct records, heavy first, given with their absolute amounts.

    Only records that may be shown are sorted. Many may weigh as much as the fifth, as trips at one
    fare do: of those only ids are compared.
    """
    sample = sorted(_some(sizes))[-MOST_SHOWN:]
    if not sample:
        return []
    floor, largest = sample[0], sample[-1]
    if floor == largest and sizes.count(floor) == len(sizes):
        return [(-floor, name) for name in nsmallest(MOST_SHOWN, [r.id for r in records])]
    shown = [(-size, r.id) for size, r in zip(sizes, records, strict=True) if size > floor]
    shown.sort()
    if len(shown) < MOST_SHOWN:
        tied = [r.id for size, r in zip(sizes, records, strict=True) if size == floor]
        shown += [(-floor, name) for name in nsmallest(MOST_SHOWN, tied)]
    return shown[:MOST_SHOWN]


def _some(sizes: Sequence[int]) -> Sequence[int]:
    """The sizes at either end: their fifth bounds that of all from one side."""
    return sizes if len(sizes) <= 2 * EDGE else [*sizes[:EDGE], *sizes[-EDGE:]]


def proofs_evidence(proofs: Sequence[Proof], horizon: int, notes: tuple[str, ...] = ()) -> Evidence:
    """The evidence of some months, given in order."""
    reported = set[SourceGrade]().union(*[proof.reported for proof in proofs])
    grades = [grade for _, grade in reported if grade is not None]
    weights = [weight for proof in proofs for weight in proof.weights]
    heaps = [heap for proof in proofs for heap in proof.heaps]
    return Evidence(
        records=sum([proof.records for proof in proofs]),
        first=month_name(proofs[0].month) if proofs else None,
        last=month_name(proofs[-1].month) if proofs else None,
        horizon=month_name(horizon),
        grade=GRADES[min(grades)] if grades else None,
        top=tuple([name for _, name in five_of(weights, heaps)]),
        sources=tuple(sorted({source for source, _ in reported})),
        notes=notes,
    )


@lru_cache(maxsize=1200)
def month_name(index: int) -> str:
    """A month (Month.index) as `yyyy-MM`; asked for again with each applicant."""
    return str(Month(index))
