"""What every `Leases` must do, and a process of its own that holds a lease and may be stopped."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from decision_service.domain.errors import ConsentMoved, LeaseLost, RequestInProgress
from decision_service.domain.ports import DecisionLog, Lease, Leases, StoredEntry
from decision_service.store.store import Store
from tests.kits.decision_log import ENTRY, SNAPSHOT, as_stored, numbered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerProcess

KEY = (ENTRY.caller, ENTRY.request_id)

LONG = 30.0


@dataclass(frozen=True, slots=True)
class Replica:
    """One process's view of a shared store."""

    log: DecisionLog
    leases: Leases


async def claimed(replica: Replica, request_id: str = ENTRY.request_id) -> Lease:
    """A lease that is had without waiting."""
    lease = await replica.leases.claim(ENTRY.caller, request_id, 0)
    assert isinstance(lease, Lease)
    return lease


class LeasesKit:
    """The suite; `replicas` are two processes on one empty store."""

    async def test_one_process_at_a_time_decides_a_request(
        self, replicas: tuple[Replica, Replica]
    ) -> None:
        """While one holds the lease, neither the other nor itself gets another one."""
        one, two = replicas
        await claimed(one)
        for replica in (two, one):
            with pytest.raises(RequestInProgress) as refused:
                await replica.leases.claim(*KEY, 0)
            assert refused.value.retry_after

    async def test_requests_do_not_hinder_each_other(
        self, replicas: tuple[Replica, Replica]
    ) -> None:
        """Other ids, and the same id of another caller, are free."""
        one, two = replicas
        await claimed(one)
        await claimed(two, "another")
        assert isinstance(await two.leases.claim("branch", ENTRY.request_id, 0), Lease)

    async def test_of_many_at_once_one_gets_the_lease(
        self, replicas: tuple[Replica, Replica]
    ) -> None:
        """Fifty claims of one request over both processes: one lease, everybody else is told."""
        claims = [replicas[n % 2].leases.claim(*KEY, 0) for n in range(50)]
        done = await asyncio.gather(*claims, return_exceptions=True)
        assert sorted(type(one).__name__ for one in done) == ["Lease"] + ["RequestInProgress"] * 49

    async def test_who_waits_gets_the_decision(self, replicas: tuple[Replica, Replica]) -> None:
        """A claim that waits returns what the holder stored, as it stored it."""
        one, two = replicas
        lease = await claimed(one)
        waiting = asyncio.create_task(two.leases.claim(*KEY, LONG))
        await asyncio.sleep(0)
        await one.log.commit(structs.replace(ENTRY, fence=lease.fence))
        assert await waiting == as_stored(ENTRY)

    async def test_a_stored_decision_is_given_instead_of_a_lease(
        self, replicas: tuple[Replica, Replica]
    ) -> None:
        """Who claims after the commit gets the decision, and leaves no lease behind."""
        one, two = replicas
        await one.log.commit(structs.replace(ENTRY, fence=(await claimed(one)).fence))
        for _ in range(2):
            assert await two.leases.claim(*KEY, 0) == as_stored(ENTRY)

    async def test_who_waits_takes_over_what_is_given_back(
        self, replicas: tuple[Replica, Replica]
    ) -> None:
        """A released lease goes to the one that waits, and the former holder is fenced off."""
        one, two = replicas
        former = await claimed(one)
        waiting = asyncio.create_task(two.leases.claim(*KEY, LONG))
        await asyncio.sleep(0)
        one.leases.release(former)
        lease = await waiting
        assert isinstance(lease, Lease)
        with pytest.raises(LeaseLost):
            await one.log.commit(structs.replace(ENTRY, fence=former.fence))
        stored = await two.log.commit(numbered(2, request_id=ENTRY.request_id, fence=lease.fence))
        assert stored.decision_id == numbered(2).decision_id

    async def test_a_fenced_commit_stores_nothing_and_gives_the_stored_one(
        self, replicas: tuple[Replica, Replica]
    ) -> None:
        """Before the successor's commit it is refused; after it, it gets the successor's entry."""
        one, two = replicas
        former = await claimed(one)
        one.leases.release(former)
        lease = await two.leases.claim(*KEY, LONG)
        assert isinstance(lease, Lease)
        late = numbered(9, request_id=ENTRY.request_id, fence=former.fence)
        with pytest.raises(LeaseLost):
            await one.log.commit(late)
        assert (await one.log.look_up(*KEY)).entry is None
        winner = await two.log.commit(structs.replace(ENTRY, fence=lease.fence))
        assert await one.log.commit(late) == winner
        assert await one.log.get(late.decision_id) is None

    async def test_a_fenced_commit_spoils_nothing_beside_it(
        self, replicas: tuple[Replica, Replica]
    ) -> None:
        """Commits that go together with a fenced one are stored."""
        one, _ = replicas
        lost = numbered(1, fence="not-held")
        held = numbered(2, fence=(await claimed(one, "request-2")).fence)
        free = numbered(3)
        commits = [one.log.commit(entry) for entry in (lost, held, free)]
        done = await asyncio.gather(*commits, return_exceptions=True)
        assert isinstance(done[0], LeaseLost)
        assert done[1:] == [as_stored(held), as_stored(free)]

    async def test_a_commit_that_a_withdrawal_stopped_keeps_its_lease(
        self, replicas: tuple[Replica, Replica]
    ) -> None:
        """What is decided again without the data is stored under the same lease."""
        one, _ = replicas
        entry = structs.replace(ENTRY, fence=(await claimed(one)).fence, snapshot=SNAPSHOT)
        with pytest.raises(ConsentMoved):
            await one.log.commit(structs.replace(entry, consent=7))
        assert (await one.log.commit(entry)).decision_id == entry.decision_id

    async def test_releasing_what_is_not_held_changes_nothing(
        self, replicas: tuple[Replica, Replica]
    ) -> None:
        """A former holder that releases late does not take the lease from its successor."""
        one, two = replicas
        former = await claimed(one)
        one.leases.release(former)
        lease = await two.leases.claim(*KEY, LONG)
        one.leases.release(former)
        assert isinstance(lease, Lease)
        stored = await two.log.commit(structs.replace(ENTRY, fence=lease.fence))
        assert isinstance(stored, StoredEntry)


