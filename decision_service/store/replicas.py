"""Several processes on one PostgreSQL store: leases of request ids, and the process list."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TypeVar

import sqlalchemy as sa

from decision_service.domain.errors import RequestInProgress, StoreError, StoreUnavailable
from decision_service.domain.ports import Lease, StoredEntry
from decision_service.rulebook.replica_check import ProcessRules
from decision_service.store import decisions
from decision_service.store.batches import Batches
from decision_service.store.columns import TEXT, postgres_metadata
from decision_service.store.decisions import CallerRequest
from decision_service.store.engine import Database, Subject
from decision_service.store.errors import HeldUp

leases = sa.Table(
    "leases",
    postgres_metadata,
    sa.Column("caller", TEXT, primary_key=True),
    sa.Column("request_id", TEXT, primary_key=True),
    sa.Column("fence", TEXT, nullable=False),
    sa.Column("backend", sa.Integer, nullable=False),
    sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
    # So that a lease waits for no disk; a crash of the server empties the table, which fences
    # every holder off.
    prefixes=["UNLOGGED"],
)
"""Requests that a process decides now. `backend` is the server process of the holder's connection.

Instants here are the server's own, since only it compares them.
"""

processes = sa.Table(
    "processes",
    postgres_metadata,
    sa.Column("process", TEXT, primary_key=True),
    sa.Column("rules", TEXT, nullable=False),
    sa.Column("program", TEXT, nullable=False, server_default=""),
    sa.Column("seen", sa.DateTime(timezone=True), nullable=False),
    prefixes=["UNLOGGED"],
)
"""What each living process decides by, its version, and when it last said so."""


# ruff: noqa: S608 - every statement is made of constants of this file

_GIVEN = """
    unnest(CAST(:callers AS text[]), CAST(:request_ids AS text[]), CAST(:fences AS text[]))
    AS given (caller, request_id, fence)
"""
_SPAN = "CAST(:span AS interval)"
ALIVE = """
    leases.expires >= clock_timestamp()
    AND EXISTS (SELECT FROM pg_stat_get_activity(leases.backend))
"""
# In order of keys, so that two processes that claim many never wait in a ring.
_CLAIM = sa.text(f"""
    INSERT INTO leases (caller, request_id, fence, backend, expires)
    SELECT caller, request_id, fence, pg_backend_pid(), clock_timestamp() + {_SPAN}
    FROM {_GIVEN} ORDER BY caller, request_id
    ON CONFLICT (caller, request_id) DO UPDATE
    SET fence = excluded.fence, backend = excluded.backend, expires = excluded.expires
    WHERE NOT ({ALIVE})
    RETURNING fence
""")
_HELD = sa.text(f"""
    SELECT leases.caller, leases.request_id
    FROM {_GIVEN} JOIN leases USING (caller, request_id) WHERE {ALIVE}
""")
_MATCHING = """
    leases.caller = given.caller AND leases.request_id = given.request_id
    AND leases.fence = given.fence
"""
_SPEND = sa.text(f"DELETE FROM leases USING {_GIVEN} WHERE {_MATCHING} RETURNING leases.fence")
_RENEW = sa.text(f"""
    UPDATE leases SET expires = clock_timestamp() + {_SPAN} FROM {_GIVEN} WHERE {_MATCHING}
""")
# What another process removes just now is left to it, without a wait for its locks.
_CLEAR = sa.text(f"""
    DELETE FROM leases WHERE (caller, request_id) IN (
        SELECT caller, request_id FROM leases WHERE expires < clock_timestamp() - {_SPAN}
        FOR UPDATE SKIP LOCKED
    )
""")

T = TypeVar("T")
LEASE_SECONDS = 30.0
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.25
_MOST_TOGETHER = 128
_KEPT = timedelta(minutes=1)
# Four intervals of the check.
SILENT_SECONDS = 20
"""Seconds without a report after which a process is gone."""

_SAY = sa.text("""
    INSERT INTO processes (process, rules, program, seen)
    VALUES (:process, :rules, :program, clock_timestamp())
    ON CONFLICT (process) DO UPDATE
    SET rules = excluded.rules, program = excluded.program, seen = excluded.seen
