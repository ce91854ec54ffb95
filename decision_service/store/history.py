"""Past decisions by the keys of the persons they concern, and what decisions look up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, exists, func, select, update

from decision_service.casework.outcomes import LoanOutcome, LoanStatus
from decision_service.decide.application import (
    CUSTOMER,
    DOCUMENT,
    KEY_ID_BYTES,
    KEYED,
    OWED,
    IdentityKey,
    owed_customer,
    owed_key,
    user_key,
)
from decision_service.decide.history import (
    MOST_PAST,
    NOTHING_PAST,
    LookedUp,
    Past,
    PastDecision,
    ReportedLoans,
)
from decision_service.domain.decision import Outcome
from decision_service.domain.ports import HistoryEntry, StoredEntry
from decision_service.store import dialect as driver
from decision_service.store.batches import Batches
from decision_service.store.decisions import CallerRequest, by_keys, from_microseconds, microseconds
from decision_service.store.dialect import insert_new, padded
from decision_service.store.engine import Database, Subject
from decision_service.store.tables import decisions, history, history_keys, loan_outcomes

_KEYS = history_keys.c
_PAST_COLUMNS = tuple(column for column in history.c if column.name != "found_by")
"""The columns in the order of `PastDecision`, then of `ReportedLoans`."""

_OF_DECISIONS = (
    select(history.c.decision_id, history.c.found_by)
    .where(history.c.decision_id.in_(bindparam("ids", expanding=True)))
    .order_by(history.c.decision_id)
    .with_for_update()
)
_OF_KEY = (
    select(history)
    .join(history_keys, history.c.decision_id == _KEYS.decision_id)
    .where(_KEYS.key == bindparam("key"))
)
_LAST = select(func.max(_KEYS.number)).where(_KEYS.key == bindparam("key"))
_NEXT = select(_KEYS.key).where(_KEYS.key > bindparam("after")).order_by(_KEYS.key).limit(1)
_NOTHING_SINCE = (None,) * 8
"""The columns from `outstanding` on: of reports, a person's result, and a repetition."""
_FOUND_BY = (
    update(history)
    .where(history.c.decision_id == bindparam("of"))
    .values(found_by=bindparam("kept"))
)
_DECIDED = select(decisions.c.decision_id).where(
    decisions.c.decision_id.in_(bindparam("ids", expanding=True))
)
_SILENT = (
    select(_KEYS.decision_id)
    .where(
        _KEYS.key >= min(OWED),
        ~exists().where(
            loan_outcomes.c.decision_id == _KEYS.decision_id,
            loan_outcomes.c.reported >= bindparam("before"),
        ),
    )
    .distinct()
    .limit(bindparam("most"))
)
_TOGETHER = 512
"""Decisions whose keys are changed together."""
_HIGHEST = b"\xff" * 32


def under(connection: Connection, keys: Collection[bytes]) -> Mapping[bytes, Past]:
    if not keys:
        return {}
    found: dict[bytes, list[PastDecision]] = {}
    last: dict[bytes, int] = {}
    known: dict[str, PastDecision] = {}
    wanted = padded(sorted(keys))
    statement = _under(connection.dialect.name, len(wanted))
    for key, number, *columns in driver.rows(connection, statement, (*wanted,)):
        decided = known.get(columns[0])
        if decided is None:
            decided = known[columns[0]] = _past(columns)
        found.setdefault(key, []).append(decided)
        last[key] = max(number, last.get(key, 0))
    return {key: Past(last[key], tuple(decided)) for key, decided in found.items()}


@cache
def _under(dialect: str, count: int) -> str:
    columns = ", ".join(f"history.{column.name}" for column in _PAST_COLUMNS)
    return f"""
    SELECT places.key, places.number, {columns}
    FROM history_keys AS places JOIN history ON history.decision_id = places.decision_id
    WHERE places.key IN (VALUES {driver.marks(dialect, ["bytea"], count)})
    AND places.number > {-MOST_PAST} + (
        SELECT max(others.number) FROM history_keys AS others WHERE others.key = places.key
    )
    """  # noqa: S608 - names of columns and a number


