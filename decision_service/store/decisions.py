"""Decisions as rows, and queries for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    select,
    tuple_,
    update,
)

from decision_service.decide.application import PLAIN_BYTES, hashed_under
from decision_service.domain.decision import Outcome
from decision_service.domain.ports import DecisionEntry, Filter, PagePosition, StoredEntry
from decision_service.store import dialect as driver
from decision_service.store.dialect import padded
from decision_service.store.engine import Subject, reads
from decision_service.store.tables import LISTED_BY, OFTEN_EMPTY, decisions, history, is_given

CallerRequest = tuple[str, str]
"""(caller, request_id): what makes a decision unique."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NAMES = StoredEntry.__struct_fields__
_ALL = select(*(decisions.c[name] for name in _NAMES))
_BY_ID = _ALL.where(decisions.c.decision_id == bindparam("id"))
_KEPT = (
    select(decisions.c.decision_id)
    .where(decisions.c.decision_id.in_(bindparam("ids", expanding=True)))
    .order_by(decisions.c.decision_id)
    .with_for_update(read=True, key_share=True)
)
_CONTENT = decisions.c.content
_UNHASHED = (
    update(decisions)
    .where(decisions.c.user_id == bindparam("of"), func.length(_CONTENT) > PLAIN_BYTES)
    .values(content=func.substr(_CONTENT, 1, PLAIN_BYTES))
)
_CONTENTS = (
    select(decisions.c.decision_id, _CONTENT)
    .where(decisions.c.decision_id > bindparam("after"))
    .order_by(decisions.c.decision_id)
    .limit(bindparam("most"))
)
_AS_CONTENT = update(decisions).where(decisions.c.decision_id == bindparam("of"))
_UNREPORTED = and_(
    history.c.outcome == Outcome.APPROVE.value,
    history.c.outstanding.is_(None),
    history.c.replaced.is_not(True),
)
"""Of the history: approved, by rules or by a person, and never reported on."""

_TOGETHER = 1000
"""Decisions that are looked through in one transaction."""
_PLACE = tuple_(decisions.c.created, decisions.c.decision_id)
_NEWEST_FIRST = (decisions.c.created.desc(), decisions.c.decision_id.desc())


def microseconds(instant: datetime) -> int:
    """Whole microseconds since 1970; raises ValueError for an instant without a zone."""
    if instant.tzinfo is None:
        raise ValueError("an instant that is stored needs a time zone")
    return (instant - _EPOCH) // _MICROSECOND


def from_microseconds(count: int) -> datetime:
    return _EPOCH + count * _MICROSECOND


def stored(entry: DecisionEntry) -> StoredEntry:
    """The entry as it is read back once it is recorded; raises ValueError as `microseconds`."""
    created = entry.created
    if created.tzinfo is not UTC:
        created = from_microseconds(microseconds(created))
    same = {name: getattr(entry, name) for name in _NAMES if name != "snapshot_id"}
    snapshot_id = entry.snapshot.id if entry.snapshot else None
    return StoredEntry(**same | {"created": created, "snapshot_id": snapshot_id})


def row(entry: StoredEntry) -> tuple[object, ...]:
    """An entry as the table has it, column by column."""
    other = {"outcome": entry.outcome.value, "created": microseconds(entry.created)}
    return (*(asdict(entry) | other).values(),)


def by_keys(
    connection: Connection, keys: Iterable[CallerRequest]
) -> Mapping[CallerRequest, StoredEntry]:
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    asked = padded(wanted)
    statement = _by_keys(connection.dialect.name, len(asked))
    rows = driver.rows(connection, statement, (*chain.from_iterable(asked),))
    entries = map(entry_of, rows)
    return {(entry.caller, entry.request_id): entry for entry in entries}


@cache
def _by_keys(dialect: str, count: int) -> str:
    given = driver.marks(dialect, ["text", "text"], count)
    return (
        f"SELECT {', '.join(_NAMES)} FROM decisions "  # noqa: S608 - names of columns
        f"WHERE (caller, request_id) IN (VALUES {given})"
    )


def by_id(connection: Connection, decision_id: str) -> StoredEntry | None:
    row = connection.execute(_BY_ID, {"id": decision_id}).first()
    return None if row is None else entry_of(row)


def kept(connection: Connection, decision_ids: Iterable[str]) -> frozenset[str]:
    """Those that are stored, and stay so until the transaction ends; a deletion is waited for."""
    wanted = padded(sorted({*decision_ids}))
    return frozenset(connection.execute(_KEPT, {"ids": wanted}).scalars() if wanted else ())


def page(
    connection: Connection, chosen: Filter, after: PagePosition | None, limit: int
) -> Sequence[StoredEntry]:
    conditions = [*_conditions(chosen, steered=connection.dialect.name == "sqlite")]
    if after is not None:
        conditions.append((microseconds(after.created), after.decision_id) > _PLACE)
    query = _ALL.where(*conditions).order_by(*_NEWEST_FIRST).limit(limit)
    return [entry_of(row) for row in connection.execute(query)]


def forget_applicants(connection: Connection, user_id: str) -> bool:
    """Delete the hashes of who applied, but no digest of a request; whether there were any."""
    return connection.execute(_UNHASHED, {"of": user_id}).rowcount > 0


def forget_key(connection: Connection, key_id: bytes, after: str) -> str | None:
    """Delete hashes under a key from some decisions; the last of these, None at the end."""
    found = connection.execute(_CONTENTS, {"after": after, "most": _TOGETHER}).all()
    hashed = [(row[0], bytes(row[1])) for row in found if hashed_under(bytes(row[1])) == key_id]
    for decision_id, content in hashed:
        kept = {"content": content[:PLAIN_BYTES]}
        connection.execute(_AS_CONTENT.values(kept), {"of": decision_id})
    return found[-1][0] if found else None


def _conditions(chosen: Filter, *, steered: bool) -> Iterator[ColumnElement[bool]]:
    """The filter's conditions. SQLite, which counts nothing, is led to the index of the first."""
    names = [name for name in LISTED_BY if getattr(chosen, name)]
    for place, name in enumerate(names):
        unled: ColumnElement[str] = literal_column(
            f"+decisions.{name}"
        )  # of which SQLite reads no index
        yield (unled if place and steered else decisions.c[name]) == getattr(chosen, name)
        if name in OFTEN_EMPTY:
            yield is_given(decisions.c[name])
    if chosen.created_from is not None:
        yield decisions.c.created >= microseconds(chosen.created_from)
    if chosen.created_before is not None:
        yield decisions.c.created < microseconds(chosen.created_before)
    if chosen.unreported:
        yield exists().where(history.c.decision_id == decisions.c.decision_id, _UNREPORTED)


def entry_of(row: Sequence[Any]) -> StoredEntry:
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    values["outcome"] = Outcome(values["outcome"])
    values["created"] = from_microseconds(values["created"])
    return StoredEntry(**values)


def newest(connection: Connection) -> datetime | None:
    """When the newest decision was recorded, by the clock of then."""
    created = connection.execute(select(func.max(decisions.c.created))).scalar_one()
    return None if created is None else from_microseconds(created)


class Decisions(Subject):
    """Decisions as they are read back."""

    get = reads(by_id)
    list = reads(page)
    newest_decision = reads(newest)
