"""Recorded decisions, day by day from the store into a folder that is whole at every moment."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, aclosing, closing, suppress
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import pyarrow
import sqlalchemy as sa
from google.protobuf.message import DecodeError
from pyarrow import parquet

from decision_service.author.backtest.replica import read_store
from decision_service.author.export_folder import CONTRACT, MANIFEST, SCHEMAS, Manifest
from decision_service.build import engine_version
from decision_service.cli.cases import tag_of
from decision_service.cli.output import CommandError
from decision_service.domain.ports import StoredEntry, StoredText
from decision_service.factors.registry import known_factors
from decision_service.operate.export import tables
from decision_service.rulebook.archive import files_from_body
from decision_service.rules.compile import compile_ruleset
from decision_service.runtime.files import sync_folder
from decision_service.store import rollouts as texts
from decision_service.store.columns import microseconds, padded
from decision_service.store.decisions import OF_ENTRY, decisions, entry_of
from decision_service.store.engine import Readable
from decision_service.store.erasure import erasures
from decision_service.store.errors import unavailable
from decision_service.store.outbox import event_stores
from decision_service.store.outcomes import loan_outcomes, recorded_of
from decision_service.store.review_rows import review_of, reviews
from decision_service.store.snapshots import snapshots

_CONTRACT = "contract.odcs.yaml"
_KEY = ".key"
_FRESH = ".writing"
_KEY_BYTES = 32
_TOGETHER = 1000
_ALL_RULES = 100_000
_EPOCH = date(1970, 1, 1)
_DAY = timedelta(days=1) // timedelta(microseconds=1)
_ROW = decisions.c
_REVIEW = reviews.c
_LOAN = loan_outcomes.c
_DATA = snapshots.c
_ERASED = sa.select(erasures.c.user_id).where(erasures.c.user_id.is_not(None))
_GIVEN_ANEW = sa.select(_DATA.snapshot_id).where(
    _DATA.user_id == _ROW.user_id,
    _DATA.stored <= _ROW.created,  # the same data may have been erased before
)
_KEPT = sa.or_(_ROW.user_id.not_in(_ERASED), _ROW.snapshot_id.in_(_GIVEN_ANEW))
_PLACE = (_ROW.created, _ROW.decision_id)
_BODILESS = tuple(sa.literal(b"") if one.name in ("reply", "facts") else one for one in OF_ENTRY)

Known: TypeAlias = Mapping[str, tables.Labels]


class Folder:
    """A folder that nothing else writes to until it is closed; raises CommandError, OSError."""

    def __init__(self, path: Path, store: str | None) -> None:
        path.mkdir(parents=True, exist_ok=True)
        removed = _unfinished(path, store)
        self._path = path
        self.fresh = path / _FRESH
        self._manifest = Manifest(store=store, program=engine_version(), removed=removed)
        self._lock = os.open(path / _KEY, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(f"another export writes to {path}: wait for its end") from None
        self.key = os.read(self._lock, _KEY_BYTES) or secrets.token_bytes(_KEY_BYTES)
        os.pwrite(self._lock, self.key, 0)
        os.fsync(self._lock)

    def close(self) -> None:
        os.close(self._lock)

    def begin(self) -> set[date]:
        """Go on with an export or begin one; its days."""
        shutil.rmtree(self.fresh, ignore_errors=True)
        self.fresh.mkdir()
        (self.fresh / _CONTRACT).write_bytes(CONTRACT)
        self._put(_CONTRACT, self._path / _CONTRACT)
        self._put_manifest()
        return {date.fromisoformat(one.name[4:]) for one in self._path.glob("*/day=????-??-??")}

    def decisions(self, day: date) -> Collection[str] | None:
        """Those of a day; None where a file is missing, damaged, or of another contract."""
        files = {name: self._part(name, day) for name in SCHEMAS}
        with suppress(OSError, pyarrow.ArrowException):
            held = parquet.read_table(files["decisions"], columns=["decision"])
            same = held.schema.metadata == SCHEMAS["decisions"].metadata
            if same and all(one.exists() for one in files.values()):
                return {*held.column(0).to_pylist()}
        return None

    def put(self, day: date, names: Collection[str], gone: int, *, left: bool) -> None:
        """Let new files take the places of a day's, from which decisions are gone, maybe all."""
        if gone:
            self._manifest.removed[f"{day}"] = gone
            self._put_manifest()
        for name in names:
            if left:
                self._put(name, self._part(name, day))
            else:
                shutil.rmtree(self._part(name, day).parent, ignore_errors=True)

    def finish(self) -> Manifest:
        """Write the manifest of all that is in the folder."""
        for part in sorted(self._path.glob("*/*/part.parquet")):
            with part.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            rows = parquet.read_metadata(part).num_rows
            line = {"path": f"{part.relative_to(self._path)}", "rows": rows, "sha256": digest}
            self._manifest.files.append(line)
        self._manifest.complete = True
        self._put_manifest()
        shutil.rmtree(self.fresh)
        return self._manifest

    def _part(self, name: str, day: date) -> Path:
        return self._path / name / f"day={day}" / "part.parquet"

    def _put_manifest(self) -> None:
        text = msgspec.json.format(msgspec.json.encode(self._manifest))
        (self.fresh / MANIFEST).write_bytes(text + b"\n")
        self._put(MANIFEST, self._path / MANIFEST)

    def _put(self, name: str, target: Path) -> None:
        """Let a new file take its place once it lies on the disk."""
        fresh = self.fresh / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.replace(target)
        sync_folder(target.parent)


