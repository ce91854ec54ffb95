"""Recorded decisions, day by day from the store into a folder that is whole at every moment."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pyarrow
import sqlalchemy as sa
from google.protobuf.message import DecodeError
from pyarrow import compute, parquet

from decision_service.domain.ports import PagePosition
from decision_service.factors.registry import catalogue
from decision_service.rulebook.archive import files_from_body
from decision_service.rules.compile import compile_ruleset
from decision_service.runtime.files import sync_folder
from decision_service.store import rollouts as texts
from decision_service.store.columns import microseconds, padded
from decision_service.store.decisions import decisions, entry_of
from decision_service.store.engine import Readable
from decision_service.store.erasure import erasures
from decision_service.store.errors import unavailable
from decision_service.store.outcomes import loan_outcomes, recorded_of
from decision_service.store.review_rows import review_of, reviews
from decision_service.workbench.analyst import tables

_MANIFEST, _CONTRACT, _KEY, _FRESH = "manifest.json", "contract.odcs.yaml", ".key", ".writing"
_KEY_BYTES, _TOGETHER, _DAY = 32, 1000, timedelta(days=1)
_ROW, _REVIEW, _LOAN = decisions.c, reviews.c, loan_outcomes.c
_ERASED = sa.select(erasures.c.user_id).where(erasures.c.user_id.is_not(None))
_PLACE = (_ROW.created, _ROW.decision_id)
_WHOLE = (*_ROW,)
_BODILESS = tuple(sa.literal(b"") if one.name in ("reply", "facts") else one for one in _ROW)


class FolderRefused(ValueError):
    """An export cannot go into a folder; the message says why."""


class FileLine(msgspec.Struct, frozen=True):
    path: str
    rows: int
    sha256: str


class Manifest(msgspec.Struct, kw_only=True):
    """What a folder holds, with the program that wrote it.

    `removed` are the rows that the last run took out of each day, by table; of a run that did not
    come to its end (`complete`) the next one goes on.
    """

    store: str
    product: str
    contract: str
    program: str
    written: datetime
    complete: bool = False
    removed: dict[str, dict[str, int]] = {}
    rows: dict[str, int] = {}
    files: list[FileLine] = []


class Folder:
    """A folder that nothing else writes to meanwhile."""

    def __init__(self, path: Path, new: Manifest) -> None:
        old = _found(path, new)
        self._path = path
        self._manifest = new
        self.outdated = old is not None and old.contract != new.contract
        shutil.rmtree(path / _FRESH, ignore_errors=True)
        (path / _FRESH).mkdir()
        if old is None:
            self._fresh(_KEY).touch(mode=0o600)
            self._put_text(_KEY, secrets.token_bytes(_KEY_BYTES))
        elif not old.complete:
            new.removed = old.removed
        self.key = (path / _KEY).read_bytes()
        self._put_text(_CONTRACT, tables.CONTRACT)
        self._put_manifest()

    @classmethod
    @contextmanager
    def open(cls, path: Path, new: Manifest) -> Iterator[Folder]:
        """Raises FolderRefused, OSError."""
        path.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield cls(path, new)
            (path / _FRESH).rmdir()
        except BlockingIOError:
            raise FolderRefused(f"another export writes to {path}: wait for its end") from None
        finally:
            os.close(handle)

    def days(self) -> set[date]:
        found = self._path.glob("*/day=*")
        return {date.fromisoformat(one.name.removeprefix("day=")) for one in found}

    def decisions(self, day: date) -> Collection[str] | None:
        """Those of a day; None where a file of it is missing or damaged."""
        with suppress(OSError, pyarrow.ArrowException):
            if all((self._path / _part(name, day)).exists() for name in tables.SCHEMAS):
                return {*self._column("decisions", day).to_pylist()}
        return None

    def note_removed(self, day: date, decisions: Collection[str]) -> None:
        """Write into the manifest how many rows these decisions have in the files of a day.

        What a run that was cut counted of the day stays, since some of its files are new by now.
        """
        gone = pyarrow.array([*decisions], pyarrow.string())
        counted = self._manifest.removed.setdefault(day.isoformat(), {})
        for name in tables.SCHEMAS:
            if "decision" in tables.SCHEMAS[name].names:
                found = compute.sum(compute.is_in(self._column(name, day), gone)).as_py() or 0
                counted[name] = max(found, counted.get(name, 0))
        self._put_manifest()

    @contextmanager
    def writers(self, names: Collection[str]) -> Iterator[Mapping[str, parquet.ParquetWriter]]:
        """Of new files of some tables, which `put` lets take the places of a day's."""
        with ExitStack() as stack:
            yield {
                name: stack.enter_context(
                    parquet.ParquetWriter(
                        self._fresh(name), tables.SCHEMAS[name], compression="zstd"
                    )
                )
                for name in names
            }

    def put(self, day: date, names: Collection[str]) -> None:
        for name in names:
            self._put(name, _part(name, day))

    def remove(self, day: date) -> None:
        for name in tables.SCHEMAS:
            shutil.rmtree((self._path / _part(name, day)).parent, ignore_errors=True)

    def finish(self) -> Manifest:
        """Write the manifest of all that is in the folder."""
        for name in tables.SCHEMAS:
            lines = [self._line(one) for one in sorted(self._path.glob(f"{name}/*/*.parquet"))]
            self._manifest.rows[name] = sum(one.rows for one in lines)
            self._manifest.files += lines
        self._manifest.complete = True
        self._put_manifest()
        return self._manifest

    def _fresh(self, name: str) -> Path:
        return self._path / _FRESH / name

    def _put(self, name: str, place: Path) -> None:
        """Let a new file take its place once it lies on the disk."""
        target = self._path / place
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._fresh(name).open("rb") as file:
            os.fsync(file.fileno())
        self._fresh(name).replace(target)
        sync_folder(target.parent)

    def _put_text(self, name: str, content: bytes) -> None:
        self._fresh(name).write_bytes(content)
        self._put(name, Path(name))

    def _put_manifest(self) -> None:
        text = msgspec.json.format(msgspec.json.encode(self._manifest))
        self._put_text(_MANIFEST, text + b"\n")

    def _column(self, name: str, day: date) -> Any:
        return parquet.read_table(self._path / _part(name, day), columns=["decision"]).column(0)

    def _line(self, file: Path) -> FileLine:
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        rows = parquet.read_metadata(file).num_rows
        return FileLine(str(file.relative_to(self._path)), rows, digest)