def row(entry: StoredEntry, place: HistoryEntry) -> tuple[object, ...]:
    return (
        entry.decision_id,
        entry.user_id,
        entry.caller,
        entry.customer_ref,
        entry.product,
        entry.outcome.value,
        microseconds(entry.created),
        place.currency,
        place.approved,
        place.instalment,
        None if place.expires is None else microseconds(place.expires),
        packed(key for key, _ in place.keys),
        *_NOTHING_SINCE,
    )


def report(connection: Connection, decision_id: str, newest: Sequence[LoanOutcome]) -> None:
    """Set what the newest reports come to; once no loan is open, what an erasure left goes."""
    chosen = update(history).where(history.c.decision_id == decision_id)
    open_ = [one for one in newest if one.status is LoanStatus.BOOKED]
    left = [(_outstanding(one), one) for one in open_]
    connection.execute(
        chosen.values(
            outstanding=sum(amount for amount, _ in left),
            due=sum(one.instalment.minor for amount, one in left if amount and one.instalment),
            open_loans=sum(1 for amount, _ in left if amount),
            overdue_loans=sum(
                one.status is LoanStatus.CHARGED_OFF or bool(one.overdue_days) for one in newest
            ),
            repaid_loans=sum(one.status is LoanStatus.REPAID for one in newest),
            drawn=_drawn(newest),
        )
    )
    if not any(amount for amount, _ in left):
        settle(connection, [decision_id])


def replace(connection: Connection, decision_ids: Sequence[str]) -> None:
    """Mark decisions that were made again; their loans, reported or yet to be, count on."""
    if decision_ids:
        ids = {"ids": padded(decision_ids)}
        chosen = history.c.decision_id.in_(bindparam("ids", expanding=True))
        connection.execute(update(history).where(chosen).values(replaced=True), ids)


def take_next(connection: Connection, key: bytes, decision_id: str) -> None:
    """Give a decision a further place under a key: whoever has read what is there reads again."""
    while True:
        last = connection.execute(_LAST, {"key": key}).scalar() or 0
        place = {"key": key, "number": last + 1, "decision_id": decision_id}
        if insert_new(connection, history_keys, [place]):
            return


def remove(connection: Connection, decision_ids: Sequence[str]) -> Sequence[str]:
    """Delete decisions, but what an erasure left of open loans; those of which all is gone."""
    if not decision_ids:
        return []
    keys = _keys_of(connection, decision_ids)
    owed = {one for one, of in keys.items() if any(key[:1] in OWED for key in of)}
    for one in owed:
        left = [key for key in keys[one] if key[:1] == CUSTOMER]
        _take_out(connection, one, keys[one], left, customer_ref="", replaced=True)
    gone = [one for one in decision_ids if one not in owed]
    _unlink(connection, {one: of for one, of in keys.items() if one not in owed})
    chosen = history.c.decision_id.in_(bindparam("ids", expanding=True))
    connection.execute(delete(history).where(chosen), {"ids": padded(gone)})
    return gone


def open_loans(connection: Connection, user_id: str) -> Sequence[str]:
    """The decisions that were erased of a user, and of which an open loan is left."""
    found = connection.execute(_OF_KEY, {"key": user_key(user_id)}).all()
    ids = {"ids": padded([row.decision_id for row in found])}
    decided = {*connection.execute(_DECIDED, ids).scalars()} if found else set()
    return [row.decision_id for row in found if row.decision_id not in decided]


