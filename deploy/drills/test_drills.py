"""Backup, wipe and restore of both stores under a real service, and what is refused."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from decision_service.store.keys import DATA_KEYS, IDENTITY_KEYS
from deploy.drills.lender import PEOPLE, at, vendor
from deploy.drills.stores import Kept, in_postgres, in_sqlite
from tests.e2e.process import command
from tests.kits.postgres import Postgres, running_postgres

SENTENCE = re.compile(
    r".*; (stop it first|move it away, or .*|name one that is empty .*): nothing was changed\n"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A PostgreSQL server of the drill's own."""
    with running_postgres() as running:
        yield running


@pytest.fixture(name="vendor")
def running_vendor() -> Iterator[dict[str, str]]:
    """A vendor that knows the four sandbox people."""
    with vendor() as settings:
        yield settings


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    """An empty store with tables, and keys in files."""
    if request.param == "sqlite":
        if shutil.which("sqlite3") is None:
            pytest.skip("there is no sqlite3: `apt-get install sqlite3` brings one")
        kept = in_sqlite(tmp_path)
    else:
        kept = in_postgres(tmp_path, request.getfixturevalue("server"))
    return made(kept)


def made(kept: Kept) -> Kept:
    """The store with its tables and keys."""
    vendor = {"smile_mode": "sandbox", "smile_api_key": "k" * 8, "smile_api_secret": "s" * 8}
    IDENTITY_KEYS.add(Path(kept.settings["identity_key_file"]))
    DATA_KEYS.add(Path(kept.settings["data_key_file"]))
    done = command("migrate", folder=kept.folder, **vendor, **kept.settings)
    assert done.returncode == 0, done.stderr
    return kept


def test_a_wiped_store_comes_back_as_it_was_backed_up(
    store: Kept, vendor: dict[str, str], tmp_path: Path
) -> None:
    """Decisions and replays are the same; who was erased after the backup is erased again."""
    backup, log = tmp_path / "backup", tmp_path / "log"
    with at(store, vendor) as lender:
        decided = [lender.read(lender.decide(user).decision_id) for user in PEOPLE]
        assert (done := store.backup(backup)).returncode == 0, done.stderr
        lender.erase(PEOPLE[0])
        later = lender.decide(PEOPLE[1])
    store.wipe()
    assert (done := store.restore(backup)).returncode == 0, done.stderr
    erased, *others = [one.decision_id for one in decided]
    with at(store, vendor, log) as lender:
        assert lender.why_not("differing", erased) == "SNAPSHOT_ERASED"
        assert lender.why_not("read", later.decision_id) == "DECISION_UNKNOWN"
        assert [lender.read(one) for one in others] == decided[1:]
        assert [lender.differing(one) for one in others] == [[]] * len(others)
        assert lender.decide(PEOPLE[1]).decision_id
    assert "erased again what an older store held" in log.read_text()


def test_pods_on_a_restored_database_keep_a_person_erased(
    vendor: dict[str, str], server: Postgres, tmp_path: Path
) -> None:
    """One of them is new, on an empty disk: the journal is in neither the backup nor a pod."""
    pods = [tmp_path / name for name in ("store", "old", "new")]
    for folder in pods:
        folder.mkdir()
    store = made(in_postgres(pods[0], server))
    with at(store, vendor, folder=pods[1]) as lender:
        decided = [lender.decide(user).decision_id for user in PEOPLE[:2]]
        assert (done := store.backup(tmp_path / "backup")).returncode == 0, done.stderr
        lender.erase(PEOPLE[0])
    store.wipe()
    assert (done := store.restore(tmp_path / "backup")).returncode == 0, done.stderr
    with (
        at(store, vendor, tmp_path / "log", pods[2]) as new,
        at(store, vendor, tmp_path / "log-2", pods[1]) as old,
    ):
        for pod in (new, old):
            assert pod.why_not("differing", decided[0]) == "SNAPSHOT_ERASED"
            assert pod.differing(decided[1]) == []
    assert "erased again what an older store held" in (tmp_path / "log").read_text()
    assert "erased again what an older store held" not in (tmp_path / "log-2").read_text()


def test_what_cannot_be_restored_changes_nothing(
    store: Kept, vendor: dict[str, str], tmp_path: Path
) -> None:
    """A store that is not empty, served or not; a backup that was cut short; no backup at all."""
    backup, cut, other = tmp_path / "backup", tmp_path / "cut", tmp_path / "other"
    with at(store, vendor) as lender:
        before = lender.decide(PEOPLE[1])
        assert store.backup(backup).returncode == 0
        later = lender.decide(PEOPLE[2])
        served = store.restore(backup)
    for done in (served, store.restore(backup)):
        assert (done.returncode, done.stdout) == (1, "")
        assert SENTENCE.fullmatch(done.stderr), done.stderr
    onto = store.backup(backup)
    assert (onto.returncode, "is there already" in onto.stderr) == (1, True)
    with at(store, vendor) as lender:
        for one in (before, later):
            assert lender.read(one.decision_id).outcome == one.outcome
            assert lender.differing(one.decision_id) == []
    whole = backup.read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    other.write_text("notes of mine\n")
    store.wipe()
    for file in (cut, other, tmp_path / "missing"):
        done = store.restore(file)
        assert done.returncode == 1
        assert done.stderr.endswith(": nothing was changed\n")
    assert store.restore(backup).returncode == 0
    with at(store, vendor) as lender:
        assert lender.differing(before.decision_id) == []
