"""The stored form of snapshots, and what is counted of them."""

from __future__ import annotations

import zlib
from datetime import date, timedelta

import msgspec
import pytest

from decision_service.decide.codec import read_snapshot, snapshot_body
from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import (
    KnownCount,
    Read,
    Snapshot,
    Task,
)
from decision_service.domain.values import Cause, DataReason, Missing, Month
from tests.fakes.world import NOW, steady_earner
from tests.kits.cases import cases

CASES = cases("known_counts")
AUGUST = Month.of(date(2026, 8, 1)).index


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_counts_tell_the_newest_month_with_income(case: dict[str, object]) -> None:
    """Of each source and kind: the month of the last record above zero, where months are told."""
    counts = msgspec.convert(case["counts"], tuple[KnownCount, ...])
    assert snapshot_body(msgspec.convert(case["snapshot"], Snapshot)).counts == counts


def test_tasks_and_counts_are_read_back() -> None:
    """What a first sync said, and why it could not, is in the stored form as it was."""
    task = Task("t-1", "a-1", "LINK_ACCOUNT", "Started", NOW - timedelta(hours=1), None)
    fault = Missing(Cause.NOT_FETCHED, DataReason.UPSTREAM_TIMEOUT, source="a-1")
    due = Missing(
        Cause.NOT_YET_POSTED, kind=Kind.EINCOMES, source="a-1", month=AUGUST, due=date(2026, 11, 1)
    )
    snapshot = msgspec.structs.replace(
        steady_earner(),
        tasks=Read((task,), (fault, due)),
        known=(KnownCount("a-1", Kind.EINCOMES, 3, AUGUST), KnownCount("a-1", Kind.LIABILITIES, 1)),
    )
    assert read_snapshot(snapshot_body(snapshot).body) == snapshot


def test_a_stored_snapshot_is_compressed() -> None:
    """Three years of months take a fraction of their plain form."""
    assert len(snapshot_body(steady_earner()).body) * 3 < len(
        msgspec.msgpack.encode(steady_earner())
    )


def test_a_snapshot_of_an_earlier_program_is_read() -> None:
    """One without tasks, whose counts tell no months, is what it was."""
    plain = msgspec.msgpack.decode(zlib.decompress(snapshot_body(steady_earner()).body))
    assert "tasks" not in plain
    plain["known"] = [["a-1", "eincomes", 36]]
    found = read_snapshot(zlib.compress(msgspec.msgpack.encode(plain)))
    assert found.tasks is None
    assert found.known == (KnownCount("a-1", Kind.EINCOMES, 36),)


def test_what_a_later_program_adds_is_left_out() -> None:
    """A field that is new, in the snapshot or at the end of a record, harms nothing."""
    plain = msgspec.msgpack.decode(zlib.decompress(snapshot_body(steady_earner()).body))
    plain["known"] = [["a-1", "eincomes", 36, None, "later"]]
    plain["later"] = True
    assert (
        read_snapshot(zlib.compress(msgspec.msgpack.encode(plain))).eincomes
        == steady_earner().eincomes
    )
