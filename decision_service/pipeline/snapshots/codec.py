"""The stored form of snapshots: msgpack, addressed by content within the user."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import msgspec

from decision_service.domain.kinds import Kind
from decision_service.domain.months import Month
from decision_service.domain.snapshot import (
    Contribution,
    EstimatedIncome,
    Income,
    KnownCount,
    Read,
    Snapshot,
    Transaction,
)
from decision_service.pipeline.ports import SnapshotBody

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Snapshot)


def snapshot_body(snapshot: Snapshot) -> SnapshotBody:
    """The snapshot ready to be stored; equal content of one user has an equal id."""
    body = _ENCODER.encode(snapshot)
    digest = hashlib.sha256(snapshot.user_id.encode() + b"\0" + body).hexdigest()
    return SnapshotBody(f"snap_{digest[:40]}", snapshot.user_id, body, tuple(_counts(snapshot)))


def read_snapshot(body: bytes) -> Snapshot:
    """A stored snapshot; raises msgspec.ValidationError when the bytes are not one."""
    return _DECODER.decode(body)


def _counts(snapshot: Snapshot) -> Iterator[KnownCount]:
    for kind in Kind:
        read: Read[Any] | None = None
        if kind is not Kind.ACCOUNTS:
            read = getattr(snapshot, kind.value)
        if read is None:
            continue
        newest = _newest_months(kind, read.records)
        for source, count in sorted(Counter(r.source for r in read.records).items()):
            yield KnownCount(source, kind, count, newest.get(source))


def _newest_months(kind: Kind, records: Iterable[Any]) -> Mapping[str, int]:
    """The newest month of each source with a record above zero; of kinds without months none."""
    found: dict[str, int] = {}
    gave = _GAVE.get(kind)
    if gave is None:
        return found
    for record in records:
        month = gave(record)
        if month is not None and month > found.get(record.source, -1):
            found[record.source] = month
    return found


def _estimated(record: EstimatedIncome) -> int | None:
    return record.month if record.amount > 0 else None


def _paid(record: Income) -> int | None:
    """The month of the pay's last day, where its first amount of net, gross and base is there."""
    amounts = (one for one in (record.net, record.gross, record.base) if one is not None)
    return _month(record.end or record.start) if next(amounts, 0) > 0 else None


def _dated(record: Transaction | Contribution) -> int | None:
    return _month(record.date) if record.amount > 0 else None


def _month(day: date) -> int:
    return Month.of(day).index


_GAVE: Mapping[Kind, Callable[[Any], int | None]] = {
    Kind.EINCOMES: _estimated,
    Kind.INCOMES: _paid,
    Kind.TRANSACTIONS: _dated,
    Kind.CONTRIBUTIONS: _dated,
}
"""In which month a record of a kind gave something; None for one that gave nothing."""
