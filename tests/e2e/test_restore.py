"""A backup from before an erasure, restored under the service itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.api.v1 import applicant_service_pb2_grpc
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import create, refused, running

GEORGE, RYAN, *_ = (person.user_id for person in sandbox_people())


async def test_a_backup_brings_no_erased_person_back(tmp_path: Path) -> None:
    """Decided, backed up, erased, restored, started: the data is nowhere, the decision is there."""
    store, backup = tmp_path / "decisions.db", tmp_path / "backup.db"
    async with running(tmp_path) as live:
        decided = (await live.stub.CreateDecision(create(GEORGE))).decision
        other = (await live.stub.CreateDecision(create(RYAN))).decision
        _back_up(store, backup)
        applicants = applicant_service_pb2_grpc.ApplicantServiceStub(live.channel)
        erased = await applicants.EraseApplicant(pb.EraseApplicantRequest(user_id=GEORGE))
        assert erased.erased_snapshots == 1
    key = _key_of(backup, GEORGE)
    _restore(backup, store)
    async with running(tmp_path) as live:
        for file in tmp_path.glob("decisions.db*"):
            assert key not in file.read_bytes()
        read = service_pb.GetDecisionRequest(decision_id=decided.decision_id)
        assert (await live.stub.GetDecision(read)).decision == decided
        told = await refused(live.stub.ReplayDecision(_replay(decided.decision_id)))
        assert told.info.reason == "SNAPSHOT_ERASED"
        replayed = await live.stub.ReplayDecision(_replay(other.decision_id))
        assert list(replayed.differing_fields) == []


def _replay(decision_id: str) -> service_pb.ReplayDecisionRequest:
    return service_pb.ReplayDecisionRequest(decision_id=decision_id)


def _back_up(store: Path, backup: Path) -> None:
    with closing(sqlite3.connect(store)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)


def _restore(backup: Path, store: Path) -> None:
    for leftover in (store.with_name(f"{store.name}-wal"), store.with_name(f"{store.name}-shm")):
        leftover.unlink(missing_ok=True)
    backup.replace(store)


def _key_of(store: Path, user_id: str) -> bytes:
    with closing(sqlite3.connect(store)) as connection:
        found = connection.execute("SELECT key FROM consents WHERE user_id = ?", (user_id,))
        return bytes(found.fetchone()[0])
