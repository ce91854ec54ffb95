"""Erasing a user, noted in the journal first; deletion of what was kept long enough."""

from __future__ import annotations

import asyncio
import calendar
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa
import structlog

from decision_service.decide.application import IdentityKey
from decision_service.domain.errors import StoreError
from decision_service.domain.ports import Clock, Disconnected, Erased
from decision_service.runtime.clock import SystemClock
from decision_service.store import columns, events, history, outbox
from decision_service.store import snapshots as data
from decision_service.store.applicants import applicants, link_tokens
from decision_service.store.arms import arm_decisions
from decision_service.store.decisions import decisions, forget_applicants
from decision_service.store.engine import Database
from decision_service.store.erasure_journal import Erasure, ErasureJournal, new_erasure
from decision_service.store.errors import HeldUp
from decision_service.store.keys import PLAIN, DataKeys
from decision_service.store.notices import notices
from decision_service.store.outcomes import loan_outcomes, settle_silent
from decision_service.store.review_rows import review_events, reviews
from decision_service.store.reviews import erase as end_reviews
from decision_service.store.rollouts import shadow_results
from decision_service.store.snapshots import consents, ended_incomes, known_counts, snapshots, warm

EVERY_SECONDS = 3600.0
# By then the vendor's clock is known: what a wrong one calls old may be young.
FIRST_SECONDS = 60.0
"""Seconds from the start to the first deletion."""

# Short transactions with a rest between them, so that commits hardly wait.
BATCH = 200
PAUSE_SECONDS = 0.1

erasures = sa.Table(
    "erasures",
    columns.metadata,
    sa.Column("erasure_id", columns.TEXT, primary_key=True),
    sa.Column("user_id", columns.TEXT),
    info=columns.of_person(
        "user_id",
        columns.ErasedBy.NOTHING,
        "the proof of the erasure, by which a restored backup is erased again",
    ),
)
"""Erasures that this database has carried out; without a user where it held nothing of that one.

What the erasure journal has beyond these was erased after the backup that this is.
"""