_SPAWNING = multiprocessing.get_context("forkserver")

_SPAWNING.set_forkserver_preload(["decision_service.store.store", "tests.kits.decision_log"])


class HoldingProcess:
    """Holds the lease of ENTRY's request from the start on."""

    def __init__(self, process: ForkServerProcess, talk: Connection) -> None:
        self._process = process
        self._talk = talk

    def commit(self) -> str:
        """Have it commit ENTRY under its lease; the id that it was told, or `lost`."""
        self._talk.send("commit")
        told: str = self._talk.recv()
        return told

    def stop(self) -> None:
        """Let it hang."""
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on where it hung."""
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.join()


@contextmanager
def holding(url: str, lease: float) -> Iterator[HoldingProcess]:
    """Start a process that has claimed ENTRY's request for `lease` seconds at a time."""
    ours, theirs = _SPAWNING.Pipe()
    process = _SPAWNING.Process(target=_hold, args=(url, lease, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        assert ours.recv() == "held"
        yield HoldingProcess(process, ours)
    finally:
        process.kill()
        process.join()
        ours.close()


def _hold(url: str, lease: float, talk: Connection) -> None:
    asyncio.run(_hold_and_commit(url, lease, talk))


async def _hold_and_commit(url: str, seconds: float, talk: Connection) -> None:
    store = await Store.open(url, lease=seconds)
    lease = await store.leases.claim(ENTRY.caller, ENTRY.request_id, 0)
    assert isinstance(lease, Lease)
    talk.send("held")
    while await asyncio.to_thread(talk.recv):
        try:
            stored = await store.commit(structs.replace(ENTRY, fence=lease.fence))
        except LeaseLost:
            talk.send("lost")
        else:
            talk.send(stored.decision_id)
