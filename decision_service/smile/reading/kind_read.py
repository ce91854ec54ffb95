"""One kind of one applicant's data, as far as it was read."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import msgspec
from msgspec.structs import replace

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Missing
from decision_service.domain.snapshot import Read, Source
from decision_service.smile.errors import UpstreamFault
from decision_service.smile.mapping.listings import KindListing
from decision_service.smile.mapping.origins import ACCOUNT, merged, origin

_AT_A_TIME = 200


class KindRead(msgspec.Struct, frozen=True):
    """A `Read` with the sources that its items named, and the ids of the accounts among them."""

    read: Read[Any] = msgspec.field(default_factory=Read)
    sources: tuple[Source, ...] = ()
    accounts: frozenset[str] = frozenset()

    def failed(self, fault: Missing) -> KindRead:
        """The same kind without records, so that none of its data is used."""
        return KindRead(Read(faults=(*self.read.faults, fault), first_day=self.read.first_day))


def failed_kind(kind: Kind, fault: UpstreamFault, first_day: date | None = None) -> KindRead:
    """A kind that could not be read."""
    return KindRead(Read(faults=(fault.missing(kind),), first_day=first_day))


async def from_items(
    kind: Kind, listing: KindListing[Any, Any], items: tuple[Any, ...], *, duplicates: int = 0
) -> KindRead:
    """The records of listed items; raises an UpstreamFault for an unusable item.

    Ten thousand items take a tenth of a second, so other tasks run in between.
    """
    chosen = listing.choose(items)
    origins: list[Source] = []
    records: list[Any] = []
    for first in range(0, len(chosen), _AT_A_TIME):
        if first:
            await asyncio.sleep(0)
        some = chosen[first : first + _AT_A_TIME]
        found = [origin(item.metadata, kind) for item in some]
        origins += found
        records += [listing.record(item, one.id) for item, one in zip(some, found, strict=True)]
    return KindRead(
        Read(tuple(records), duplicates=duplicates),
        merged(origins),
        frozenset(one.id for one in origins if one.type == ACCOUNT),
    )


def from_day(part: KindRead, first_day: date | None) -> KindRead:
    """The records from a day on; the vendor may send earlier ones."""
    if first_day is None:
        return part
    records = tuple(record for record in part.read.records if record.date >= first_day)
    read = Read(records, part.read.faults, part.read.duplicates, first_day)
    return replace(part, read=read)
