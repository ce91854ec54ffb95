"""A process of its own that holds a lease, and may be stopped or killed with it."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess

from msgspec import structs

from decision_service.domain.errors import LeaseLost
from decision_service.domain.ports import Lease
from decision_service.store.store import Store
from tests.kits.decision_entries import ENTRY

_SPAWNING = multiprocessing.get_context("forkserver")
_SPAWNING.set_forkserver_preload(["decision_service.store.store", "tests.kits.decision_entries"])


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
