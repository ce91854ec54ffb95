"""Decisions as rows, and queries for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from typing import Any

import sqlalchemy as sa
from msgspec.structs import asdict, replace

from decision_service.decide.application import PLAIN_BYTES, hashed_under
from decision_service.domain.decision import Outcome
from decision_service.domain.ports import (
    DecisionEntry,
    Filter,
    PagePosition,
    RecordedOutcome,
    StoredEntry,
)
from decision_service.domain.values import Money
from decision_service.store import columns as driver
from decision_service.store.columns import (
    BODY,
    TEXT,
    ErasedBy,
    from_microseconds,
    metadata,
    microseconds,
    of_person,
    padded,
    withheld,
)
from decision_service.store.engine import Subject, reads

_KEEPING = withheld("how long decisions are kept is said of all of them")

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("decision_id", TEXT, primary_key=True),
    sa.Column("caller", TEXT, nullable=False),
    sa.Column("request_id", TEXT, nullable=False),
    sa.Column(
        "content", sa.LargeBinary, nullable=False, info=withheld("a checksum of the request")
    ),
    sa.Column("user_id", TEXT, nullable=False),
    sa.Column("product", TEXT, nullable=False),
    sa.Column("application_id", TEXT, nullable=False),
    sa.Column("customer_ref", TEXT, nullable=False),
    sa.Column("outcome", TEXT, nullable=False),
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("reply", BODY, nullable=False),
    sa.Column("facts", BODY, nullable=False),
    sa.Column("ruleset_digest", TEXT),
    sa.Column("plan_digest", TEXT),
    sa.Column("snapshot_id", TEXT),
    sa.Column("counts_until", sa.BigInteger, nullable=False, server_default="0", info=_KEEPING),
    sa.Column("lent", sa.Boolean, nullable=False, server_default=sa.false(), info=_KEEPING),
    sa.UniqueConstraint("caller", "request_id", name="decisions_request"),
    # Rows stay whole up to about this many bytes: what is kept apart is one more read and write.
    postgresql_with={"toast_tuple_target": 4080},
    info=of_person("user_id", ErasedBy.DECISIONS),
)
"""One row per decision; its columns are the fields of `StoredEntry`, but for the last two.