def _part(name: str, day: date) -> Path:
    return Path(name, f"day={day}", "part.parquet")


def _found(path: Path, new: Manifest) -> Manifest | None:
    """The manifest of a folder, None of a new one; raises FolderRefused."""
    file = path / _MANIFEST
    if not file.exists():
        if {one.name for one in path.iterdir()} - {_KEY, _FRESH, _CONTRACT}:
            raise FolderRefused(f"{path} is not empty and holds no export: choose an empty folder")
        return None
    try:
        old = msgspec.json.decode(file.read_bytes(), type=Manifest)
    except msgspec.DecodeError as error:
        raise FolderRefused(f"{file} is no manifest ({error}): choose an empty folder") from None
    if (old.store, old.product) != (new.store, new.product):
        held = f"{old.product or 'all products'} from {old.store}"
        raise FolderRefused(f"{path} holds the export of {held}: choose another folder")
    if not (path / _KEY).exists():
        raise FolderRefused(f"{path} has lost {_KEY}: put it back, or choose an empty folder")
    return old


def _chosen(product: str, since: date) -> list[sa.ColumnElement[bool]]:
    """The decisions from a day on, without those on people who were erased."""
    begin = microseconds(datetime.combine(since, time(), UTC))
    chosen = [_ROW.created >= begin, _ROW.user_id.not_in(_ERASED)]
    return [*chosen, _ROW.product == product] if product else chosen


def days(connection: sa.Connection, product: str, since: date) -> Collection[date]:
    day = _ROW.created // (_DAY // timedelta(microseconds=1))
    found = connection.execute(sa.select(day).where(*_chosen(product, since)).distinct())
    return [date(1970, 1, 1) + _DAY * number for number in found.scalars()]


