"""Backtests of the service: who starts them, and who carries them out."""

from __future__ import annotations

import uuid
from contextlib import AsyncExitStack
from functools import partial

from decision_service.build import engine_version
from decision_service.clock_ids import Ids
from decision_service.pipeline.backtest.runs.model import BacktestPlan
from decision_service.pipeline.backtest.runs.operate import BacktestDeps, OperateBacktests
from decision_service.pipeline.backtest.runs.resolve import ResolveRules
from decision_service.pipeline.backtest.runs.runner import BacktestRunner
from decision_service.supervision import Supervisor
from decision_service.wiring.backtest.processes import ProcessPartitions
from decision_service.wiring.backtest.worker import WorkerOrder, look
from decision_service.wiring.core import Core
from decision_service.wiring.keys import keys_to_read_with


class BacktestWiring:
    """The runner of this process, where it may have workers."""

    def __init__(self, core: Core, stack: AsyncExitStack) -> None:
        self._core = core
        settings = core.settings
        self._keys = str(keys_to_read_with(settings, settings.store_url) or "")
        self._runner = BacktestRunner(
            core.store.backtests,
            self._partitions,
            core.clock,
            uuid.uuid4().hex,
            engine_version(),
            settings.lease,
            core.metrics.backtest_ended,
        )
        stack.push_async_callback(self._runner.aclose)

    def start(self, supervisor: Supervisor) -> None:
        """Carry out what is asked for, and what an earlier process left."""
        if self._core.settings.backtest_jobs:
            supervisor.supervise("backtests", self._runner.run)

    def operate(self, compare: ResolveRules) -> OperateBacktests:
        """The use cases of the service."""
        core = self._core
        deps = BacktestDeps(
            core.store.backtests,
            core.clock,
            Ids().backtest_id,
            compare,
            partial(look, core.settings.store_url, self._keys),
            self._runner.wake,
            core.settings.backtest_jobs,
            engine_version(),
            core.metrics.backtest_ended,
        )
        return OperateBacktests(deps)

    def _partitions(self, plan: BacktestPlan) -> ProcessPartitions:
        settings = self._core.settings
        url, version = settings.store_url, plan.subject.engine_version
        order = WorkerOrder(version, url, plan.first, plan.order, self._keys)
        return ProcessPartitions(order, settings.backtest_jobs)
