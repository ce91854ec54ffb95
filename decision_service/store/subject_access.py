"""The rows that are stored of one person, with the columns that an export discloses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa

from decision_service.casework.disclosure import Row, StoredDecision, StoredReading, UserRows
from decision_service.casework.review_log import RecordedReview
from decision_service.decide.application import USER, kind_of, user_key
from decision_service.domain.ports import Filter, PagePosition, StoredEntry
from decision_service.store import columns, decisions, notices, review_rows, snapshots
from decision_service.store.arms import arm_decisions
from decision_service.store.engine import Database, Subject
from decision_service.store.events import events
from decision_service.store.history import open_loans, unpacked
from decision_service.store.keys import DataKeys
from decision_service.store.schema import personal_tables
from decision_service.store.snapshots import snapshots as stored_snapshots

_INSTANTS = frozenset(
    {
        "begun", "created", "due", "expires", "fetched", "looked", "made", "oldest",
        "quarantined", "received", "reported", "reviewed", "sent", "since", "stored", "until",
    }
)  # fmt: skip
_OF_USER = ("applicants", "consents", "erasures", "warm", "events", "known_counts", "link_tokens")
"""The tables whose rows are disclosed as they are, by user."""

_OF_DECISION = ("loan_outcomes", "history", "shadow_results")
"""Those by decision."""

_PENDING = events.c.done.is_(False)
"""In the words by which the index of events is found; the others name no person."""

_ARM_PLACE = sa.tuple_(*(arm_decisions.c[name] for name in ("product", "created", "decision_id")))
_COUNTS = tuple(
    sa.select(sa.func.count()).where(columns.metadata.tables[name].c.user_id == sa.bindparam("of"))
    for name in ("decisions", "snapshots")
)
_PLACE = sa.tuple_(stored_snapshots.c.stored, stored_snapshots.c.snapshot_id)
_READINGS = (
    sa.select(stored_snapshots.c.stored, stored_snapshots.c.snapshot_id)
    .where(stored_snapshots.c.user_id == sa.bindparam("of"))
    .order_by(stored_snapshots.c.stored.desc(), stored_snapshots.c.snapshot_id.desc())
    .limit(1)
)


def _disclosed_columns(name: str) -> sa.Select[Any]:
    return sa.select(*columns.disclosed(columns.metadata.tables[name]))


def _of_user(name: str, rows: sa.Select[Any]) -> sa.Select[Any]:
    chosen = rows.where(columns.metadata.tables[name].c.user_id == sa.bindparam("of"))
    return chosen.where(_PENDING) if name == events.name else chosen


def _of_decisions(name: str) -> sa.Select[Any]:
    place = columns.metadata.tables[name].c.decision_id
    return _disclosed_columns(name).where(place.in_(sa.bindparam("of", expanding=True)))


_ROWS = {name: _of_user(name, _disclosed_columns(name)) for name in _OF_USER}
_TOGETHER = {name: _of_decisions(name) for name in _OF_DECISION}
_ARMS = _disclosed_columns(arm_decisions.name).where(
    _ARM_PLACE.in_(sa.bindparam("of", expanding=True))
)
_KNOWN = tuple(
    _of_user(name, sa.select(sa.literal(1)).select_from(columns.metadata.tables[name])).limit(1)
    for name, held in personal_tables().items()
    if held.found_by == "user_id"
)


def user_rows(connection: sa.Connection, user_id: str) -> Mapping[str, Sequence[Row]]:
    found: dict[str, Sequence[Row]] = {}
    for name, query in _ROWS.items():
        rows = connection.execute(query, {"of": user_id}).mappings()
        found[name] = [_row(row) for row in rows]
    left = {"of": columns.padded(open_loans(connection, user_id))}
    for name in ("history", "loan_outcomes"):
        found[name] = [_row(row) for row in connection.execute(_TOGETHER[name], left).mappings()]
    return found


def decision_rows(
    connection: sa.Connection, entries: Sequence[StoredEntry]
) -> Mapping[str, Mapping[str, Sequence[Row]]]:
    names = (arm_decisions.name, *_OF_DECISION)
    found: dict[str, dict[str, list[Row]]] = {}
    for one in entries:
        found[one.decision_id] = {name: [] for name in names}
    places = [(one.product, columns.microseconds(one.created), one.decision_id) for one in entries]
    ids = [*found]
    for name in names if entries else ():
        query, of = (_TOGETHER[name], ids) if name in _TOGETHER else (_ARMS, places)
        for row in connection.execute(query, {"of": columns.padded(of)}).mappings():
            found[row["decision_id"]][name].append(_row(row))
    return found


def newest_reading(
    connection: sa.Connection, user_id: str, after: PagePosition | None, *, itself: bool
) -> PagePosition | None:
    """Where the newest snapshot of a user after a position is, with `itself` that one."""
    query = _READINGS
    if after is not None:
        place = sa.tuple_(columns.microseconds(after.created), after.decision_id)
        query = query.where(place >= _PLACE if itself else place > _PLACE)
    row = connection.execute(query, {"of": user_id}).first()
    return None if row is None else PagePosition(columns.from_microseconds(row[0]), row[1])


def _row(row: Mapping[Any, Any]) -> Row:
    """A row with instants in place of microseconds, and kinds of keys in place of their bytes."""
    shown: dict[str, object] = dict(row)
    for name in _INSTANTS & shown.keys():
        value = row[name]
        shown[name] = None if value is None or value < 0 else columns.from_microseconds(value)
    if "found_by" in shown:
        shown["found_by"] = _own_kinds(bytes(row["found_by"]), row["user_id"])
        shown["due"] = row["due"]  # of a loan, an amount
    return shown


def _own_kinds(found_by: bytes, user_id: str) -> Sequence[str]:
    """The kinds of a decision's keys, without the keys of other users who share an account."""
    own = user_key(user_id)
    return [kind_of(key) for key in unpacked(found_by) if key[:1] != USER or key == own]


