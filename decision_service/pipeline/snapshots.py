"""The stored form of snapshots: msgpack, addressed by content within the user."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator

import msgspec

from decision_service.domain.kinds import Kind
from decision_service.domain.snapshot import KnownCount, Snapshot
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
        read = None if kind is Kind.ACCOUNTS else getattr(snapshot, kind.value)
        if read is None:
            continue
        for source, count in sorted(Counter(r.source for r in read.records).items()):
            yield KnownCount(source, kind, count)
