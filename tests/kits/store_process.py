"""A process of its own that commits to a store until it is killed."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess

from msgspec.structs import replace

from decision_service.domain.ports import DecisionEntry
from decision_service.store.errors import StoreRefused
from decision_service.store.store import Store
from tests.kits.decision_entries import numbered
from tests.kits.review_log import referred

COMMITTERS = 16
_SPAWNING = multiprocessing.get_context("forkserver")
_SPAWNING.set_forkserver_preload(["decision_service.store.store", "tests.kits.decision_log"])


class CommittingProcess:
    """Tells the number of every decision only after its commit was acknowledged."""

    def __init__(self, process: ForkServerProcess, told: Connection) -> None:
        self._process = process
        self._told = told

    def acknowledged(self, count: int) -> list[int]:
        """The next `count` numbers; fewer where the process ended."""
        numbers: list[int] = []
        while len(numbers) < count:
            try:
                numbers.append(self._told.recv())
            except EOFError:
                break
        return numbers

    def kill(self) -> list[int]:
        """End it at once, and return what it had told by then."""
        self._process.kill()
        self._process.join()
        assert self._process.exitcode == -signal.SIGKILL
        return self.acknowledged(1 << 30)


def committed(number: int) -> DecisionEntry:
    """A decision of the process; every other one is a referral, with its review."""
    made = numbered(number) if number % 2 else referred(number, history=None)
    return replace(made, reply=b"%d" % number)


@contextmanager
def committing(url: str, first: int) -> Iterator[CommittingProcess]:
    """Start a process that commits the decisions `first`, `first` + 1 and so on."""
    told, tell = _SPAWNING.Pipe(duplex=False)
    process = _SPAWNING.Process(target=_commit_for_ever, args=(url, first, tell), daemon=True)
    process.start()
    tell.close()
    try:
        yield CommittingProcess(process, told)
    finally:
        process.kill()
        process.join()
        told.close()


def refusal(url: str) -> str:
    """What a second process is told that opens the store; empty where it may."""
    told, tell = _SPAWNING.Pipe(duplex=False)
    process = _SPAWNING.Process(target=_try_to_open, args=(url, tell), daemon=True)
    process.start()
    tell.close()
    with told:
        sentence: str = told.recv()
    process.join()
    return sentence


def _commit_for_ever(url: str, first: int, tell: Connection) -> None:
    asyncio.run(_committers(url, first, tell))


async def _committers(url: str, first: int, tell: Connection) -> None:
    store = await Store.open(url)

    async def commit_every(start: int) -> None:
        number = start
        while True:
            await store.commit(committed(number))
            tell.send(number)
            number += COMMITTERS

    await asyncio.gather(*(commit_every(first + n) for n in range(COMMITTERS)))


def _try_to_open(url: str, tell: Connection) -> None:
    async def attempt() -> str:
        try:
            store = await Store.open(url)
        except StoreRefused as refused:
            return refused.message
        await store.aclose()
        return ""

    tell.send(asyncio.run(attempt()))