`counts_until` is the instant from which the time that it is kept is counted, `lent` which of two
times that is: without a reported loan that of decisions, from when it was made or a person decided
its review; with one that of loans, from the report that closed the last of them. While one is open
it is OPEN, so that no time ever ends it.
"""
OPEN = 2**62
"""The `counts_until` of a decision on which a loan is open."""

# The index of the column that comes first here is read: it leaves the fewest decisions to look at.
LISTED_BY = ("user_id", "application_id", "customer_ref", "product", "outcome", "caller")
"""The columns a list may be filtered by; each has an index that is read newest first."""
OFTEN_EMPTY = frozenset({"application_id", "customer_ref"})
"""Those whose index leaves out the decisions that have none."""


def is_given(column: sa.Column[str]) -> sa.ColumnElement[bool]:
    """That a column is not empty, in the one form by which both databases find the index."""
    return column != sa.literal_column("''")


sa.Index("decisions_created", decisions.c.created)
sa.Index("decisions_counts_until", decisions.c.lent, decisions.c.counts_until)
for _name in LISTED_BY:
    _listed = decisions.c[_name]
    _given = is_given(_listed) if _name in OFTEN_EMPTY else None
    # Decisions of one instant are put in order as they are read: their ids in every index would
    # double what a decision writes there.
    sa.Index(
        f"decisions_{_name}",
        _listed,
        decisions.c.created,
        sqlite_where=_given,
        postgresql_where=_given,
    )


CallerRequest = tuple[str, str]
"""(caller, request_id): what makes a decision unique."""

OF_ENTRY = tuple(one for one in decisions.c if one.name not in ("counts_until", "lent"))
"""The columns of a row that `entry_of` reads, in their order."""

_NAMES = tuple(one.name for one in OF_ENTRY)
_ALL = sa.select(*OF_ENTRY)
_BY_ID = _ALL.where(decisions.c.decision_id == sa.bindparam("id"))
# The weakest lock that stops a deletion: others may change the row meanwhile.
_KEPT = (
    sa.select(decisions.c.decision_id)
    .where(decisions.c.decision_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(decisions.c.decision_id)
    .with_for_update(read=True, key_share=True)
)
_CONTENT = decisions.c.content
_UNHASHED = (
    sa.update(decisions)
    .where(decisions.c.user_id == sa.bindparam("of"), sa.func.length(_CONTENT) > PLAIN_BYTES)
    .values(content=sa.func.substr(_CONTENT, 1, PLAIN_BYTES))
)
_CONTENTS = (
    sa.select(decisions.c.decision_id, _CONTENT)
    .where(decisions.c.decision_id > sa.bindparam("after"))
    .order_by(decisions.c.decision_id)
    .limit(sa.bindparam("most"))
)
_AS_CONTENT = sa.update(decisions).where(decisions.c.decision_id == sa.bindparam("of"))
_PLACE_IN_HISTORY = "SELECT 1 FROM history WHERE history.decision_id = decisions.decision_id AND "
_UNREPORTED = "history.outcome = 'APPROVE' AND outstanding IS NULL AND replaced IS NOT TRUE"
_BY_HISTORY: Mapping[str, sa.ColumnElement[bool]] = {
    name: sa.literal_column(f"EXISTS ({_PLACE_IN_HISTORY}{asked})")
    for name, asked in (
        ("unreported", _UNREPORTED),
        ("decided_again", "replaced IS TRUE"),
        ("by_person", "reviewed IS NOT NULL"),
    )
}
"""What a filter asks of the place of a decision in the history."""
_COMPLETED = "SELECT decision_id FROM reviews WHERE state = 'COMPLETED'"
_FEW = 1_000
"""Reviews up to which what persons decided is found by these, and from which on newest first."""

_COUNTED = sa.text(f"SELECT count(*) FROM ({_COMPLETED} LIMIT {_FEW}) AS ended")  # noqa: S608 - constants
_BY_COMPLETED = sa.text(f"decisions.decision_id IN ({_COMPLETED})")
_RESULTS = frozenset({Outcome.APPROVE, Outcome.DECLINE})
"""The outcomes that a person may decide on."""

_RESULT = f"EXISTS ({_PLACE_IN_HISTORY}reviewed IS NOT NULL AND history.outcome = :result)"
# The columns of the history, which stands above this table, by their names.
_IN_HISTORY = sa.table(
    "history",
    sa.column("decision_id"),
    sa.column("currency"),
    sa.column("approved"),
    sa.column("reviewed"),
)
_OUTCOMES = (
    sa.select(
        decisions.c.decision_id,
        decisions.c.outcome,
        _IN_HISTORY.c.currency,
        # What a person approved since is no figure of the rules.
        sa.case((_IN_HISTORY.c.reviewed.is_(None), _IN_HISTORY.c.approved)),
    )
    .outerjoin(_IN_HISTORY, _IN_HISTORY.c.decision_id == decisions.c.decision_id)
    .where(decisions.c.decision_id.in_(sa.bindparam("ids", expanding=True)))
)
_OF_ID = {
    "decision_id": "IN (:any_id, (SELECT decision_id FROM reviews WHERE review_id = :any_id))",
    **dict.fromkeys(("application_id", "customer_ref", "user_id"), "= :any_id"),
}
"""The columns in which `any_id` is looked up, each by its own index."""

_TOGETHER = 1000
"""Decisions that are looked through in one transaction."""
_PLACE = sa.tuple_(decisions.c.created, decisions.c.decision_id)
_NEWEST_FIRST = (decisions.c.created.desc(), decisions.c.decision_id.desc())


def stored(entry: DecisionEntry) -> StoredEntry:
    """The entry as it is read back once it is recorded; raises ValueError as `microseconds`."""
    created = entry.created
    # The clock gives UTC; only an instant in another zone is brought into the form of the store.
    if created.tzinfo is not UTC:
        created = from_microseconds(microseconds(created))
    same = {name: getattr(entry, name) for name in _NAMES if name != "snapshot_id"}
    snapshot_id = entry.snapshot.id if entry.snapshot else None
    return StoredEntry(**same | {"created": created, "snapshot_id": snapshot_id})


def row(entry: StoredEntry) -> tuple[object, ...]:
    values = asdict(entry)
    values |= {"outcome": entry.outcome.value, "created": microseconds(entry.created)}
    return (*[values[name] for name in _NAMES], values["created"], False)


def by_keys(
    connection: sa.Connection, keys: Iterable[CallerRequest]
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


def by_id(connection: sa.Connection, decision_id: str) -> StoredEntry | None:
    row = connection.execute(_BY_ID, {"id": decision_id}).first()
    return None if row is None else entry_of(row)


def kept(connection: sa.Connection, decision_ids: Iterable[str]) -> frozenset[str]:
    """Those that are stored, and stay so until the transaction ends; a deletion is waited for."""
    wanted = padded(sorted({*decision_ids}))
    return frozenset(connection.execute(_KEPT, {"ids": wanted}).scalars() if wanted else ())


def page(
    connection: sa.Connection, chosen: Filter, after: PagePosition | None, limit: int
) -> Sequence[StoredEntry]:
    asked: list[tuple[Filter, Sequence[sa.TextClause]]] = [(chosen, ())]
    # A person's result counts as the outcome of a decision, whatever the rules had said.
    if chosen.outcome is not None and (results := _of_persons(connection, chosen.outcome)):
        asked.append((replace(chosen, outcome=None), results))
    found: dict[str, StoredEntry] = {}
    for of_id in _OF_ID if chosen.any_id else ("",):
        for fields, results in asked:
            query = _newest(connection, fields, of_id, after=after).where(*results).limit(limit)
            found |= {row.decision_id: entry_of(row) for row in connection.execute(query)}
    # Each query was newest first by itself; of several the page is what is newest of all.
    return sorted(found.values(), key=_place_of, reverse=True)[:limit]


def _place_of(entry: StoredEntry) -> tuple[datetime, str]:
    return entry.created, entry.decision_id


def _newest(
    connection: sa.Connection, chosen: Filter, of_id: str, after: PagePosition | None
) -> sa.Select[Any]:
    conditions = [*_conditions(chosen, of_id, is_sqlite=connection.dialect.name == "sqlite")]
    if after is not None:
        conditions.append((microseconds(after.created), after.decision_id) > _PLACE)
    return _ALL.where(*conditions).order_by(*_NEWEST_FIRST)


def _of_persons(connection: sa.Connection, outcome: Outcome) -> Sequence[sa.TextClause]:
    """What a person's result of this outcome is found by; nothing where there can be none."""
    if outcome not in _RESULTS:
        return ()
    count = connection.execute(_COUNTED).scalar_one()
    result = sa.text(_RESULT).bindparams(result=outcome.value)
    if count == 0:
        return ()
    # No index leads to the results. Few are looked up one by one, since to look through all
    # decisions for them would take seconds; of many, some are among the newest.
    return (result,) if count == _FEW else (_BY_COMPLETED, result)


