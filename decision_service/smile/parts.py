"""One kind of one applicant, as far as it was read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Missing
from decision_service.domain.snapshot import Read, Source
from decision_service.smile.errors import Fault
from decision_service.smile.listings import LISTINGS
from decision_service.smile.origins import ACCOUNT, merged, origin


@dataclass(frozen=True, slots=True)
class Part:
    """A `Read` with the sources that its items named, and the ids of the accounts among them."""

    read: Read[Any] = field(default_factory=Read)
    sources: tuple[Source, ...] = ()
    accounts: frozenset[str] = frozenset()

    def failed(self, fault: Missing) -> Part:
        """The same kind without records: nothing of it may be used."""
        return Part(Read(faults=(*self.read.faults, fault), first_day=self.read.first_day))


def without(kind: Kind, fault: Fault, first_day: date | None = None) -> Part:
    """A kind that could not be read."""
    return Part(Read(faults=(fault.missing(kind),), first_day=first_day))


def from_items(kind: Kind, items: tuple[Any, ...], *, duplicates: int = 0) -> Part:
    """The records of listed items; raises a Fault when one of them cannot be used."""
    listing = LISTINGS[kind]
    chosen = listing.choose(items)
    origins = [origin(item.metadata, kind) for item in chosen]
    records = tuple(listing.record(item, one.id) for item, one in zip(chosen, origins, strict=True))
    return Part(
        Read(records, duplicates=duplicates),
        merged(origins),
        frozenset(one.id for one in origins if one.type == ACCOUNT),
    )


def since(part: Part, first_day: date | None) -> Part:
    """The same, clipped to a window that begins on a day, whatever else the vendor sent."""
    if first_day is None:
        return part
    records = tuple(record for record in part.read.records if record.date >= first_day)
    read = Read(records, part.read.faults, part.read.duplicates, first_day)
    return replace(part, read=read)
