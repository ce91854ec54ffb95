"""What a reading holds that the reading before it did not."""

from __future__ import annotations

from typing import Any

from decision_service.domain.kinds import Kind
from decision_service.domain.snapshot import Read, Snapshot
from decision_service.pipeline.snapshots.cache import is_settled, kinds_of


def gained(before: Snapshot, after: Snapshot) -> frozenset[Kind]:
    """Kinds that could not be read before, or of which there are further records.

    ACCOUNTS where one is connected that was not, or the reading before was not whole.
    """
    found = {
        Kind(kind)
        for kind in kinds_of(after)
        if _has_more(getattr(before, kind) or Read(), getattr(after, kind))
    }
    if not is_settled(before) or _connections(after) - _connections(before):
        found.add(Kind.ACCOUNTS)
    return frozenset(found)


def _has_more(before: Read[Any], after: Read[Any]) -> bool:
    readable = bool(before.faults) and not after.faults
    return readable or bool(_ids(after) - _ids(before))


def _ids(read: Read[Any]) -> frozenset[str]:
    return frozenset(record.id for record in read.records)


def _connections(snapshot: Snapshot) -> frozenset[tuple[str, str]]:
    return frozenset((account.id, account.connection_status) for account in snapshot.accounts)
