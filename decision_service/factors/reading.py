"""The snapshot's readings by kind, and which sources they name."""

from __future__ import annotations

from datetime import date
from typing import Any

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, Missing
from decision_service.domain.snapshot import Read, Snapshot
from decision_service.factors.context import FactorContext

FETCHED_KINDS = tuple(kind for kind in Kind if kind is not Kind.ACCOUNTS)
"""Every kind that is a reading of its own."""

GIVEN_KINDS = tuple(kind for kind in FETCHED_KINDS if kind is not Kind.LINKS)
"""What an account itself gives; the vendor counts links of attempts that never gave anything."""


def reading(snapshot: Snapshot, kind: Kind) -> Read[Any] | None:
    """How a kind was read; None where it was not fetched."""
    read: Read[Any] | None = getattr(snapshot, kind.value)
    return read


def sources_naming(context: FactorContext, kind: Kind) -> frozenset[str]:
    """The ids of all sources that some record of this kind names."""
    return context.once(("naming", kind), lambda c: _sources(c.snapshot, kind))


def delivered(snapshot: Snapshot, source: str) -> bool:
    """Whether a source gives records of its own now, or gave some to an earlier snapshot."""
    if any(had_before(snapshot, source, kind) for kind in GIVEN_KINDS):
        return True
    return any(source in _sources(snapshot, kind) for kind in GIVEN_KINDS)


def had_before(snapshot: Snapshot, source: str, kind: Kind) -> bool:
    """Whether an earlier snapshot held records of this kind from this source."""
    return any(k.source == source and k.kind is kind and k.count > 0 for k in snapshot.known)


def unread_from(snapshot: Snapshot, begins: date) -> tuple[Missing, ...]:
    """That transactions were not read as far back as this day."""
    read = snapshot.transactions
    late = read is not None and read.first_day is not None and read.first_day > begins
    return (Missing(Cause.NOT_FETCHED, kind=Kind.TRANSACTIONS),) if late else ()


def _sources(snapshot: Snapshot, kind: Kind) -> frozenset[str]:
    read = reading(snapshot, kind)
    return frozenset({record.source for record in read.records}) if read else frozenset()