def page(
    connection: sa.Connection, product: str, day: date, after: PagePosition | None, *, whole: bool
) -> Sequence[tables.Recorded]:
    """Decisions of a day in the order in which they were made, with what came of each."""
    end = microseconds(datetime.combine(day + _DAY, time(), UTC))
    chosen = [*_chosen(product, day), _ROW.created < end]
    if after is not None:
        chosen.append(sa.tuple_(*_PLACE) > (microseconds(after.created), after.decision_id))
    found = sa.select(*(_WHOLE if whole else _BODILESS)).where(*chosen).order_by(*_PLACE)
    entries = [entry_of(row) for row in connection.execute(found.limit(_TOGETHER))]
    ids = padded([one.decision_id for one in entries])
    opened, lent = defaultdict[str, list[Any]](list), defaultdict[str, list[Any]](list)
    held = sa.select(reviews).where(_REVIEW.decision_id.in_(ids)).order_by(_REVIEW.review_id)
    for row in connection.execute(held):
        opened[row.decision_id].append(review_of(row.body))
    reports = sa.select(loan_outcomes).where(_LOAN.decision_id.in_(ids))
    for row in connection.execute(reports.order_by(_LOAN.caller, _LOAN.loan_id, _LOAN.as_of)):
        lent[row.decision_id].append(recorded_of(row))
    return [tables.Recorded(one, opened[one.decision_id], lent[one.decision_id]) for one in entries]


def labels(connection: sa.Connection, digest: str) -> tables.Labels:
    stored = texts.by_digest(connection, digest)
    if stored is None:
        return {}
    ruleset = compile_ruleset(files_from_body(stored.body), catalogue(), checks=()).ruleset
    return {} if ruleset is None else {name: one.labels for name, one in ruleset.inputs.items()}


class Export:
    """One run, of one product or of all; raises StoreUnavailable."""

    def __init__(self, database: Readable, folder: Folder, product: str) -> None:
        self._database = database
        self._folder = folder
        self._product = product
        self._labels: dict[str | None, tables.Labels] = {None: {}}
        self._written = 0

    async def run(self, since: date, show: Callable[[int, int, int], None]) -> Manifest:
        """Write the days from `since` on, and of earlier ones reviews and loans.

        What the store has no more goes from all. Shown are days done, all, and decisions.
        """
        stored = await self._database.read(partial(days, product=self._product, since=since))
        every = sorted({*stored, *self._folder.days()})
        for done, day in enumerate(every, 1):
            before, names = self._folder.decisions(day), tuple(tables.SCHEMAS)
            if day < since and before is not None and not self._folder.outdated:
                names = tables.LIVE
            found = await self._write(day, names)
            if names is tables.LIVE and found != before:
                found = await self._write(day, names := tuple(tables.SCHEMAS))
            if gone := {*(before or ())} - found:
                self._folder.note_removed(day, gone)
            if found:
                self._folder.put(day, names)
            else:
                self._folder.remove(day)
            show(done, len(every), self._written)
        return self._folder.finish()

    async def _write(self, day: date, names: Collection[str]) -> set[str]:
        """Write new files of tables of a day; its decisions."""
        whole, found, after = names is not tables.LIVE, set[str](), None
        versions: dict[tables.Row, list[Any]] = {}
        with self._folder.writers(names) as writers:
            work = partial(page, product=self._product, day=day, whole=whole)
            while some := await self._database.read(partial(work, after=after)):
                rows: tables.Rows = {name: [] for name in names}
                for one in some:
                    found.add(one.tag)
                    if whole:
                        await self._add(rows, one)
                    else:
                        tables.add_live(rows, one, self._folder.key)
                for name, of in rows.items():
                    writers[name].write_table(tables.table_of(name, of))
                _count(rows.get("decisions", ()), versions)
                after = PagePosition(some[-1].entry.created, some[-1].entry.decision_id)
                self._written += len(some)
            if whole:
                made_by = [(*key, *seen) for key, seen in versions.items()]
                writers["versions"].write_table(tables.table_of("versions", made_by))
        return found

    async def _add(self, rows: tables.Rows, one: tables.Recorded) -> None:
        digest = one.entry.ruleset_digest
        if digest is not None and digest not in self._labels:
            self._labels[digest] = await self._database.read(partial(labels, digest=digest))
        try:
            tables.add_all(rows, one, self._folder.key, self._labels[digest])
        except (ValueError, DecodeError):
            raise unavailable(
                f"the decision {one.entry.decision_id} cannot be read by this program: run the "
                "version that wrote it, or a newer one"
            ) from None


def _count(made: Sequence[tables.Row], versions: dict[tables.Row, list[Any]]) -> None:
    for row in made:
        one = dict(zip(tables.SCHEMAS["decisions"].names, row, strict=True))
        if one["version"]:
            key = tuple(one[name] for name in ("product", "version", "digest", "arm"))
            seen = versions.setdefault(key, [0, one["created"], one["created"]])
            seen[0], seen[2] = seen[0] + 1, one["created"]