def _unfinished(path: Path, store: str | None) -> dict[str, int]:
    """What a run that was cut removed from a folder; raises CommandError."""
    try:
        old = msgspec.json.decode((path / MANIFEST).read_bytes(), type=Manifest)
    except (FileNotFoundError, msgspec.DecodeError):
        if {one.name for one in path.iterdir()} <= {_KEY, _FRESH, _CONTRACT}:
            return {}
        sentence = f"{path} is not empty and holds no export: choose an empty folder"
        raise CommandError(sentence) from None
    if old.store != store:
        raise CommandError(f"{path} holds the export of another store: choose another folder")
    if not (path / _KEY).exists():
        raise CommandError(f"{path} has lost {_KEY}: put it back, or choose an empty folder")
    return {} if old.complete else old.removed


def days(connection: sa.Connection) -> Mapping[date, int]:
    """Those that have decisions, with how many."""
    number = (_ROW.created // _DAY).label("number")
    found = sa.select(number, sa.func.count()).where(_KEPT).group_by("number")
    return {_EPOCH + timedelta(days=one): many for one, many in connection.execute(found)}


def _of_day(day: date, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    begins = (day - _EPOCH).days * _DAY
    return sa.select(*columns).where(_KEPT, _ROW.created >= begins, _ROW.created < begins + _DAY)


def made_on(connection: sa.Connection, day: date) -> Collection[str]:
    return {tag_of(one) for one in connection.scalars(_of_day(day, _ROW.decision_id))}


def page(
    connection: sa.Connection, day: date, after: tuple[int, str], key: bytes, labels: Known | None
) -> tuple[Sequence[StoredEntry], tables.Rows]:
    """Decisions of a day as they were made, with rows; without labels those of `LIVE` alone."""
    chosen = _of_day(day, *(_BODILESS if labels is None else OF_ENTRY))
    found = chosen.where(sa.tuple_(*_PLACE) > after).order_by(*_PLACE).limit(_TOGETHER)
    entries = [entry_of(row) for row in connection.execute(found)]
    ids = padded([one.decision_id for one in entries])
    held = sa.select(_REVIEW.body).where(_REVIEW.decision_id.in_(ids)).order_by(_REVIEW.review_id)
    lent = sa.select(loan_outcomes).where(_LOAN.decision_id.in_(ids))
    rows = defaultdict[str, list[tables.Row]](list)
    rows["reviews"] = [tables.review(review_of(one)) for one in connection.scalars(held)]
    for row in connection.execute(lent.order_by(*loan_outcomes.primary_key)):
        rows["loans"].append(tables.loan(recorded_of(row), row.caller, key))
    if labels is None:
        return entries, rows
    for one in entries:
        try:
            tables.add(rows, one, key, labels=labels.get(one.ruleset_digest or "", {}))
        except (ValueError, DecodeError):
            raise unavailable(
                f"the decision {one.decision_id} cannot be read by this program: run the version "
                "that wrote it, or a newer one"
            ) from None
    return entries, rows


def _labels(of: StoredText) -> tables.Labels:
    """Those of a version."""
    rules = compile_ruleset(files_from_body(of.body), known_factors(), checks=()).ruleset
    return {} if rules is None else {name: one.labels for name, one in rules.inputs.items()}


def _store_id(connection: sa.Connection) -> Any:
    return connection.scalar(sa.select(event_stores.c.store_id))


async def export(
    to: Path, url: str, since: date, show: Callable[[int, int, int], None]
) -> Manifest:
    """Write the days from `since` on, and of earlier ones reviews and loans.

    What the store has no more goes from all. Raises CommandError, StoreError, OSError.
    """
    written = 0
    async with aclosing(await read_store(url)) as database:
        store = await database.read(_store_id)
        with closing(Folder(to, store)) as folder:
            rules = await database.read(partial(texts.last, kind="ruleset", most=_ALL_RULES))
            labels = {one.digest: _labels(one) for one in rules}
            counts = await database.read(days)
            every = sorted({*(one for one in counts if one >= since), *folder.begin()})
            most = sum(counts.get(one, 0) for one in every)
            for day in every:
                before = folder.decisions(day)
                same = before == await database.read(partial(made_on, day=day))
                names = tables.LIVE if same and day < since else (*SCHEMAS,)
                found = set[str]()
                async for some in _write(database, folder, day, names=names, labels=labels):
                    found |= some
                    written += len(some)
                    show(written, most, written)
                folder.put(day, names, len({*(before or ())} - found), left=bool(found))
            return folder.finish()


async def _write(
    database: Readable, folder: Folder, day: date, names: Collection[str], labels: Known
) -> AsyncGenerator[set[str], None]:
    """Write new files of tables of a day; its decisions, page by page."""
    after = (0, "")
    whole = "decisions" in names
    work = partial(page, day=day, key=folder.key, labels=labels if whole else None)
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(
                parquet.ParquetWriter(folder.fresh / name, SCHEMAS[name], compression="zstd")
            )
            for name in names
        }
        while (read := await database.read(partial(work, after=after)))[0]:
            entries, rows = read
            for name, writer in writers.items():
                writer.write_table(pyarrow.Table.from_pylist(rows[name], writer.schema))
            after = microseconds(entries[-1].created), entries[-1].decision_id
            yield {tag_of(one.decision_id) for one in entries}
        if whole:
            writers["decisions"].close()
            writers["versions"].write_table(tables.versions_of(folder.fresh / "decisions"))