def outcomes_of(
    connection: sa.Connection, decision_ids: Iterable[str]
) -> Mapping[str, RecordedOutcome]:
    """The recorded outcomes of decisions by id, of those that are stored."""
    wanted = padded(sorted({*decision_ids}))
    rows = connection.execute(_OUTCOMES, {"ids": wanted}).all() if wanted else ()
    found: dict[str, RecordedOutcome] = {}
    for decision_id, outcome, currency, approved in rows:
        amount = None if approved is None else Money(currency, approved)
        found[decision_id] = RecordedOutcome(Outcome(outcome), amount)
    return found


def count_from_review(connection: sa.Connection, decision_id: str, at: datetime) -> None:
    """Keep a decision as long after a person's result as after itself; a loan keeps it longer."""
    instant = microseconds(at)
    connection.execute(
        sa.update(decisions)
        .where(
            decisions.c.decision_id == decision_id,
            ~decisions.c.lent,
            decisions.c.counts_until < instant,
        )
        .values(counts_until=instant)
    )


def counted_until(connection: sa.Connection, decision_id: str) -> int | None:
    found = sa.select(decisions.c.counts_until).where(decisions.c.decision_id == decision_id)
    return connection.execute(found).scalar()


def count_as_before(connection: sa.Connection, decision_id: str, until: int) -> None:
    """Keep a decision as long as before a result that was withdrawn; a loan keeps it longer."""
    chosen = sa.update(decisions).where(decisions.c.decision_id == decision_id, ~decisions.c.lent)
    connection.execute(chosen.values(counts_until=until))


