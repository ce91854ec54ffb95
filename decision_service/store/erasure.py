"""Erasing a user, noted in the journal first; deletion of what was kept long enough."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy import Connection, bindparam, delete, select, tuple_, union

from decision_service.decide.application import IdentityKey
from decision_service.domain.ports import Disconnected, Erased
from decision_service.runtime.clock import SystemClock
from decision_service.store import history, snapshots, tables
from decision_service.store.decisions import microseconds
from decision_service.store.dialect import insert_new
from decision_service.store.engine import Database
from decision_service.store.erasure_journal import Erasure, ErasureJournal, new_erasure
from decision_service.store.keys import PLAIN, DataKeys
from decision_service.store.snapshots import PLACE, MoreToErase, places, remove
from decision_service.store.tables import (
    decisions,
    ended_incomes,
    erasures,
    known_counts,
    link_tokens,
    warm,
)

_DONE = select(erasures.c.erasure_id, erasures.c.user_id)
_OF_USERS = (
    tables.consents, tables.snapshots, known_counts, ended_incomes, link_tokens, warm, decisions
)  # fmt: skip
_USERS = union(*(select(table.c.user_id) for table in _OF_USERS))

log = structlog.get_logger("decision_service.storage")
_OLD = (
    select(*PLACE)
    .where(decisions.c.created < bindparam("before"))
    .order_by(decisions.c.created, decisions.c.decision_id)
    .limit(bindparam("most"))
)
_DECIDED_ON = (
    select(decisions.c.decision_id)
    .where(
        decisions.c.user_id == tables.snapshots.c.user_id,
        decisions.c.snapshot_id == tables.snapshots.c.snapshot_id,
    )
    .exists()
)
_SNAPSHOT = tuple_(tables.snapshots.c.user_id, tables.snapshots.c.snapshot_id)
_MARKED = tuple_(warm.c.user_id, warm.c.snapshot_id)
_HAS_SNAPSHOTS = (
    select(tables.snapshots.c.user_id)
    .where(tables.snapshots.c.user_id == known_counts.c.user_id)
    .exists()
)
_LEFT_OVER = (
    select(tables.snapshots.c.user_id, tables.snapshots.c.snapshot_id)
    .where(tables.snapshots.c.stored < bindparam("before"), ~_DECIDED_ON)
    .limit(bindparam("most"))
)


def done_erasures(connection: Connection) -> Mapping[str, str | None]:
    return {row[0]: row[1] for row in connection.execute(_DONE)}


def users_to_erase(connection: Connection) -> Sequence[str]:
    """All users of whom there may be something to erase: data, or hashes and reviews."""
    return [row[0] for row in connection.execute(_USERS)]


def carry_out(
    connection: Connection,
    wanted: Mapping[str, str | None],
    now: datetime,
    *,
    identity_keys: Sequence[IdentityKey] = (),
    with_decisions: bool = False,
) -> None:
    """Erase by erasure id what was not since; of unknown users record the id alone."""
    snapshots.hold_consents(
        connection, {user_id for user_id in wanted.values() if user_id is not None}
    )
    carried_out = done_erasures(connection)
    for erasure_id, user_id in wanted.items():
        if user_id is not None and erasure_id not in carried_out:
            snapshots.erase(
                connection,
                user_id,
                [erasure_id],
                now=now,
                identity_keys=identity_keys,
                with_decisions=with_decisions,
            )
    strangers = [one for one, user_id in wanted.items() if user_id is None]
    insert_new(connection, erasures, [{"erasure_id": one, "user_id": None} for one in strangers])


class Erasing:
    """Erases users in a database and in the journal; `with_decisions` their decisions as well."""

    def __init__(
        self,
        database: Database,
        journal: ErasureJournal | None,
        data_keys: DataKeys = PLAIN,
        identity_keys: tuple[IdentityKey, ...] = (),
        *,
        with_decisions: bool = False,
    ) -> None:
        self._database = database
        self._journal = journal
        self._data_keys = data_keys
        self._identity_keys = identity_keys
        self._with_decisions = with_decisions
        self.keeps_journal = journal is not None
        self._clock = SystemClock()
        self._running: set[asyncio.Task[Erased]] = set()

    async def erase(
        self, user_id: str, disconnected: Disconnected | None = None, *, known_only: bool = False
    ) -> Erased:
        """As `DecisionLog.erase`; what has begun is carried out, whoever leaves meanwhile."""
        task = asyncio.create_task(self._erase(user_id, disconnected, known_only=known_only))
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._journal is not None:
            await self._journal.aclose()

    def _ended(self, task: asyncio.Task[Erased]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.warning("an erasure failed", error=type(task.exception()).__name__)

    async def _erase(
        self, user_id: str, disconnected: Disconnected | None, *, known_only: bool
    ) -> Erased:
        known = partial(snapshots.is_known, user_id=user_id)
        if known_only and not await self._database.read(known):
            return Erased(0, known=False)
        if await self._database.read(partial(snapshots.is_erased, user_id=user_id)):
            with suppress(MoreToErase):
                return await self._carried_out(user_id, disconnected, [])
        return await self._carried_out(user_id, disconnected, [new_erasure(user_id)])

    async def _carried_out(
        self, user_id: str, disconnected: Disconnected | None, new: Sequence[Erasure]
    ) -> Erased:
        """Erase by a new erasure that is noted first, or without one as a repetition."""
        noted = frozenset[str]()
        if self._journal is not None:
            if new:
                await self._journal.note(new)
            noted = await self._journal.of(user_id)
        work = partial(
            snapshots.erase,
            user_id=user_id,
            erasure_ids=noted.union(one.id for one in new),
            disconnected=disconnected,
            now=self._clock.now(),
            data_keys=self._data_keys,
            identity_keys=self._identity_keys,
            with_decisions=self._with_decisions,
            repeats=not new,
        )
        erased = await self._database.write(work)
        await self._database.scrub()
        return erased

    async def catch_up(self) -> None:
        """Bring database and journal to the same erasures.

        A database that was restored from a backup lacks the later ones: they are carried out again.
        A journal that was lost or moved lacks the earlier ones: they are noted again. Raises
        StoreDamaged and StoreUnavailable.
        """
        if self._journal is None:
            return
        marks = await self._journal.marks()
        done = await self._database.read(done_erasures)
        await self._carry_out({one: mark for one, mark in marks.items() if one not in done})
        lost = ((one, user) for one, user in done.items() if one not in marks)
        await self._note_again(Erasure(one, user) for one, user in lost if user is not None)

    async def _carry_out(self, lacking: Mapping[str, str]) -> None:
        if not lacking or self._journal is None:
            return
        known = await self._database.read(users_to_erase)
        users = await self._journal.marked(known)
        wanted = {one: users.get(mark) for one, mark in lacking.items()}
        work = partial(
            carry_out,
            wanted=wanted,
            now=self._clock.now(),
            identity_keys=self._identity_keys,
            with_decisions=self._with_decisions,
        )
        await self._database.write(work)
        await self._database.scrub()
        again = len({user_id for user_id in wanted.values() if user_id is not None})
        if again:
            log.warning("erased again what an older store held", users=again)

    async def _note_again(self, lost: Iterable[Erasure]) -> None:
        wanted = [*lost]
        if wanted and self._journal is not None:
            await self._journal.note(wanted)
            log.warning("the erasure journal was written anew from the store", erasures=len(wanted))


def expire(connection: Connection, before: datetime, most: int) -> int:
    """Delete at most so many decisions made before an instant, oldest first; how many.

    Where none is left, snapshots go that were stored before it and that no decision rests on, with
    the counts of users who have none any more; link tokens that expired, quarantines of users
    without a reading, and what erasures left of loans that were last reported on before it.
    """
    chosen = {"before": microseconds(before), "most": most}
    old = places(connection.execute(_OLD, chosen))
    if old:
        remove(connection, old)
        return len(old)
    history.settle_silent(connection, chosen["before"], most)
    connection.execute(delete(link_tokens).where(link_tokens.c.expires < chosen["before"]))
    unread = warm.c.snapshot_id.is_(None), warm.c.quarantined < chosen["before"]
    connection.execute(delete(warm).where(*unread))
    left = [(row[0], row[1]) for row in connection.execute(_LEFT_OVER, chosen)]
    _remove_snapshots(connection, left)
    return len(left)


def _remove_snapshots(connection: Connection, keys: Sequence[tuple[str, str]]) -> None:
    """Delete snapshots and their warm marks, unless a decision needs them.

    Commits that store a snapshot of one of these users are waited for. The first two statements
    wait for commits that look whether it is there; the third one, which begins after them, sees
    their decisions.
    """
    if not keys:
        return
    users = sorted({key[0] for key in keys})
    snapshots.hold_consents(connection, users)
    for key in keys:
        connection.execute(delete(warm).where(_MARKED.in_([key])))
        connection.execute(
            select(tables.snapshots.c.user_id).where(_SNAPSHOT.in_([key])).with_for_update()
        )
        connection.execute(delete(tables.snapshots).where(_SNAPSHOT.in_([key]), ~_DECIDED_ON))
    gone = known_counts.c.user_id.in_(users), ~_HAS_SNAPSHOTS
    connection.execute(delete(known_counts).where(*gone))
