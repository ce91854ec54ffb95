"""A stored reading of a person's data, cut into records of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from decision_service.domain.kinds import Kind
from decision_service.domain.snapshot import Snapshot
from decision_service.pipeline.snapshots.codec import read_snapshot
from decision_service.pipeline.subject_access.plain import plain
from decision_service.pipeline.subject_access.ports import PersonRecord, StoredReading

MOST_RECORDS = 1000
"""Of the vendor's records in one record of an export."""

_HEAD = ("accounts", "account_faults", "sources", "providers", "known", "tasks")
_KINDS = tuple(kind.value for kind in Kind if kind is not Kind.ACCOUNTS)


def reading_record(stored: StoredReading, part: int) -> tuple[PersonRecord, bool]:
    """The part of a reading from 0 on, and whether another one follows."""
    about = {"read_for_a_decision_of": plain(stored.place.created), "part": part + 1}
    if stored.body is None:
        gone = {**about, "erased": "its key was destroyed: nobody can read it any more"}
        return PersonRecord("reading", stored.place.decision_id, gone), False
    snapshot = read_snapshot(stored.body)
    every = [*_records(snapshot)]
    start = part * MOST_RECORDS
    content = {**about, **(_head(snapshot) if part == 0 else {})}
    for kind, record in every[start : start + MOST_RECORDS]:
        content.setdefault(kind, []).append(plain(record))
    record = PersonRecord("reading", stored.place.decision_id, content)
    return record, start + MOST_RECORDS < len(every)


def _head(snapshot: Snapshot) -> Mapping[str, Any]:
    """Accounts and how each kind was read; the records follow."""
    told = {name: plain(getattr(snapshot, name)) for name in _HEAD}
    told["how_it_was_read"] = [*_readings(snapshot)]
    return {name: one for name, one in told.items() if one}


def _readings(snapshot: Snapshot) -> Iterator[Mapping[str, Any]]:
    for kind in _KINDS:
        read = getattr(snapshot, kind)
        if read is not None:
            yield {
                "kind": kind,
                "records": len(read.records),
                "faults": plain(read.faults),
                "duplicates": read.duplicates,
                "first_day": plain(read.first_day),
            }


def _records(snapshot: Snapshot) -> Iterator[tuple[str, Any]]:
    for kind in _KINDS:
        read = getattr(snapshot, kind)
        if read is None:
            continue
        yield from ((kind, record) for record in read.records)
        yield from (("people", person) for person in read.people or ())
