"""Ways in which one person alone could get something live, walked against a service.

The catalogue is `one_person.yaml`. Its steps are functions of this module on a real folder and a
real store file. What they are walked against is a `Service`.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import yaml

from decision_service.rulebook.folder import read_rules
from decision_service.rulebook.manifest import MANIFEST, Publication, manifest_text
from tests.edits.edits import HERE, as_new_version, before

PRODUCT = "payroll-loan-ph"
WAYS = 27
LAYERS = ("folder", "journal", "seal", "persons", "start")
SAME, APPROVED_BEFORE = "the same", "approved before"
NOTHING = "nothing"
"""What decides where no process starts on what was done to its store."""

_VALID = "valid_for: 10d"


@dataclasses.dataclass(frozen=True)
class Person:
    """Who confirms: a caller's name, and the issuer and subject of the ID token, if there is one.

    `signed_in` is how long ago the provider saw the person sign in.
    """

    caller: str
    subject: str
    roles: frozenset[str]
    issuer: str = "https://login.example"
    signed_in: timedelta = timedelta(minutes=1)
    id_token: bool = True


_BOTH = frozenset({"rules", "rules_approve"})
JUAN = Person("juan", "u-1", _BOTH)
JUAN_BY_ANOTHER_NAME = Person("j.cruz", "u-1", _BOTH)
MARIA = Person("maria", "u-2", _BOTH)
MARIA_SINCE_LONG = dataclasses.replace(MARIA, signed_in=timedelta(minutes=20))
PEDRO = Person("pedro", "u-3", _BOTH)
"""The author."""
ANA = Person("ana", "u-4", frozenset({"rules"}))
BATCH = Person("batch", "", _BOTH, issuer="", id_token=False)


class Refused(Exception):
    """What a service says where it does not do what it is asked; the text is for people."""


@dataclasses.dataclass(frozen=True)
class Proposal:
    """A content that waits, and the position of the release that it was compared with."""

    digest: str
    position: int


@dataclasses.dataclass(frozen=True)
class Tables:
    """Names in the store.

    Both journals have a column `position`, releases also one with the `digest` of a row of
    `contents`, which has `digest` and `body`.
    """

    releases: str
    rollouts: str = "rollout_journal"
    contents: str = "texts"
    digest: str = "content"
    deciding: str = "1 = 1"
    """The rows of releases that put a content in force, as an SQL condition."""


class Service(Protocol):
    """A service that requires approval, as one who attacks it can reach it.

    `folder` is what it reads, `store` its SQLite file, `key_file` the key that seals its journals.
    """

    folder: Path
    store: Path
    key_file: Path
    tables: Tables

    def start(self, folder: Path) -> None:
        """Start a process on an empty or known store with a folder; raises Refused."""

    def propose(self) -> Proposal | None:
        """Read the folder now, as a running service does; None where nothing new waits.

        What is wrong with the folder or the journal is heard, not raised.
        """

    def confirm(self, by: Person, digest: str, position: int) -> None:
        """Confirm a proposal; the second person puts it live. Raises Refused by name."""

    def live_digest(self) -> str:
        """Of all that decides: the content as it is read, and the states of its rollouts."""

    def sql(self, statement: str, *values: Any) -> None:
        """Run a statement in the store file behind the service's back, and commit it."""

    def restart(self) -> None:
        """End the process and start it again with the same folder, store and key file."""

    def restore(self, backup: Path) -> None:
        """Put a copy of the store file in the place of the store, while no process runs."""

    def second(self, folder: Path) -> Service:
        """Another process on the same store and key file with a folder of its own."""

    def heard(self) -> str:
        """All that log, status and console have said so far, one message a line."""

    def close(self) -> None:
        """End its process, and let go of its files."""


@dataclasses.dataclass(frozen=True)
class Way:
    """One way: what the person does, the words of the refusal, and the layer that must hold."""

    name: str
    does: str
    refusal: str
    layer: str
    steps: tuple[str, ...]
    after: str = SAME


def ways() -> list[Way]:
    """The catalogue."""
    rows = yaml.safe_load((HERE / "one_person.yaml").read_text(encoding="utf-8"))
    return [Way(**{**row, "steps": tuple(row["steps"])}) for row in rows]


@dataclasses.dataclass
class World:
    """A service in which two persons have released two contents, and what one person did to it."""

    service: Service
    root: Path
    older: Path
    backup: Path
    approved: list[str]
    proposal: Proposal | None = None
    refused: list[str] = dataclasses.field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.service.folder

    @property
    def product(self) -> Path:
        return self.folder / PRODUCT

    def confirmed(self, by: Person) -> None:
        """Confirm what was proposed last; a refusal is kept, not raised."""
        # Where nothing waits there is nothing to confirm: that holds too, and the end shows it
        if self.proposal is not None:
            try:
                self.service.confirm(by, self.proposal.digest, self.proposal.position)
            except Refused as why:
                self.refused.append(str(why))