class SubjectAccess(Subject):
    def __init__(self, database: Database, data_keys: DataKeys) -> None:
        super().__init__(database)
        self._data_keys = data_keys

    async def user_rows(self, user_id: str) -> UserRows | None:
        return await self._database.read_together(partial(self._user_rows, user_id=user_id))

    async def decisions(
        self, user_id: str, after: PagePosition | None, limit: int
    ) -> Sequence[StoredDecision]:
        chosen = Filter(user_id=user_id)
        work = partial(_decisions, chosen=chosen, after=after, limit=limit)
        return await self._database.read_together(work)

    async def reading(
        self, user_id: str, after: PagePosition | None, *, itself: bool
    ) -> StoredReading | None:
        work = partial(self._reading, user_id=user_id, after=after, itself=itself)
        return await self._database.read_together(work)

    def _user_rows(self, connection: sa.Connection, user_id: str) -> UserRows | None:
        of = {"of": user_id}
        if not any(connection.execute(one, of).first() for one in _KNOWN):
            return None
        counts = (connection.execute(one, of).scalar_one() for one in _COUNTS)
        remains = snapshots.remains(connection, user_id, self._data_keys)
        return UserRows(user_rows(connection, user_id), remains, *counts)

    def _reading(
        self, connection: sa.Connection, user_id: str, after: PagePosition | None, *, itself: bool
    ) -> StoredReading | None:
        place = newest_reading(connection, user_id, after, itself=itself)
        if place is None:
            return None
        body = snapshots.body(connection, user_id, place.decision_id, data_keys=self._data_keys)
        return StoredReading(place, body)


def _decisions(
    connection: sa.Connection, chosen: Filter, after: PagePosition | None, limit: int
) -> Sequence[StoredDecision]:
    found = decisions.page(connection, chosen, after, limit=limit)
    rows = decision_rows(connection, found)
    stored = []
    for one in found:
        reviews = [
            RecordedReview(review, review_rows.events_of(connection, review.review_id))
            for review in review_rows.of_decision(connection, one.decision_id)
        ]
        letters = notices.of_decision(connection, one.decision_id)
        stored.append(StoredDecision(one, rows[one.decision_id], letters, reviews=reviews))
    return stored