def settle(connection: Connection, decision_ids: Sequence[str]) -> None:
    """Delete what an erasure left of loans, and where their decision is gone all of them."""
    keys = _keys_of(connection, decision_ids) if decision_ids else {}
    owed = {one: [key for key in of if key[:1] in OWED] for one, of in keys.items()}
    settled = sorted(one for one, of in owed.items() if of)
    for one in settled:
        _take_out(connection, one, keys[one], owed[one])
    if settled:
        ids = {"ids": padded(settled)}
        gone = sorted({*settled}.difference(connection.execute(_DECIDED, ids).scalars()))
        remove(connection, gone)
        chosen = loan_outcomes.c.decision_id.in_(gone)
        connection.execute(delete(loan_outcomes).where(chosen))


def settle_silent(connection: Connection, before: int, most: int) -> None:
    """Settle at most so many loans that were last reported on before an instant."""
    silent = connection.execute(_SILENT, {"before": before, "most": most}).scalars()
    settle(connection, silent.all())


def unlink(connection: Connection, user_id: str, secrets: Sequence[IdentityKey] = ()) -> bool:
    """Delete what links a user to others: hashes of accounts and person, and shared entries.

    Decisions stay under their own user and customer. While a loan of one is open it stays under
    hashes of account, person and customer of kinds of their own, for that purpose alone. Returns
    whether there was anything to delete or to change.
    """
    own, changed = user_key(user_id), False
    found = [
        (row, unpacked(bytes(row.found_by))) for row in connection.execute(_OF_KEY, {"key": own})
    ]
    mine = [key for row, keys in found if row.user_id == user_id for key in keys]
    hashes = {owed_key(key) for key in mine if key[:1] in KEYED and key[:1] != DOCUMENT}
    for row, keys in found:
        owed, gone = set[bytes](), [own]
        if row.user_id == user_id:
            if row.open_loans:
                owed = hashes | {*owed_customer(row.caller, row.customer_ref, secrets)}
            stays = {own, *owed}
            gone = [key for key in keys if key not in stays and key[:1] != CUSTOMER]
        new = sorted(owed.difference(keys))
        for key in new:
            take_next(connection, key, row.decision_id)
        if new or gone:
            changed = True
            _take_out(connection, row.decision_id, [*keys, *new], gone)
    return changed


def key_ids(connection: Connection) -> frozenset[bytes]:
    """The ids of the identity keys under which hashes are stored; a look a kind and key."""
    found: set[bytes] = set()
    for kind in sorted(KEYED):
        after = kind
        while (key := connection.execute(_NEXT, {"after": after}).scalar()) is not None:
            if key[:1] != kind:
                break
            found.add(bytes(key[1 : 1 + KEY_ID_BYTES]))
            after = bytes(key[: 1 + KEY_ID_BYTES]) + _HIGHEST
    return frozenset(found)


def forget_key(connection: Connection, key_id: bytes) -> int:
    """Delete the hashes under an identity key, also from the decisions found by them; how many."""
    gone = 0
    for kind in sorted(KEYED):
        low = kind + key_id
        under = _KEYS.key >= low, _KEYS.key <= low + _HIGHEST
        found = connection.execute(select(_KEYS.decision_id).where(*under).distinct())
        _forget_in(connection, [*found.scalars()], low)
        gone += connection.execute(delete(history_keys).where(*under)).rowcount
    return gone


def packed(keys: Iterable[bytes]) -> bytes:
    return b"".join(bytes([len(key)]) + key for key in keys)


def unpacked(body: bytes) -> Sequence[bytes]:
    keys, place = [], 0
    while place < len(body):
        end = place + 1 + body[place]
        keys.append(body[place + 1 : end])
        place = end
    return keys


def _keys_of(connection: Connection, decision_ids: Sequence[str]) -> dict[str, Sequence[bytes]]:
    found = connection.execute(_OF_DECISIONS, {"ids": padded(decision_ids)})
    return {one: unpacked(bytes(keys)) for one, keys in found}