@dataclasses.dataclass(frozen=True)
class Walked:
    """What decides before and after a way, and all that was said meanwhile."""

    before: str
    after: str
    approved: tuple[str, ...]
    heard: str

    def holds(self, way: Way) -> bool:
        """Nothing is live but what may be, and the refusal is said in its words."""
        may = {self.before}
        if way.after == APPROVED_BEFORE:
            may.update(self.approved)
        if way.after == NOTHING:
            may.add(NOTHING)
        return self.after in may and way.refusal in self.heard


def released(service: Service, root: Path) -> World:
    """Two contents, each released by two persons; the second one decides."""
    folder = before(PRODUCT, root / "rules")
    service.start(folder)
    approved = [_by_two(service)]
    older = root / "older"
    shutil.copytree(folder, older)
    backup = root / "older.db"
    copy_store(service.store, backup)
    _replaced(folder / PRODUCT / "v1.yaml", _VALID, "valid_for: 9d")
    approved.append(_by_two(service))
    return World(service, root, older, backup=backup, approved=approved)


def _by_two(service: Service) -> str:
    waits = service.propose()
    if waits is not None:
        for person in (JUAN, MARIA):
            service.confirm(person, waits.digest, waits.position)
    return service.live_digest()


def walk(way: Way, service: Service, root: Path) -> Walked:
    """Walk one way in a world of its own."""
    world = released(service, root)
    decides = world.service.live_digest()
    known = service.heard()
    for step in way.steps:
        try:
            STEPS[step](world)
        except Refused as why:
            world.refused.append(str(why))
    # What the two releases before said is no refusal of the way
    heard = "\n".join([*world.refused, world.service.heard().removeprefix(known)])
    return Walked(decides, world.service.live_digest(), tuple(world.approved), heard)


# The folder


def edit_in_place(world: World) -> None:
    _loosened(world.folder)


def edit_as_new_version(world: World) -> None:
    new = as_new_version(world.product, 1)
    _loosened(world.folder, new)


def swap_folder(world: World) -> None:
    other = _another(world)
    away = world.root / "away"
    world.folder.rename(away)
    other.rename(world.folder)


def link_folder(world: World) -> None:
    other = _another(world)
    world.folder.rename(world.root / "away")
    world.folder.symlink_to(other, target_is_directory=True)


def put_back_older(world: World) -> None:
    shutil.rmtree(world.folder)
    shutil.copytree(world.older, world.folder)


def date_anew(world: World) -> None:
    # Newer than all that is there, whatever the clock of the file system says
    later = max(path.stat().st_mtime for path in world.root.rglob("*")) + 60
    for path in world.folder.rglob("*"):
        os.utime(path, (later, later))


def copy_half(world: World) -> None:
    other = _another(world)
    shutil.rmtree(world.folder)
    shutil.copytree(other, world.folder, ignore=shutil.ignore_patterns("tests", "tables"))


def rename_product(world: World) -> None:
    edit_in_place(world)
    renamed = world.folder / "pay-loan-ph"
    world.product.rename(renamed)
    for path in renamed.rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(f"ruleset: {PRODUCT}", "ruleset: pay-loan-ph"))


def remove_product(world: World) -> None:
    world.product.rename(world.root / "removed")


def return_product(world: World) -> None:
    (world.root / "removed").rename(world.product)
    _loosened(world.folder)


def forge_manifest(world: World) -> None:
    forged = {
        "confirmed": [JUAN.caller, MARIA.caller],
        "evidence": "100/100 tests, 12 proved",
    }
    _write_manifest(world, f"{JUAN.caller}, {MARIA.caller}", yaml.safe_dump(forged))


def name_author(world: World) -> None:
    _write_manifest(world, PEDRO.caller)


def _write_manifest(world: World, by: str, more: str = "") -> None:
    contents = read_rules(world.folder).contents
    text = manifest_text(Publication(by, "2026-11-29T04:00:00Z"), contents)
    (world.folder / MANIFEST).write_text(text + more, encoding="utf-8")


def _another(world: World) -> Path:
    """A changed copy of the folder next to it."""
    other = world.root / "other"
    shutil.copytree(world.folder, other)
    _loosened(other)
    return other


def _loosened(folder: Path, version: int = 1) -> None:
    """An offer is valid ten times as long: no rule test notices it."""
    path = folder / PRODUCT / f"v{version}.yaml"
    _replaced(path, "valid_for: 9d", "valid_for: 100d")


def _replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path}: {old} is there once"
    path.write_text(text.replace(old, new), encoding="utf-8")


# The store


def copy_store(store: Path, target: Path) -> None:
    """A backup of a SQLite store, as its own means make it."""
    source = sqlite3.connect(store)
    copy = sqlite3.connect(target)
    try:
        source.backup(copy)
    finally:
        copy.close()
        source.close()


def columns(store: Path, table: str) -> list[str]:
    """The columns of a table of the store, in their order."""
    connection = sqlite3.connect(store)
    try:
        found = connection.execute("SELECT name FROM pragma_table_info(?)", (table,)).fetchall()
    finally:
        connection.close()
    return [name for (name,) in found]