""")
_FORGET = sa.text("""
    DELETE FROM processes WHERE process IN (
        SELECT process FROM processes
        WHERE seen < clock_timestamp() - CAST(:silent AS integer) * interval '1 second'
        FOR UPDATE SKIP LOCKED
    )
""")
_REPORTING = sa.text("""
    SELECT process, rules, program FROM processes
    WHERE seen >= clock_timestamp() - CAST(:silent AS integer) * interval '1 second'
    ORDER BY process
""")


def claim(
    connection: sa.Connection, wanted: Sequence[Lease], span: timedelta
) -> Sequence[StoredEntry | bool]:
    """For each lease: whether it is had from now on, or the decision that is stored by now.

    Of several with one key the first may get it.
    """
    first = {_key(lease): lease for lease in reversed(wanted)}
    given = _given(first.values())
    had = {row.fence for row in connection.execute(_CLAIM, given | {"span": span})}
    mine = {key: lease for key, lease in first.items() if lease.fence in had}
    # A decision and its lease go in one commit, so that who gets the lease finds the decision, but
    # only by a later statement: one does not see what is committed while it waits.
    stored = decisions.by_keys(connection, mine)
    spend(connection, [mine[key] for key in stored])
    return [stored.get(_key(lease)) or lease.fence in had for lease in wanted]


def spend(connection: sa.Connection, leases: Sequence[Lease]) -> Sequence[str]:
    """End these leases; the fences of those that were held."""
    return [*connection.execute(_SPEND, _given(leases)).scalars()] if leases else []


def _given(leases: Iterable[Lease]) -> dict[str, object]:
    ordered = [*leases]
    return {
        "callers": [lease.caller for lease in ordered],
        "request_ids": [lease.request_id for lease in ordered],
        "fences": [lease.fence for lease in ordered],
    }


def _key(lease: Lease) -> CallerRequest:
    return lease.caller, lease.request_id


class SoleProcess:
    """The `Leases` of a store that one process holds: it keeps duplicates apart by itself."""

    async def claim(self, caller: str, request_id: str, seconds: float) -> Lease | StoredEntry:
        """A lease without waiting and without a fence: no other process can take it over."""
        del seconds
        return Lease(caller, request_id, fence="")

    def release(self, lease: Lease) -> None:
        """Do nothing: this process keeps no leases."""

    def forget(self, fence: str) -> None:
        """Do nothing: this process renews no leases."""

    async def aclose(self) -> None:
        """Nothing is open."""


class SharedLeases:
    """The `Leases` of processes that share a PostgreSQL store.

    A lease ends `seconds` after it was last renewed, or as soon as the server has lost its holder's
    connection. Whoever waits looks again after 20 ms, then ever later, up to every 250 ms; what
    many wait for is looked up together.
    """

    def __init__(self, database: Database, seconds: float = LEASE_SECONDS) -> None:
        self._database = database
        self._span = timedelta(seconds=seconds)
        self._claims: Batches[Lease, StoredEntry | bool] = Batches(
            self._claim_together, most=_MOST_TOGETHER
        )
        self._lookups: Batches[CallerRequest, StoredEntry | bool] = Batches(
            partial(_look_together, database), most=_MOST_TOGETHER
        )
        self._held: dict[str, tuple[Lease, float]] = {}
        self._background: set[asyncio.Task[None]] = set()
        # A third of the time, so that one lost renewal ends no lease.
        self._renewal = asyncio.create_task(self._keep(seconds / 3))

    async def claim(self, caller: str, request_id: str, seconds: float) -> Lease | StoredEntry:
        key = (caller, request_id)
        give_up = _now() + seconds
        pauses = _pauses()
        while True:
            lease = Lease(*key, fence=secrets.token_hex(8))
            answer = await self._ask(lease)
            if isinstance(answer, StoredEntry):
                return answer
            if answer:
                return lease
            stored = await self._follow(key, give_up, pauses)
            if stored is not None:
                return stored

    def release(self, lease: Lease) -> None:
        self.forget(lease.fence)
        giving = asyncio.create_task(self._give_back(lease))
        self._background.add(giving)
        giving.add_done_callback(self._background.discard)

    def forget(self, fence: str) -> None:
        self._held.pop(fence, None)

    async def aclose(self) -> None:
        self._renewal.cancel()
        for batches in (self._claims, self._lookups):
            await batches.aclose()
        await asyncio.gather(self._renewal, *self._background, return_exceptions=True)

    async def _ask(self, lease: Lease) -> StoredEntry | bool:
        """Claim; a lease granted to a caller that has left is released."""
        asking = asyncio.ensure_future(self._claims.submit(lease))
        try:
            return await asyncio.shield(asking)
        except HeldUp:
            # The holder is committing right now.
            return False
        except asyncio.CancelledError:
            # A lease that nobody uses would make others wait for its end.
            asking.add_done_callback(partial(self._unwanted, lease))
            raise

    def _unwanted(self, lease: Lease, asking: asyncio.Future[StoredEntry | bool]) -> None:
        if not asking.cancelled() and asking.exception() is None and asking.result() is True:
            self.release(lease)

    async def _follow(
        self, key: CallerRequest, give_up: float, pauses: Iterator[float]
    ) -> StoredEntry | None:
        while (left := give_up - _now()) > 0:
            await asyncio.sleep(min(next(pauses), left))
            answer = await self._lookups.submit(key)
            if isinstance(answer, StoredEntry):
                return answer
            if not answer:
                return None
        raise RequestInProgress.still()

    async def _keep(self, period: float) -> None:
        while True:
            await asyncio.sleep(period)
            # A lease younger than a round has time enough until the next one.
            long_held = [x for x, since in self._held.values() if since <= _now() - period]
            with suppress(StoreUnavailable):
                await self._database.note(partial(self._renew_and_clear, leases=long_held))

    def _renew_and_clear(self, connection: sa.Connection, leases: Sequence[Lease]) -> None:
        if leases:
            connection.execute(_RENEW, _given(leases) | {"span": self._span})
        connection.execute(_CLEAR, {"span": _KEPT})

    async def _claim_together(
        self, wanted: Sequence[Lease]
    ) -> Sequence[StoredEntry | StoreError | bool]:
        work = partial(claim, wanted=wanted, span=self._span)
        answers = await self._database.note(work)
        now = _now()
        had = (lease for lease, a in zip(wanted, answers, strict=True) if a is True)
        self._held |= {lease.fence: (lease, now) for lease in had}
        return answers

    async def _give_back(self, lease: Lease) -> None:
        """Ignores a store error: a lease that is not given back expires."""
        with suppress(StoreUnavailable):
            await self._database.note(partial(spend, leases=[lease]))


async def _look_together(
    database: Database, keys: Sequence[CallerRequest]
) -> Sequence[StoredEntry | bool]:
    return await database.read(partial(_look, keys=keys))


def _look(connection: sa.Connection, keys: Sequence[CallerRequest]) -> Sequence[StoredEntry | bool]:
    """For each key its decision, or whether a living process holds its lease."""
    given = _given([Lease(*key, fence="") for key in keys])
    # In this order: a lease is gone only when its decision is there, so that to look for the
    # decision first could miss both.
    held = {(row.caller, row.request_id) for row in connection.execute(_HELD, given)}
    stored = decisions.by_keys(connection, keys)
    return [stored.get(key) or key in held for key in keys]


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _now() -> float:
    return asyncio.get_running_loop().time()


def report(connection: sa.Connection, mine: ProcessRules) -> Sequence[ProcessRules]:
    """Store this process's digest; the last digests of all living processes."""
    said = {"process": mine.process, "rules": mine.digest, "program": mine.program}
    connection.execute(_SAY, said)
    silent = {"silent": SILENT_SECONDS}
    connection.execute(_FORGET, silent)
    rows = connection.execute(_REPORTING, silent)
    return [ProcessRules(row.process, row.rules, row.program) for row in rows]


class Processes(Subject):
    async def report(self, mine: ProcessRules) -> Sequence[ProcessRules]:
        """Report this process's digest; the last ones of all processes on the store."""
        if not self._database.shared:
            return (mine,)
        return await self._database.note(partial(report, mine=mine))