_TABLES = (shadow_results, decisions, loan_outcomes, notices, reviews, review_events, *outbox.OWN)
DecisionPlace = tuple[str, int, str]
"""A decision by product, instant and id: where its row for its rollout is, too."""
PLACE = (decisions.c.product, decisions.c.created, decisions.c.decision_id)
_HELD_DECISIONS = (
    sa.select(decisions.c.decision_id)
    .where(decisions.c.decision_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(decisions.c.decision_id)
    .with_for_update()
)
_HELD_REVIEWS = (
    sa.select(reviews.c.review_id)
    .where(reviews.c.decision_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(reviews.c.review_id)
    .with_for_update()
)
_ARM_ROW = sa.tuple_(*(arm_decisions.c[column.name] for column in PLACE))
_DONE = sa.select(erasures.c.erasure_id, erasures.c.user_id)
_OF_USERS = (
    consents, snapshots, known_counts, ended_incomes, link_tokens, warm, decisions
)  # fmt: skip
_USERS = sa.union(*(sa.select(table.c.user_id) for table in _OF_USERS))
"""All users who may have something to erase: data, or hashes and reviews."""

log = structlog.get_logger("decision_service.storage")
_UNLENT = ~decisions.c.lent & (decisions.c.counts_until < sa.bindparam("before"))
_CLOSED = decisions.c.lent & (decisions.c.counts_until < sa.bindparam("closed_before"))
_OLD = tuple(
    sa.select(*PLACE)
    .where(chosen)
    .order_by(decisions.c.counts_until, decisions.c.decision_id)
    .limit(sa.bindparam("most"))
    for chosen in (_UNLENT, _CLOSED)
)
"""Each reads a part of one index from its beginning, whatever is kept longer."""
_STILL_OLD = sa.select(*PLACE).where(
    decisions.c.decision_id.in_(sa.bindparam("ids", expanding=True)), sa.or_(_UNLENT, _CLOSED)
)
_DECIDED_ON = (
    sa.select(decisions.c.decision_id)
    .where(
        decisions.c.user_id == snapshots.c.user_id,
        decisions.c.snapshot_id == snapshots.c.snapshot_id,
    )
    .exists()
)
_SNAPSHOT = sa.tuple_(snapshots.c.user_id, snapshots.c.snapshot_id)
_MARKED = sa.tuple_(warm.c.user_id, warm.c.snapshot_id)
_HAS_SNAPSHOTS = (
    sa.select(snapshots.c.user_id).where(snapshots.c.user_id == known_counts.c.user_id).exists()
)
_LEFT_OVER = (
    sa.select(snapshots.c.user_id, snapshots.c.snapshot_id)
    .where(snapshots.c.stored < sa.bindparam("before"), ~_DECIDED_ON)
    .limit(sa.bindparam("most"))
)


def done_erasures(connection: sa.Connection) -> Mapping[str, str | None]:
    return {row[0]: row[1] for row in connection.execute(_DONE)}


class ErasureTerms(msgspec.Struct, frozen=True):
    """The keys that an erasure needs, and whether it takes a user's decisions as well."""

    data_keys: DataKeys = PLAIN
    identity_keys: tuple[IdentityKey, ...] = ()
    with_decisions: bool = False


def carry_out(
    connection: sa.Connection, wanted: Mapping[str, str | None], now: datetime, terms: ErasureTerms
) -> None:
    """Erase by erasure id what was not since; of unknown users record the id alone."""
    # Before it is asked what was carried out: another start may be doing the same just now.
    data.hold_consents(connection, {user_id for user_id in wanted.values() if user_id is not None})
    carried_out = done_erasures(connection)
    for erasure_id, user_id in wanted.items():
        if user_id is not None and erasure_id not in carried_out:
            erase(connection, user_id, [erasure_id], now=now, terms=terms)
    strangers = [one for one, user_id in wanted.items() if user_id is None]
    columns.insert_new(
        connection, erasures, [{"erasure_id": one, "user_id": None} for one in strangers]
    )


class Erasing:
    def __init__(
        self,
        database: Database,
        journal: ErasureJournal | None,
        terms: ErasureTerms = ErasureTerms(),  # noqa: B008 - it is frozen
    ) -> None:
        self._database = database
        self._journal = journal
        self._terms = terms
        self.keeps_journal = journal is not None
        self._clock = SystemClock()
        self._running: set[asyncio.Task[Erased]] = set()

    async def erase(
        self, user_id: str, disconnected: Disconnected | None = None, *, known_only: bool = False
    ) -> Erased:
        """As `DecisionLog.erase`; what has begun is carried out, whoever leaves meanwhile."""
        # A task of its own: a caller that leaves must not stop an erasure half way.
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
        known = partial(is_known, user_id=user_id)
        if known_only and not await self._database.read(known):
            return Erased(0, known=False)
        # A repetition that takes nothing new is the earlier erasure, and makes no new proof.
        if await self._database.read(partial(_has, table=erasures, user_id=user_id)):
            with suppress(MoreToErase):
                return await self._carried_out(user_id, disconnected, [])
        return await self._carried_out(user_id, disconnected, [new_erasure(user_id)])

    async def _carried_out(
        self, user_id: str, disconnected: Disconnected | None, new: Sequence[Erasure]
    ) -> Erased:
        """Erase by a new erasure that is noted first, or without one as a repetition."""
        noted = frozenset[str]()
        # Noted before anything is erased: a crash in between is made up for at the next start.
        if self._journal is not None:
            if new:
                await self._journal.note(new)
            noted = await self._journal.of(user_id)
        work = partial(
            erase,
            user_id=user_id,
            erasure_ids=noted.union(one.id for one in new),
            disconnected=disconnected,
            now=self._clock.now(),
            terms=self._terms,
            repeats=not new,
        )
        erased = await self._database.write(work)
        # What is gone from the tables is still in SQLite's log, or in dead rows of a server.
        await self._database.scrub()
        return erased

    async def catch_up(self) -> None:
        """Bring database and journal to the same erasures.

        A database that was restored from a backup lacks the later ones: they are carried out again.
        A journal that was lost or moved lacks the earlier ones: they are noted again. Raises
        StoreRefused and StoreUnavailable.
        """
        if self._journal is None:
            return
        marks = await self._journal.marks()
        done = await self._database.read(done_erasures)
        await self._carry_out({one: mark for one, mark in marks.items() if one not in done})
        lost = [Erasure(one, user) for one, user in done.items() if user and one not in marks]
        # Without the proof a backup from before these erasures would bring the data back.
        if lost:
            await self._journal.note(lost)
            log.warning("the erasure journal was written anew from the store", erasures=len(lost))

    async def _carry_out(self, lacking: Mapping[str, str]) -> None:
        if not lacking or self._journal is None:
            return
        # The journal has no user ids but marks of them, which this store's users are held against.
        known = await self._database.read(lambda one: one.execute(_USERS).scalars().all())
        users = await self._journal.marked(known)
        wanted = {one: users.get(mark) for one, mark in lacking.items()}
        work = partial(carry_out, wanted=wanted, now=self._clock.now(), terms=self._terms)
        # Another start may be erasing the same: each try waits about a second for its locks.
        for left in reversed(range(60)):
            try:
                await self._database.write(work)
                break
            except HeldUp:
                if not left:
                    raise
        await self._database.scrub()
        again = len({user_id for user_id in wanted.values() if user_id is not None})
        if again:
            log.warning("erased again what an older store held", users=again)


def expire(
    connection: sa.Connection, before: datetime, most: int, *, closed_before: datetime | None = None
) -> int:
    """Delete at most so many decisions that count no more, oldest first; how many were looked at.

    Those without a loan count no more where they were made, and reviewed, before an instant; those
    with loans where the last was closed before `closed_before`, which is the same instant unless
    another is given. Where none is left, snapshots go that were stored before it and that no
    decision rests on, with the counts of users who have none any more; link tokens that expired,
    quarantines of users without a reading, and what erasures left of loans that were last reported
    on before it.
    """
    chosen = {
        "before": columns.microseconds(before),
        "closed_before": columns.microseconds(closed_before or before),
        "most": most,
    }
    for old in _OLD:
        if found := places(connection.execute(old, chosen)):
            # A report that was waited for may have opened a loan on one of them.
            hold_decisions(connection, found)
            ids = columns.padded([place[2] for place in found])
            still = places(connection.execute(_STILL_OLD, {**chosen, "ids": ids}))
            remove(connection, still)
            return len(found)
    settle_silent(connection, chosen["before"], most)
    outbox.expire(connection, chosen["before"])
    connection.execute(sa.delete(link_tokens).where(link_tokens.c.expires < chosen["before"]))
    unread = warm.c.snapshot_id.is_(None), warm.c.quarantined < chosen["before"]
    connection.execute(sa.delete(warm).where(*unread))
    left = [(row[0], row[1]) for row in connection.execute(_LEFT_OVER, chosen)]
    _remove_snapshots(connection, left)
    return len(left)


def _remove_snapshots(connection: sa.Connection, keys: Sequence[tuple[str, str]]) -> None:
    """Delete snapshots and their warm marks, unless a decision needs them.

    Commits that store a snapshot of one of these users are waited for.
    """
    if not keys:
        return
    users = sorted({key[0] for key in keys})
    data.hold_consents(connection, users)
    for key in keys:
        # The first statement waits for commits on the whole reading; the second one, which begins
        # after them, sees their decisions.
        connection.execute(sa.delete(warm).where(_MARKED.in_([key])))
        connection.execute(sa.delete(snapshots).where(_SNAPSHOT.in_([key]), ~_DECIDED_ON))
    gone = known_counts.c.user_id.in_(users), ~_HAS_SNAPSHOTS
    connection.execute(sa.delete(known_counts).where(*gone))


def of_user(connection: sa.Connection, user_id: str) -> Sequence[DecisionPlace]:
    found = sa.select(*PLACE).where(decisions.c.user_id == user_id)
    return places(connection.execute(found.order_by(decisions.c.decision_id)))


def hold_decisions(connection: sa.Connection, rows: Sequence[DecisionPlace]) -> None:
    """Lock decisions and then their reviews until the transaction ends."""
    ids = columns.padded([row[2] for row in rows])
    # Reports and reviews lock these before the history, which deletions change next: in another
    # order each would wait for the other until the server gives up.
    for held in (_HELD_DECISIONS, _HELD_REVIEWS):
        if ids:
            connection.execute(held, {"ids": ids})


def places(found: Iterable[Sequence[Any]]) -> Sequence[DecisionPlace]:
    return [(row[0], row[1], row[2]) for row in found]


def remove(connection: sa.Connection, rows: Sequence[DecisionPlace]) -> None:
    if not rows:
        return
    hold_decisions(connection, rows)
    # Whoever takes events at this moment would leave one to be sent that is gone.
    connection.execute(outbox.HELD_PLACES)
    arms = _ARM_ROW.in_(sa.bindparam("rows", expanding=True))
    connection.execute(sa.delete(arm_decisions).where(arms), {"rows": columns.padded(rows)})
    ids = [row[2] for row in rows]
    gone = history.remove(connection, ids)
    for table in _TABLES:
        chosen = table.c.decision_id.in_(sa.bindparam("ids", expanding=True))
        # The reports of an open loan stay until it is closed, though the decision goes.
        of = gone if table is loan_outcomes else ids
        connection.execute(sa.delete(table).where(chosen), {"ids": columns.padded(of)})


class MoreToErase(Exception):
    """Since the user's last erasure something was stored, which another one would take."""


def erase(
    connection: sa.Connection,
    user_id: str,
    erasure_ids: Collection[str],
    disconnected: Disconnected | None = None,
    *,
    now: datetime,
    terms: ErasureTerms,
    repeats: bool = False,
) -> Erased:
    """Destroy a user's key and data, end reviews, bar what was read before, record the erasure.

    Of an open loan the amounts stay, under hashes by the identity keys.

    Earlier erasures that failed, and are in the journal alone, are carried out by this one too: no
    later start repeats them on data that was given since. One that `repeats` an earlier one has no
    id of its own, and raises MoreToErase where something was stored since.
    """
    known = is_known(connection, user_id)
    noted = [{"erasure_id": one, "user_id": user_id} for one in sorted(erasure_ids)]
    columns.insert_new(connection, erasures, noted)
    # Commits begin with the same row: one that is under way ends before this, or is refused.
    columns.insert_new(connection, consents, [{"user_id": user_id, "epoch": 0, "key": None}])
    mine = consents.c.user_id == user_id
    had_key = connection.execute(sa.select(consents.c.key.is_not(None)).where(mine)).scalar_one()
    counted = sa.update(consents).where(mine)
    connection.execute(counted.values(epoch=consents.c.epoch + 1, key=None, wrapped_by=None))
    held = of_user(connection, user_id)
    hold_decisions(connection, held)
    taken = [
        had_key,
        end_reviews(connection, user_id, now),
        forget_applicants(connection, user_id),
        history.unlink(connection, user_id, terms.identity_keys),
        data.settle(connection, user_id, disconnected, data_keys=terms.data_keys),
        terms.with_decisions and bool(held),
    ]
    gone = _delete(connection, snapshots, user_id)
    others = [_delete(connection, table, user_id) for table in (known_counts, link_tokens)]
    # Not counted: where there is no snapshot it is no more than a quarantine.
    _delete(connection, warm, user_id)
    events.end_postponed(connection, user_id)
    if known and erasure_ids:
        outbox.record(connection, outbox.of_erasure(connection, user_id, erasure_ids, at=now))
    if terms.with_decisions:
        remove(connection, of_user(connection, user_id))
    if repeats and any((*taken, gone, *others)):
        # Undone by the error, and done again with a proof that is noted first.
        raise MoreToErase
    return Erased(gone, known)


def _delete(connection: sa.Connection, table: sa.Table, user_id: str) -> int:
    return connection.execute(sa.delete(table).where(table.c.user_id == user_id)).rowcount


def is_known(connection: sa.Connection, user_id: str) -> bool:
    tables = (snapshots, decisions, applicants, link_tokens, warm, known_counts, ended_incomes)
    return any(_has(connection, table, user_id) for table in tables)


def _has(connection: sa.Connection, table: sa.Table, user_id: str) -> bool:
    return connection.execute(sa.select(sa.exists().where(table.c.user_id == user_id))).scalar_one()


class Expire(Protocol):
    def __call__(
        self, before: datetime, most: int, *, closed_before: datetime
    ) -> Awaitable[int]: ...


class Retention(msgspec.Struct, frozen=True, eq=False):
    """Deletes by the store's `expire` and `forget_ended`.

    `confirmed` says whether the clock is: what a wrong one calls old may be young.
    """

    expire: Expire
    forget_ended: Callable[[datetime], Awaitable[None]]
    clock: Clock
    months: int
    loan_months: int
    confirmed: Callable[[], bool]

    async def run(self) -> None:
        """Delete once the vendor has had time to answer, then every hour, until cancelled."""
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            try:
                deleted = await self.once()
                if deleted:
                    log.info("retention", deleted=deleted, months=self.months)
            except StoreError as error:
                log.warning("retention.later", reason=error.reason)
            await asyncio.sleep(EVERY_SECONDS)

    async def once(self, pause: float = PAUSE_SECONDS) -> int:
        """How many; none while the vendor does not confirm the clock."""
        if not self.confirmed():
            log.warning("retention waits for the vendor to confirm the clock")
            return 0
        await self.forget_ended(self.clock.now())
        now = self.clock.now()
        before = months_before(now, self.months)
        # What was lent is kept no shorter than what was not.
        closed_before = months_before(now, max(self.months, self.loan_months))
        deleted = 0
        while count := await self.expire(before, BATCH, closed_before=closed_before):
            deleted += count
            await asyncio.sleep(pause)
        return deleted


def months_before(instant: datetime, months: int) -> datetime:
    """The same day and time so many months earlier, or the last day of that month."""
    month = instant.year * 12 + instant.month - 1 - months
    year = month // 12
    number = month % 12 + 1
    day = min(instant.day, calendar.monthrange(year, number)[1])
    return instant.replace(year=year, month=number, day=day)