def repeat_row(service: Service, table: str, source: str, old: str = "", new: str = "") -> None:
    """Write the row at a position once more behind the last one, `old` replaced by `new` in it."""
    parts = []
    values: list[str] = []
    for name in columns(service.store, table):
        if name == "position":
            parts.append(f"(SELECT max(position) + 1 FROM {table})")
        elif old:
            parts.append(_with(name))
            values += [old, new]
        else:
            parts.append(name)
    chosen = f"SELECT {', '.join(parts)} FROM {table} WHERE position = ({source})"
    service.sql(f"INSERT INTO {table} {chosen} LIMIT 1", *values)


def _with(name: str) -> str:
    """A column with a part of its text replaced; other types as they are."""
    return f"CASE typeof({name}) WHEN 'text' THEN replace({name}, ?, ?) ELSE {name} END"


def _last(table: str) -> str:
    return f"SELECT max(position) FROM {table}"


def _decides(tables: Tables) -> str:
    """The position of the release that decides."""
    return f"SELECT max(position) FROM {tables.releases} WHERE {tables.deciding}"


def insert_release(world: World) -> None:
    tables = world.service.tables
    repeat_row(world.service, tables.releases, _decides(tables), *_digests(world))


def alter_release(world: World) -> None:
    tables = world.service.tables
    table = tables.releases
    old, new = _digests(world)
    where = f"WHERE position = ({_decides(tables)})"
    for name in columns(world.service.store, table):
        if name != "position":
            statement = f"UPDATE {table} SET {name} = {_with(name)} {where}"
            world.service.sql(statement, old, new)


def replace_content(world: World) -> None:
    table = world.service.tables.contents
    old, new = _digests(world)
    body = f"(SELECT body FROM {table} WHERE digest = ?)"
    world.service.sql(f"UPDATE {table} SET body = {body} WHERE digest = ?", new, old)


def repeat_release(world: World) -> None:
    tables = world.service.tables
    first = f"SELECT min(position) FROM {tables.releases} WHERE {tables.deciding}"
    repeat_row(world.service, tables.releases, first)


def insert_rollout_step(world: World) -> None:
    table = world.service.tables.rollouts
    repeat_row(world.service, table, _last(table), "staff", "all")


def cut_off_journal(world: World) -> None:
    table = world.service.tables.releases
    world.service.sql(f"DELETE FROM {table} WHERE position = ({_last(table)})")


def _digests(world: World) -> tuple[str, str]:
    """Of the content that decides, and of the one that waits."""
    table = world.service.tables
    connection = sqlite3.connect(world.service.store)
    rows = f"SELECT {table.digest} FROM {table.releases} WHERE position = ({_decides(table)})"
    try:
        (decides,) = connection.execute(rows).fetchone()
    finally:
        connection.close()
    assert world.proposal is not None, "the step before proposes"
    return decides, world.proposal.digest


# Persons


def propose(world: World) -> None:
    world.proposal = world.service.propose() or world.proposal


def first_confirms(world: World) -> None:
    world.confirmed(JUAN)


def first_confirms_by_another_name(world: World) -> None:
    world.confirmed(JUAN_BY_ANOTHER_NAME)


def author_confirms(world: World) -> None:
    world.confirmed(PEDRO)


def colleague_confirms(world: World) -> None:
    world.confirmed(ANA)


def static_caller_confirms(world: World) -> None:
    world.confirmed(BATCH)


def second_confirms_by_an_old_sign_in(world: World) -> None:
    world.confirmed(MARIA_SINCE_LONG)


def second_confirms_the_stale(world: World) -> None:
    world.confirmed(MARIA)


def others_release_meanwhile(world: World) -> None:
    """Two other contents differ: what decides now is what the way must leave."""
    stale = world.proposal
    _replaced(world.product / "v1.yaml", "valid_for: 100d", "valid_for: 8d")
    world.approved.append(_by_two(world.service))
    world.proposal = stale


# Processes and files of the operator


def restart(world: World) -> None:
    world.service.restart()


def start_second_process(world: World) -> None:
    world.service = world.service.second(_another(world))


def restore_old_backup(world: World) -> None:
    world.service.restore(world.backup)


def swap_key_file(world: World) -> None:
    world.service.key_file.write_bytes(os.urandom(32).hex().encode())


Step = Callable[[World], None]
STEPS: Mapping[str, Step] = {
    step.__name__: step
    for step in (
        *(edit_in_place, edit_as_new_version, swap_folder, link_folder, put_back_older),
        *(date_anew, copy_half, rename_product, remove_product, return_product, forge_manifest),
        *(insert_release, alter_release, replace_content, repeat_release, insert_rollout_step),
        *(cut_off_journal, propose, first_confirms, first_confirms_by_another_name, name_author),
        *(author_confirms, colleague_confirms, static_caller_confirms, second_confirms_the_stale),
        *(second_confirms_by_an_old_sign_in, others_release_meanwhile, restart, swap_key_file),
        *(start_second_process, restore_old_backup),
    )
}
"""The steps that the catalogue may name."""
