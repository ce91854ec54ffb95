"""The worker of a backtest, and the pool of processes that runs it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from datetime import datetime
from functools import cache, partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread

import msgspec

from decision_service.edge.rpc.mapping.answer import recorded_side
from decision_service.pipeline.backtest.ports import (
    AnswerReader,
    BacktestLog,
    KeyRange,
    WorkersKilled,
)
from decision_service.pipeline.backtest.question import DecidedWindow
from decision_service.pipeline.backtest.range import RangeJudge
from decision_service.pipeline.backtest.rules import BacktestOrder, rules_of
from decision_service.pipeline.rules.archive import RulesetArchive
from decision_service.pipeline.rules.compilation import CompilationThread
from decision_service.pipeline.rules.rulebook import Rulebook
from decision_service.storage.cases.loans import KnownLoans, LoansBeside
from decision_service.storage.cases.reader import CaseOrder, CaseReader
from decision_service.storage.cases.record import recorded_conclusion
from decision_service.storage.reader import StoreReader

_LOW_PRIORITY = 10
_POOLS = 5
"""How often a pool is begun anew whose worker was killed."""


class WorkerOrder(msgspec.Struct, frozen=True):
    """What a worker needs to know: the store, the rules, and when the window begins.

    `data_keys` is the file of data keys, empty where there is none. `cases` are read in place of
    the store; `loans` is a file of known loans, empty where there is none.
    """

    store_url: str
    window: datetime
    order: BacktestOrder
    data_keys: str = ""
    cases: CaseOrder | None = None
    loans: str = ""


class ProcessPartitions:
    """Ranges judged by spawned processes of low priority; one that is killed is replaced.

    The processes end with this one, however it ends.
    """

    def __init__(self, order: WorkerOrder, jobs: int) -> None:
        self._order = msgspec.json.encode(order)
        self._jobs = jobs
        self._context = get_context("spawn")
        self._listening, self._alive = self._context.Pipe(duplex=False)
        self._stopped = False

    def __call__(self, ranges: Sequence[KeyRange]) -> Iterator[bytes]:
        """Each range's sums as they are done; raises what a worker raises, and WorkersKilled."""
        return (sums for _, sums in self.parts(ranges))

    def parts(self, ranges: Sequence[KeyRange]) -> Generator[tuple[KeyRange, bytes], None, None]:
        """Each range with its sums as it is done; raises as a call does. Ends when stopped."""
        left = dict.fromkeys(ranges)
        for _ in range(_POOLS):
            with suppress(BrokenProcessPool):
                for done, sums in self._pool(tuple(left)):
                    del left[done]
                    yield done, sums
            if not left or self._stopped:
                return
        raise WorkersKilled(
            f"workers of the backtest were killed {_POOLS} times: free memory, or let it have fewer"
        )

    def stop(self) -> None:
        """End the processes at once; from any thread, any number of times."""
        self._stopped = True
        self._alive.close()

    def _pool(self, ranges: Sequence[KeyRange]) -> Iterator[tuple[KeyRange, bytes]]:
        begin = partial(_begin, self._listening)
        pool = ProcessPoolExecutor(self._jobs, self._context, begin)
        try:
            futures = {pool.submit(judged, self._order, one): one for one in ranges}
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool:
            raise
        except BaseException:
            self.stop()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _begin(listening: Connection) -> None:
    """Take a low priority, and end when the other end of the pipe does."""
    os.nice(_LOW_PRIORITY)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that began this one
    Thread(target=_end_with, args=(listening,), daemon=True).start()


def _end_with(listening: Connection) -> None:
    listening.poll(None)  # nothing is ever sent: it returns when nobody is left to send
    os._exit(1)


async def look(
    store_url: str, data_keys: str, product: str, window: KeyRange
) -> DecidedWindow | None:
    """The decisions of a window, None where there are none; raises StoreError."""
    reader = await StoreReader.open(store_url, Path(data_keys) if data_keys else None)
    try:
        edges = await reader.edges(product, window)
        counts = await reader.counts(product, window)
    finally:
        await reader.aclose()
    return None if edges is None or not counts.decided else DecidedWindow(*edges, counts.decided)


def judged(order: bytes, chosen: KeyRange) -> bytes:
    """The encoded sums of a range; the process keeps its connection and its compiled rules."""
    return _worker(order).judged(chosen)


@cache
def _worker(order: bytes) -> _Worker:
    return _Worker(msgspec.json.decode(order, type=WorkerOrder))


class _Worker:
    """One process's store, rules and event loop."""

    def __init__(self, told: WorkerOrder) -> None:
        order = told.order
        self._window = told.window
        self._runner = asyncio.Runner()
        log, answer = self._runner.run(_opened(told))
        archive = RulesetArchive(log, Rulebook, CompilationThread())
        self._judge = RangeJudge(log, archive, answer, order, rules_of(order))

    def judged(self, chosen: KeyRange) -> bytes:
        """The encoded sums of a range."""
        return msgspec.json.encode(self._runner.run(self._judge(chosen, self._window)))


async def _opened(told: WorkerOrder) -> tuple[BacktestLog, AnswerReader]:
    """What a worker reads decisions from, with the reader of its replies."""
    log: BacktestLog
    if told.cases is not None:
        log, answer = CaseReader(told.cases), recorded_conclusion
    else:
        keys = Path(told.data_keys) if told.data_keys else None
        log, answer = await StoreReader.open(told.store_url, keys), recorded_side
    return (LoansBeside(log, KnownLoans(told.loans)) if told.loans else log), answer
