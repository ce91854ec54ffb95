"""The ways of one person: the catalogue, its steps, and what holds against them."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.edits.served import ServedRules
from tests.edits.ways import (
    APPROVED_BEFORE,
    LAYERS,
    NOTHING,
    SAME,
    STEPS,
    WAYS,
    Person,
    Proposal,
    Tables,
    Walked,
    Way,
    copy_store,
    released,
    walk,
    ways,
)

CATALOGUE = ways()


class CarelessService:
    """It keeps the interface, and asks nobody and checks nothing.

    A folder waits for any two confirmations where `waits`, else it decides at once.
    """

    def __init__(self, root: Path, *, waits: bool = True) -> None:
        self.folder = root
        self.store = root / "store.db"
        self.key_file = root / "key"
        self.tables = Tables("releases", "rollouts", "contents")
        self.waits = waits
        self.confirmations = 0

    def start(self, folder: Path) -> None:
        self.folder = folder
        self.key_file.write_text("a key")
        if not self.store.exists():
            self.sql("CREATE TABLE contents (digest TEXT PRIMARY KEY, body TEXT)")
            self.sql(
                "CREATE TABLE releases (position INTEGER PRIMARY KEY, content TEXT, seal TEXT)"
            )
            self.sql("CREATE TABLE rollouts (position INTEGER PRIMARY KEY, state_after TEXT)")
            self.sql('INSERT INTO rollouts VALUES (1, \'{"stage": "staff"}\')')

    def propose(self) -> Proposal | None:
        files = {}
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                files[str(path.relative_to(self.folder))] = path.read_text(encoding="utf-8")
        body = json.dumps([files, str(self.folder.stat().st_mtime_ns)])
        digest = sha256(body.encode()).hexdigest()
        self.sql("INSERT OR IGNORE INTO contents VALUES (?, ?)", digest, body)
        if not self.waits:
            self._release(digest)
        return Proposal(digest, self._one("SELECT coalesce(max(position), 0) FROM releases"))

    def confirm(self, by: Person, digest: str, position: int) -> None:
        assert by.caller
        assert position >= 0
        self.confirmations += 1
        if self.confirmations % 2 == 0:
            self._release(digest)

    def live_digest(self) -> str:
        last = "SELECT content FROM releases ORDER BY position DESC LIMIT 1"
        body = self._one(f"SELECT body FROM contents WHERE digest = ({last})")
        states = self._one("SELECT state_after FROM rollouts ORDER BY position DESC LIMIT 1")
        return sha256((body + states).encode()).hexdigest()

    def sql(self, statement: str, *values: Any) -> None:
        with closing(sqlite3.connect(self.store)) as connection, connection:
            connection.execute(statement, values)

    def restart(self) -> None:
        if not self.waits:
            self.propose()

    def restore(self, backup: Path) -> None:
        shutil.copy(backup, self.store)

    def second(self, folder: Path) -> CarelessService:
        other = CarelessService(self.store.parent, waits=False)
        other.start(folder)
        other.propose()
        return other

    def heard(self) -> str:
        return ""

    def close(self) -> None:
        """Nothing is held open."""

    def _release(self, digest: str) -> None:
        following = "(SELECT coalesce(max(position), 0) + 1 FROM releases)"
        self.sql(f"INSERT INTO releases VALUES ({following}, ?, 'a seal')", digest)

    def _one(self, statement: str) -> Any:
        with closing(sqlite3.connect(self.store)) as connection:
            return connection.execute(statement).fetchone()[0]


def _careless(way: Way, root: Path) -> CarelessService:
    root.mkdir()
    at_once = way.layer == "folder" or way.name == "a restart"
    return CarelessService(root, waits=not at_once)


def test_there_are_27_ways_and_each_says_all() -> None:
    names = Counter(way.name for way in CATALOGUE)
    assert len(CATALOGUE) == WAYS
    assert [name for name, count in names.items() if count > 1] == []
    assert [way.name for way in CATALOGUE if not (way.does and way.refusal and way.steps)] == []
    assert {way.layer for way in CATALOGUE} == set(LAYERS)
    assert {way.after for way in CATALOGUE} == {SAME, APPROVED_BEFORE, NOTHING}


def test_every_step_of_a_way_is_there_and_every_step_is_in_a_way() -> None:
    used = {step for way in CATALOGUE for step in way.steps}
    assert used == set(STEPS)


@pytest.mark.parametrize("way", CATALOGUE, ids=lambda way: way.name)
def test_a_way_is_open_where_nothing_is_checked(way: Way, tmp_path: Path) -> None:
    """The steps do what they say: a service that checks nothing decides otherwise afterwards."""
    walked = walk(way, _careless(way, tmp_path / "service"), tmp_path)
    assert walked.after != walked.before
    assert not walked.holds(way)


def test_what_two_persons_released_decides_before_a_way(tmp_path: Path) -> None:
    (tmp_path / "service").mkdir()
    service = CarelessService(tmp_path / "service")
    world = released(service, tmp_path)
    assert len(set(world.approved)) == 2
    assert service.live_digest() == world.approved[-1]
    restored = tmp_path / "copy.db"
    copy_store(world.backup, restored)
    service.restore(restored)
    assert service.live_digest() == world.approved[0]


def test_a_way_holds_where_the_same_decides_and_the_refusal_is_heard() -> None:
    way = CATALOGUE[0]
    assert Walked("b", "b", ("a", "b"), f"it {way.refusal}").holds(way)
    assert not Walked("b", "b", ("a", "b"), "").holds(way)
    assert not Walked("b", "a", ("a", "b"), way.refusal).holds(way)


@pytest.mark.long
@pytest.mark.parametrize("way", CATALOGUE, ids=lambda way: way.name)
def test_one_person_alone_brings_nothing_live(way: Way, tmp_path: Path) -> None:
    """What is decided by stays, and who looks hears why."""
    (tmp_path / "service").mkdir()
    with closing(ServedRules(tmp_path / "service")) as service:
        walked = walk(way, service, tmp_path)
    assert walked.holds(way), walked
