"""What a value rests on: record counts, months, grades and the heaviest records."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest, nsmallest
from typing import Protocol

from decision_service.domain.factor import Evidence
from decision_service.domain.months import Month
from decision_service.factors.figures import Amount

MOST_SHOWN = 5
GRADES = ("payroll", "scheme", "platform", "self-declared")
"""Strongest proof first: payroll, employer-remitted scheme, gig platform, self-declared."""
PAYROLL_GRADE, SCHEME_GRADE, PLATFORM_GRADE, DECLARED_GRADE = range(len(GRADES))

Weight = tuple[int, str]
"""(minus the absolute amount in minor units, record id), so that sorting puts heavy first."""

Entry = tuple[Amount, str, str, int]
"""A weight with the record's source and grade."""


class Named(Protocol):
    """A record with an id."""

    @property
    def id(self) -> str:
        """The record's id."""


class Proof:
    """The records of one month: how many, and those that may weigh most."""

    __slots__ = ("entries", "records")

    def __init__(self) -> None:
        self.records = 0
        self.entries: list[Entry] = []

    def note(
        self, record_id: str, amount: Amount, source: str, grade: int, *, counted: bool = True
    ) -> None:
        """Take one record in; `counted` is False for further months of a spread one."""
        self.records += counted
        self.entries.append((-amount if amount > 0 else amount, record_id, source, grade))


def heaviest(weights: Sequence[tuple[Amount, str] | Entry]) -> tuple[str, ...]:
    """The ids of the five heaviest records, each once, heavy first.

    All have to be sorted only where one of the five stands there twice, as a spread record may.
    """
    five = [weight[1] for weight in nsmallest(MOST_SHOWN, weights)]
    if len(weights) <= MOST_SHOWN or len(set(five)) == MOST_SHOWN:
        return tuple(dict.fromkeys(five))
    return tuple(dict.fromkeys(weight[1] for weight in sorted(weights)))[:MOST_SHOWN]


def top_weights(
    records: Sequence[Named], sizes: Sequence[int], first: int, end: int
) -> Sequence[Weight]:
    """The five heaviest of a slice of distinct records, heavy first, given with their sizes.

    A size is an absolute amount. Many may weigh as much as the fifth, as trips at one fare do: of
    those only ids are compared. Only records that may be shown are touched.
    """
    part = sizes[first:end]
    largest = nlargest(MOST_SHOWN, part)
    floor = largest[-1] if largest else 0
    places = [place for place, size in enumerate(part, first) if size >= floor]
    if len(places) <= MOST_SHOWN:
        return sorted([(-sizes[place], records[place].id) for place in places])
    heavier = largest[0] > floor
    heavy = [place for place in places if sizes[place] > floor] if heavier else []
    shown = sorted([(-sizes[place], records[place].id) for place in heavy])
    tied = [records[place].id for place in places if not heavier or sizes[place] == floor]
    return [*shown, *[(-floor, name) for name in nsmallest(MOST_SHOWN - len(shown), tied)]]


def proofs_evidence(
    months: Sequence[tuple[int, Proof]], horizon: int, notes: tuple[str, ...] = ()
) -> Evidence:
    """The evidence of some months, given in order."""
    entries = [entry for _, proof in months for entry in proof.entries]
    told = {entry[2:] for entry in entries}
    return Evidence(
        records=sum([proof.records for _, proof in months]),
        first=str(Month(months[0][0])) if months else None,
        last=str(Month(months[-1][0])) if months else None,
        horizon=str(Month(horizon)),
        grade=GRADES[min([grade for _, grade in told])] if told else None,
        top=heaviest(entries),
        sources=tuple(sorted({source for source, _ in told})),
        notes=notes,
    )
