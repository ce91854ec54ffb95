"""Ranges of a backtest judged by processes of this machine."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Thread

import msgspec

from decision_service.pipeline.backtest.ports import JudgedRanges, KeyRange, WorkersKilled
from decision_service.wiring.backtest.worker import WorkerOrder, judged

_LOW_PRIORITY = 10
_POOLS = 5
"""How often a pool is begun anew whose worker was killed."""


class ProcessPartitions:
    """Ranges judged by spawned processes of low priority; one that is killed is replaced.

    The processes end with this one, however it ends.
    """

    def __init__(self, order: WorkerOrder, jobs: int) -> None:
        self._order = msgspec.json.encode(order)
        self._jobs = jobs
        self._context = get_context("spawn")
        self._listening, self._alive = self._context.Pipe(duplex=False)

    def map_partitions(self, ranges: Sequence[KeyRange]) -> JudgedRanges:
        """Each range with its sums as it is done; raises WorkersKilled and what a worker raises."""
        left = dict.fromkeys(ranges)
        for _ in range(_POOLS):
            with suppress(BrokenProcessPool):
                for done, sums in self._pool(tuple(left)):
                    del left[done]
                    yield done, sums
            if not left:
                return
        raise WorkersKilled(
            f"workers of the backtest were killed {_POOLS} times: free memory, or let it have fewer"
        )

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
            self._alive.close()
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
