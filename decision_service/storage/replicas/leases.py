"""Leases: which of several processes decides a request."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection

from decision_service.domain.errors import RequestInProgress, StoreError, StoreUnavailable
from decision_service.pipeline.ports import Lease, StoredEntry
from decision_service.storage.commit.batches import Batches
from decision_service.storage.errors import HeldUp
from decision_service.storage.queries import decisions
from decision_service.storage.queries.decisions import CallerRequest
from decision_service.storage.replicas import lease_rows

if TYPE_CHECKING:
    from decision_service.storage.postgres.database import PostgresDatabase

T = TypeVar("T")

LEASE_SECONDS = 30.0
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.25
_MOST_TOGETHER = 128
_KEPT = timedelta(minutes=1)


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

    def __init__(self, database: PostgresDatabase, seconds: float = LEASE_SECONDS) -> None:
        self._database = database
        self._span = timedelta(seconds=seconds)
        self._claims: Batches[Lease, StoredEntry | bool] = Batches(
            self._claim_together, most=_MOST_TOGETHER
        )
        self._lookups = Batches(self._find_holders, most=_MOST_TOGETHER)
        self._releases = Batches(self._release_together, most=_MOST_TOGETHER)
        self._held: dict[str, tuple[Lease, float]] = {}
        self._background: set[asyncio.Future[None]] = set()
        self._renewal = asyncio.create_task(self._keep(seconds / 3))

    async def claim(self, caller: str, request_id: str, seconds: float) -> Lease | StoredEntry:
        """A lease of a request, or its decision; waits while another process decides."""
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
        """Release a lease in the background, with other releases."""
        self.forget(lease.fence)
        giving = asyncio.ensure_future(_ignoring_store_errors(self._releases.submit(lease)))
        self._background.add(giving)
        giving.add_done_callback(self._background.discard)

    def forget(self, fence: str) -> None:
        """Stop renewing a lease that has ended."""
        self._held.pop(fence, None)

    async def aclose(self) -> None:
        """Finish pending releases and stop renewing."""
        self._renewal.cancel()
        for batches in (self._claims, self._lookups):
            await batches.aclose()
        await asyncio.gather(self._renewal, *self._background, return_exceptions=True)
        await self._releases.aclose()

    async def _ask(self, lease: Lease) -> StoredEntry | bool:
        """Claim; a lease granted to a caller that has left is released."""
        asking = asyncio.ensure_future(self._claims.submit(lease))
        try:
            return await asyncio.shield(asking)
        except HeldUp:
            return False  # the holder is committing right now
        except asyncio.CancelledError:
            asking.add_done_callback(partial(self._unwanted, lease))
            raise

    def _unwanted(self, lease: Lease, asking: asyncio.Future[StoredEntry | bool]) -> None:
        if not asking.cancelled() and asking.exception() is None and asking.result() is True:
            self.release(lease)

    async def _follow(
        self, key: CallerRequest, give_up: float, pauses: Iterator[float]
    ) -> StoredEntry | None:
        """The decision of the request, or None when no process decides it any more."""
        while (left := give_up - _now()) > 0:
            await asyncio.sleep(min(next(pauses), left))
            answer = await self._lookups.submit(key)
            if isinstance(answer, StoredEntry):
                return answer
            if not answer:
                return None
        raise RequestInProgress.still()

    async def _keep(self, period: float) -> None:
        """Renew leases of long decisions, and remove those of dead processes."""
        while True:
            await asyncio.sleep(period)
            long_held = [x for x, since in self._held.values() if since <= _now() - period]
            with suppress(StoreUnavailable):
                await self._database.note(partial(self._renew_and_clear, leases=long_held))

    def _renew_and_clear(self, connection: Connection, leases: Sequence[Lease]) -> None:
        if leases:
            lease_rows.renew(connection, leases, self._span)
        lease_rows.clear(connection, _KEPT)

    async def _claim_together(
        self, wanted: Sequence[Lease]
    ) -> Sequence[StoredEntry | StoreError | bool]:
        work = partial(lease_rows.claim, wanted=wanted, span=self._span)
        answers = await self._database.note(work)
        now = _now()
        had = (lease for lease, a in zip(wanted, answers, strict=True) if a is True)
        self._held |= {lease.fence: (lease, now) for lease in had}
        return answers

    async def _find_holders(
        self, keys: Sequence[CallerRequest]
    ) -> Sequence[StoredEntry | StoreError | bool]:
        return await self._database.read(partial(_look, keys=keys))

    async def _release_together(self, leases: Sequence[Lease]) -> Sequence[None]:
        await self._database.note(partial(lease_rows.spend, leases=leases))
        return [None] * len(leases)


def _look(connection: Connection, keys: Sequence[CallerRequest]) -> Sequence[StoredEntry | bool]:
    """For each key its decision, or whether somebody decides it.

    In this order: a lease is gone only when its decision is there, so looking for the decision
    first could miss both.
    """
    held = lease_rows.held_leases(connection, keys)
    stored = decisions.by_keys(connection, keys)
    return [stored.get(key) or key in held for key in keys]


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 1.5, _LONGEST_PAUSE)


async def _ignoring_store_errors(work: Awaitable[T]) -> None:
    """Ignore a store error: a lease that is not released expires."""
    with suppress(StoreUnavailable):
        await work


def _now() -> float:
    return asyncio.get_running_loop().time()