def count_from_loans(connection: sa.Connection, decision_id: str, until: int) -> None:
    """Keep a decision for its loans: until they are closed, then from the instant of that."""
    chosen = sa.update(decisions).where(decisions.c.decision_id == decision_id)
    connection.execute(chosen.values(lent=True, counts_until=until))


def count_without_loans(connection: sa.Connection, decision_id: str, reviewed: int | None) -> None:
    """Keep a decision of which nothing was lent after all as long as any other."""
    chosen = sa.update(decisions).where(decisions.c.decision_id == decision_id, decisions.c.lent)
    # Whichever is later: a review must not shorten how long its decision is kept.
    later = sa.case(
        (decisions.c.created < (reviewed or 0), sa.literal(reviewed)), else_=decisions.c.created
    )
    connection.execute(chosen.values(lent=False, counts_until=later))


def forget_applicants(connection: sa.Connection, user_id: str) -> bool:
    """Delete the hashes of who applied, but no digest of a request; whether there were any."""
    return connection.execute(_UNHASHED, {"of": user_id}).rowcount > 0


def forget_key(connection: sa.Connection, key_id: bytes, after: str) -> str | None:
    """Delete hashes under a key from some decisions; the last of these, None at the end."""
    found = connection.execute(_CONTENTS, {"after": after, "most": _TOGETHER}).all()
    hashed = [(row[0], bytes(row[1])) for row in found if hashed_under(bytes(row[1])) == key_id]
    for decision_id, content in hashed:
        kept = {"content": content[:PLAIN_BYTES]}
        connection.execute(_AS_CONTENT.values(kept), {"of": decision_id})
    return found[-1][0] if found else None


def _conditions(
    chosen: Filter, of_id: str, *, is_sqlite: bool
) -> Iterator[sa.ColumnElement[bool] | sa.TextClause]:
    """The filter's conditions. SQLite, which counts nothing, is led to the index of the first."""
    names = [name for name in LISTED_BY if getattr(chosen, name)]
    if of_id:
        yield sa.text(f"decisions.{of_id} {_OF_ID[of_id]}").bindparams(any_id=chosen.any_id)
    for place, name in enumerate(names, start=bool(of_id)):
        # SQLite reads no index of a column behind a plus.
        unled: sa.ColumnElement[str] = sa.literal_column(f"+decisions.{name}")
        yield (unled if place and is_sqlite else decisions.c[name]) == getattr(chosen, name)
    for name in OFTEN_EMPTY & {of_id, *names}:
        yield is_given(decisions.c[name])
    if chosen.created_from is not None:
        yield decisions.c.created >= microseconds(chosen.created_from)
    if chosen.created_before is not None:
        yield decisions.c.created < microseconds(chosen.created_before)
    yield from (asked for name, asked in _BY_HISTORY.items() if getattr(chosen, name))


def entry_of(row: Sequence[Any]) -> StoredEntry:
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    values["outcome"] = Outcome(values["outcome"])
    values["created"] = from_microseconds(values["created"])
    return StoredEntry(**values)


def newest(connection: sa.Connection) -> datetime | None:
    """When the newest decision was recorded, by the clock of then."""
    created = connection.execute(sa.select(sa.func.max(decisions.c.created))).scalar_one()
    return None if created is None else from_microseconds(created)


class Decisions(Subject):
    get = reads(by_id)
    list = reads(page)
    newest_decision = reads(newest)
    outcomes = reads(outcomes_of)
