"""Lists that came back much shorter than they once were."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import msgspec

from decision_service.domain.accounts import CONNECTED
from decision_service.domain.kinds import MONTHLY_KINDS
from decision_service.domain.missing import Cause, DataReason, Missing
from decision_service.domain.snapshot import KnownCount, Read, Snapshot

EXPIRES_AFTER = timedelta(days=60)


def mark_shrunken(snapshot: Snapshot, as_of: datetime) -> Snapshot:
    """The snapshot with DATA_SHRANK where a living source gives over a fifth less than before.

    The vendor's histories only grow; a page whose cursor was lost looks like an honest short
    list, and only the earlier count shows the loss. Kinds that are read in a window are not
    compared, nor are kinds that failed already.
    """
    changes = {}
    for kind in sorted(MONTHLY_KINDS):
        read: Read[Any] | None = getattr(snapshot, kind.value)
        known = [one for one in snapshot.known if one.kind is kind]
        if read is None or read.faults or not known:
            continue
        faults = _faults(read, known, _compared(snapshot, read, as_of))
        changes[kind.value] = msgspec.structs.replace(read, faults=faults)
    return msgspec.structs.replace(snapshot, **changes)


def _compared(snapshot: Snapshot, read: Read[Any], as_of: datetime) -> frozenset[str]:
    """The sources that should give at least what they gave before.

    A kind without records of an account of over 60 days has expired at the vendor, which the
    factors handle.
    """
    accounts = (one for one in snapshot.accounts if one.connection_status == CONNECTED)
    young = {
        one.id
        for one in accounts
        if read.records or one.created_at is None or as_of - one.created_at <= EXPIRES_AFTER
    }
    return frozenset(young.union(one.id for one in snapshot.sources))


def _faults(
    read: Read[Any], known: list[KnownCount], compared: frozenset[str]
) -> tuple[Missing, ...]:
    counts = Counter(record.source for record in read.records)
    return tuple(
        Missing(
            Cause.BAD_DATA,
            DataReason.DATA_SHRANK,
            one.kind,
            one.source,
            detail=f"{counts[one.source]} of {one.count} records",
        )
        for one in known
        if one.source in compared and counts[one.source] * 5 < one.count * 4
    )
