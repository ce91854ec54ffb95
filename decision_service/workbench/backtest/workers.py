"""Who judges the ranges of a backtest: a worker with its order, or processes of this machine."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator, Sequence
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

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.build import engine_version
from decision_service.domain.decision import Outcome, ReferKind
from decision_service.rollout.impact import Side
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from decision_service.rulebook.rulebook import Rulebook
from decision_service.server.wire import enum_name, money_from_message
from decision_service.workbench.backtest.case_files import (
    CaseOrder,
    CaseReader,
    recorded_conclusion,
)
from decision_service.workbench.backtest.replica import StoreReader
from decision_service.workbench.backtest.rules import BacktestOrder, rules_of
from decision_service.workbench.backtest.run import (
    AnswerReader,
    BacktestLog,
    ClusterUnfit,
    JudgedRanges,
    KeyRange,
    RangeJudge,
    WorkersKilled,
)

_REDUCED = pb.OFFER_KIND_REDUCED


def recorded_side(reply: bytes) -> Side:
    decision = service_pb.CreateDecisionResponse.FromString(reply).decision
    outcome = Outcome(enum_name(pb.Outcome.DESCRIPTOR, decision.outcome))
    kind, amount, instalment = decision.refer_kind, None, None
    if outcome is Outcome.APPROVE and decision.HasField("offer"):
        amount = money_from_message(decision.offer.approved_amount).minor
        instalment = _instalment(decision.offer)
    return Side(
        outcome,
        ReferKind(enum_name(pb.ReferKind.DESCRIPTOR, kind)) if kind else None,
        amount,
        instalment,
        amount is not None and decision.offer.kind == _REDUCED,
        tuple(reason.code for reason in decision.reasons),
    )


def _instalment(offer: pb.Offer) -> int | None:
    if "instalment" not in offer.outputs:
        return None
    line = offer.outputs["instalment"]
    return money_from_message(line.money).minor if line.HasField("money") else None


class WorkerOrder(msgspec.Struct, frozen=True):
    """What a worker needs to know: the store, the rules, and when the window begins.

    `engine_version` is that of the program which asks. `data_keys` is the file of data keys, empty
    where there is none. `cases` are read in place of the store.
    """

    engine_version: str
    store_url: str
    window: datetime
    order: BacktestOrder
    data_keys: str = ""
    cases: CaseOrder | None = None


def judged(order: bytes, chosen: KeyRange) -> bytes:
    """The encoded sums of a range; the process keeps its connection and its compiled rules."""
    return _worker(order).judged(chosen)


class _Worker:
    def __init__(self, asked: WorkerOrder) -> None:
        if asked.engine_version != engine_version():
            raise ClusterUnfit(
                f"a worker runs version {engine_version()} and this program is "
                f"{asked.engine_version}: install the same version there"
            )
        self._window = asked.window
        self._runner = asyncio.Runner()
        log, answer = self._runner.run(_opened(asked))
        archive = RulesetArchive(log, Rulebook, CompilationThread())
        self._judge = RangeJudge(log, archive, answer, asked.order, rules_of(asked.order))

    def judged(self, chosen: KeyRange) -> bytes:
        return msgspec.json.encode(self._runner.run(self._judge(chosen, self._window)))


@cache
def _worker(order: bytes) -> _Worker:
    return _Worker(msgspec.json.decode(order, type=WorkerOrder))


async def _opened(asked: WorkerOrder) -> tuple[BacktestLog, AnswerReader]:
    if asked.cases is not None:
        return CaseReader(asked.cases), recorded_conclusion
    keys = Path(asked.data_keys) if asked.data_keys else None
    return await StoreReader.open(asked.store_url, keys), recorded_side


_LOW_PRIORITY = 10
_POOLS = 5
"""How often a pool is begun anew whose worker was killed."""


class ProcessPartitions:
    """Spawned processes of low priority, which end with this one; a killed one is replaced."""

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
    os.nice(_LOW_PRIORITY)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that began this one
    Thread(target=_end_with, args=(listening,), daemon=True).start()


def _end_with(listening: Connection) -> None:
    listening.poll(None)  # nothing is ever sent: it returns when nobody is left to send
    os._exit(1)