def _forget_in(connection: Connection, decision_ids: Sequence[str], start: bytes) -> None:
    for first in range(0, len(decision_ids), _TOGETHER):
        keys = _keys_of(connection, decision_ids[first : first + _TOGETHER])
        kept = {one: [key for key in of if not key.startswith(start)] for one, of in keys.items()}
        rows = [{"of": one, "kept": packed(of)} for one, of in kept.items()]
        connection.execute(_FOUND_BY, rows)


def _take_out(
    connection: Connection,
    decision_id: str,
    keys: Sequence[bytes],
    gone: Collection[bytes],
    **values: object,
) -> None:
    """Delete some of the keys that a decision is found by, and change its row otherwise."""
    _unlink(connection, {decision_id: [*gone]})
    kept = packed(key for key in keys if key not in gone)
    chosen = update(history).where(history.c.decision_id == decision_id)
    connection.execute(chosen.values(found_by=kept, **values))


def _unlink(connection: Connection, keys: Mapping[str, Sequence[bytes]]) -> None:
    wanted = sorted({key for all_ in keys.values() for key in all_})
    if not wanted:
        return
    chosen = delete(history_keys).where(
        _KEYS.key.in_(bindparam("keys", expanding=True)),
        _KEYS.decision_id.in_(bindparam("ids", expanding=True)),
    )
    connection.execute(chosen, {"keys": padded(wanted), "ids": padded([*keys])})


def _outstanding(one: LoanOutcome) -> int:
    paid = one.repaid.minor if one.repaid else 0
    return max(one.disbursed.minor - paid, 0) if one.disbursed else 0


def _drawn(newest: Sequence[LoanOutcome]) -> int | None:
    """What was paid out of an offer; None where the reports leave nothing of it."""
    if any(one.status is LoanStatus.NOT_TAKEN_UP for one in newest):
        return None
    amounts = [one.disbursed.minor for one in newest if one.disbursed]
    return sum(amounts) if len(amounts) == len(newest) else None


def _past(columns: Sequence[Any]) -> PastDecision:
    """The decision of a row, whose columns are those of `_PAST_COLUMNS`, in that order."""
    who, (outcome, created, currency, approved, instalment, expires) = columns[:5], columns[5:11]
    decision_id, user_id, caller, customer_ref, product = who
    return PastDecision(
        decision_id,
        user_id,
        caller,
        customer_ref,
        product,
        Outcome(outcome),
        from_microseconds(created),
        currency,
        approved,
        instalment,
        None if expires is None else from_microseconds(expires),
        None if columns[11] is None else ReportedLoans(*columns[11:17]),
        None if columns[17] is None else from_microseconds(columns[17]),
        bool(columns[18]),
    )


class _Question(msgspec.Struct, frozen=True):
    request: CallerRequest | None
    keys: Collection[bytes]


class Lookups(Subject):
    """What decisions look up, many together, on a connection that no list or export takes."""

    def __init__(self, database: Database, most: int) -> None:
        self._database = database
        self._lookups: Batches[_Question, LookedUp] = Batches(self._look_up_together, most=most)

    async def look_up(self, caller: str, request_id: str, keys: Collection[bytes] = ()) -> LookedUp:
        return await self._lookups.submit(_Question((caller, request_id), keys))

    async def past(self, keys: Collection[bytes]) -> Mapping[bytes, Past]:
        return (await self._lookups.submit(_Question(None, keys))).past

    async def _look_up_together(self, questions: Sequence[_Question]) -> Sequence[LookedUp]:
        return await self._database.look_up(partial(_looked_up, questions=questions))


def _looked_up(connection: Connection, questions: Sequence[_Question]) -> Sequence[LookedUp]:
    requests = [asked.request for asked in questions if asked.request is not None]
    entries = by_keys(connection, requests)
    past = under(connection, {key for asked in questions for key in asked.keys})
    return [
        LookedUp(
            None if asked.request is None else entries.get(asked.request),
            {key: past.get(key, NOTHING_PAST) for key in asked.keys},
        )
        for asked in questions
    ]
