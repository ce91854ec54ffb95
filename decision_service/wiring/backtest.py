"""The worker of a backtest, and the pool of processes that runs it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from datetime import datetime
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import msgspec

from decision_service.edge.rpc.mapping.answer import recorded_side
from decision_service.pipeline.backtest.ports import KeyRange
from decision_service.pipeline.backtest.range import RangeJudge
from decision_service.pipeline.backtest.rules import BacktestOrder, rules_of
from decision_service.pipeline.rules.archive import RulesetArchive
from decision_service.pipeline.rules.compilation import CompilationThread
from decision_service.pipeline.rules.rulebook import Rulebook
from decision_service.storage.reader import StoreReader

_LOW_PRIORITY = 10
_POOLS = 5
"""How often a pool is begun anew whose worker was killed."""


class WorkersKilled(RuntimeError):
    """Workers were killed again and again."""


class WorkerOrder(msgspec.Struct, frozen=True):
    """What a worker needs to know: the store, the rules, and when the window begins.

    `data_keys` is the file of data keys, empty where there is none.
    """

    store_url: str
    window: datetime
    order: BacktestOrder
    data_keys: str = ""


class ProcessPartitions:
    """Ranges judged by spawned processes of low priority; one that is killed is replaced."""

    def __init__(self, order: WorkerOrder, jobs: int) -> None:
        self._order = msgspec.json.encode(order)
        self._jobs = jobs

    def __call__(self, ranges: Sequence[KeyRange]) -> Iterator[bytes]:
        """Each range's sums as they are done; raises what a worker raises, and WorkersKilled."""
        left = dict.fromkeys(ranges)
        for _ in range(_POOLS):
            with suppress(BrokenProcessPool):
                for done, sums in self._pool(tuple(left)):
                    del left[done]
                    yield sums
            if not left:
                return
        raise WorkersKilled(
            f"workers of the backtest were killed {_POOLS} times: free memory, or use fewer --jobs"
        )

    def _pool(self, ranges: Sequence[KeyRange]) -> Iterator[tuple[KeyRange, bytes]]:
        pool = ProcessPoolExecutor(self._jobs, get_context("spawn"), os.nice, (_LOW_PRIORITY,))
        try:
            futures = {pool.submit(judged, self._order, one): one for one in ranges}
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


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
        keys = Path(told.data_keys) if told.data_keys else None
        self._reader = self._runner.run(StoreReader.open(told.store_url, keys))
        archive = RulesetArchive(self._reader, Rulebook, CompilationThread())
        self._judge = RangeJudge(self._reader, archive, recorded_side, order, rules_of(order))

    def judged(self, chosen: KeyRange) -> bytes:
        """The encoded sums of a range."""
        return msgspec.json.encode(self._runner.run(self._judge(chosen, self._window)))
