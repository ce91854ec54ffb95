"""A backtest: decisions divided into ranges, each judged by a worker, and the sums merged."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, suppress
from datetime import datetime, timedelta
from functools import cache, partial
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import TypeAlias

import msgspec

from decision_service.author.backtest.case_files import CaseReader
from decision_service.author.backtest.judge import compare
from decision_service.author.backtest.replica import KeyRange, RecordedApplicant, StoreReader
from decision_service.author.backtest.rules import WHOLE, BacktestOrder, DecisionSource, rules_of
from decision_service.author.backtest.sums import BacktestSums
from decision_service.build import engine_version
from decision_service.domain.errors import Unfit
from decision_service.domain.ports import PagePosition
from decision_service.rollout.impact import LeftOut, NotCompared
from decision_service.rollout_running.compare import recorded_case, with_snapshot
from decision_service.rollout_running.pairs import side_of
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from decision_service.rulebook.rulebook import Rulebook

PAGE = 200
PARTITIONS = 64
"""Ranges of a run, whatever the number of workers: so many steps has its progress."""

_MICROSECOND = timedelta(microseconds=1)
_LOW_PRIORITY = 10
_POOLS = 5
"""How often a pool is begun anew whose worker was killed."""


class WorkersKilled(Unfit):
    """Workers were killed again and again."""


class ClusterUnfit(Unfit):
    """A cluster cannot be reached, or its machines cannot judge as this one does."""


JudgedRanges: TypeAlias = Generator[tuple[KeyRange, bytes], None, None]
"""Ranges with their encoded sums as they are done, in any order; each range once."""

MapPartitions: TypeAlias = Callable[[BacktestOrder, Sequence[KeyRange], int | None], JudgedRanges]
"""Has the ranges of an order judged by so many workers at a time, those of its own for None.

Raises what a worker raises, WorkersKilled and ClusterUnfit.
"""

OnProgress = Callable[[int, int, int], None]
"""Called with the ranges that are done, all of them, and the decisions that were looked at."""


def divided(first: datetime, last: datetime, parts: int = PARTITIONS) -> Sequence[KeyRange]:
    whole = (last - first) // _MICROSECOND + 1
    count = min(parts, whole)
    edges = [first + _MICROSECOND * (whole * number // count) for number in range(count + 1)]
    return [KeyRange(since, before) for since, before in pairwise(edges)]


def summed(
    map_partitions: MapPartitions,
    order: BacktestOrder,
    ranges: Sequence[KeyRange],
    jobs: int | None,
    on_progress: OnProgress,
) -> BacktestSums:
    sums = BacktestSums()
    with closing(map_partitions(order, ranges, jobs)) as parts:
        for done, (_, part) in enumerate(parts, 1):
            sums.merge(msgspec.json.decode(part, type=BacktestSums))
            on_progress(done, len(ranges), sums.decisions)
    return sums


async def opened(source: DecisionSource, product: str) -> CaseReader | StoreReader:
    """A reader of the decisions; raises StoreError."""
    if source.cases:
        return CaseReader(Path(source.cases), product, source.texts)
    keys = Path(source.data_keys) if source.data_keys else None
    return await StoreReader.open(source.store_url, keys)


def judged(order: bytes, chosen: KeyRange) -> bytes:
    """The encoded sums of a range; the process keeps its connection and its compiled rules."""
    return _worker(order).judged(chosen)


@cache
def _worker(order: bytes) -> _Worker:
    return _Worker(msgspec.json.decode(order, type=BacktestOrder))


class _Worker:
    def __init__(self, order: BacktestOrder) -> None:
        if order.engine_version != engine_version():
            raise ClusterUnfit(
                f"a worker runs version {engine_version()} and this program is "
                f"{order.engine_version}: install the same version there"
            )
        self._order = order
        self._runner = asyncio.Runner()
        self._log = self._runner.run(opened(order.source, order.product))
        self._archive = RulesetArchive(self._log, Rulebook, CompilationThread())
        self._rules = rules_of(order)

    def judged(self, chosen: KeyRange) -> bytes:
        return msgspec.json.encode(self._runner.run(self._sums(chosen)))

    async def _sums(self, chosen: KeyRange) -> BacktestSums:
        sums = BacktestSums()
        firsts = 0
        async for one in self._applicants(chosen):
            firsts += 1
            if self._is_drawn(one.entry.user_id, self._order.share):
                await self._add(one, sums)
        counts = await self._log.counts(self._order.product, chosen)
        sums.decisions = counts.decided
        sums.not_enrolled = counts.not_enrolled
        sums.repeats = counts.decided - firsts
        return sums

    async def _applicants(self, chosen: KeyRange) -> AsyncIterator[RecordedApplicant]:
        product = self._order.product
        window = self._order.window or chosen.since
        after: PagePosition | None = None
        while True:
            page = await self._log.applicants(product, chosen, window, after, PAGE)
            for one in page:
                yield one
            if len(page) < PAGE:
                return
            last = page[-1].entry
            after = PagePosition(last.created, last.decision_id)

    def _is_drawn(self, user_id: str, share: int) -> bool:
        if share >= WHOLE:
            return True
        digest = hashlib.sha256(f"{self._order.seed}:{user_id}".encode()).digest()
        return int.from_bytes(digest[:4]) < share

    async def _add(self, one: RecordedApplicant, sums: BacktestSums) -> None:
        entry = one.entry
        case = await recorded_case(entry, self._archive, self._order.known)
        if isinstance(case, LeftOut):
            sums.leave_out(case, entry.outcome)
            return
        exactly = side_of(case.decision.verdict) == self._log.side(entry.reply)
        sums.reproduce(entry.decision_id, exactly=exactly)
        dated = self._is_drawn(entry.user_id, self._order.dated_share)
        judge = partial(compare, rules=self._rules, loan=one.loan, dated=dated)
        found = judge(case)
        if isinstance(found, NotCompared) and found.why is LeftOut.ERASED:
            if entry.snapshot_id is not None:
                body = await self._log.snapshot(entry.user_id, entry.snapshot_id)
                case = with_snapshot(case, body)
            found = judge(case)
        if isinstance(found, NotCompared):
            sums.leave_out(found.why, entry.outcome, found.lacking)
        else:
            sums.count(found)


def in_processes(
    order: BacktestOrder, ranges: Sequence[KeyRange], jobs: int | None
) -> JudgedRanges:
    """Spawned processes of low priority, which end with this one; a killed one is replaced."""
    encoded = msgspec.json.encode(order)
    left = dict.fromkeys(ranges)
    for _ in range(_POOLS):
        with suppress(BrokenProcessPool):
            for done, sums in _pool(encoded, tuple(left), jobs or 2):
                del left[done]
                yield done, sums
        if not left:
            return
    raise WorkersKilled(
        f"workers of the backtest were killed {_POOLS} times: free memory, or let it have fewer"
    )


def _pool(order: bytes, ranges: Sequence[KeyRange], jobs: int) -> Iterator[tuple[KeyRange, bytes]]:
    context = get_context("spawn")
    listening, alive = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(jobs, context, partial(_begin, listening))
    try:
        futures = {pool.submit(judged, order, one): one for one in ranges}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        raise
    except BaseException:
        alive.close()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin(listening: Connection) -> None:
    os.nice(_LOW_PRIORITY)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that began this one
    Thread(target=_end_with, args=(listening,), daemon=True).start()


def _end_with(listening: Connection) -> None:
    listening.poll(None)  # nothing is ever sent: it returns when no sender is left
    os._exit(1)
