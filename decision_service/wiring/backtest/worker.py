"""The worker of a backtest: its order, and the sums of a range."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import cache
from pathlib import Path

import msgspec

from decision_service.build import engine_version
from decision_service.edge.rpc.mapping.decisions.answer import recorded_side
from decision_service.pipeline.backtest.ports import (
    AnswerReader,
    BacktestLog,
    ClusterUnfit,
    KeyRange,
)
from decision_service.pipeline.backtest.range import RangeJudge
from decision_service.pipeline.backtest.rules import BacktestOrder, rules_of
from decision_service.pipeline.rules.archive import RulesetArchive
from decision_service.pipeline.rules.compilation import CompilationThread
from decision_service.pipeline.rules.rulebook import Rulebook
from decision_service.storage.cases.reader import CaseOrder, CaseReader
from decision_service.storage.cases.record import recorded_conclusion
from decision_service.storage.reader import StoreReader


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


@cache
def _worker(order: bytes) -> _Worker:
    return _Worker(msgspec.json.decode(order, type=WorkerOrder))


class _Worker:
    def __init__(self, told: WorkerOrder) -> None:
        _require_version(told.engine_version)
        order = told.order
        self._window = told.window
        self._runner = asyncio.Runner()
        log, answer = self._runner.run(_opened(told))
        archive = RulesetArchive(log, Rulebook, CompilationThread())
        self._judge = RangeJudge(log, archive, answer, order, rules_of(order))

    def judged(self, chosen: KeyRange) -> bytes:
        return msgspec.json.encode(self._runner.run(self._judge(chosen, self._window)))


def _require_version(asked: str) -> None:
    """Sums of two versions are not added up; raises ClusterUnfit."""
    if asked != engine_version():
        raise ClusterUnfit(
            f"a worker runs version {engine_version()} and this program is {asked}: install the "
            "same version there"
        )


async def _opened(told: WorkerOrder) -> tuple[BacktestLog, AnswerReader]:
    """What a worker reads decisions from, with the reader of its replies."""
    if told.cases is not None:
        return CaseReader(told.cases), recorded_conclusion
    keys = Path(told.data_keys) if told.data_keys else None
    return await StoreReader.open(told.store_url, keys), recorded_side
