"""Starting, reading and cancelling runs of the service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime

import msgspec

from decision_service.domain.errors import (
    BacktestRefused,
    BacktestRunning,
    BacktestUnknown,
    FieldInvalid,
    FieldProblem,
)
from decision_service.impact.figures import ReportSubject
from decision_service.pipeline.backtest.cells import DimensionUnknown, require_dimensions
from decision_service.pipeline.backtest.compared import ComparedRules
from decision_service.pipeline.backtest.margins import margin_points
from decision_service.pipeline.backtest.ports import KeyRange
from decision_service.pipeline.backtest.question import (
    FIRST_DAY,
    DecidedWindow,
    changes_nothing,
    dated_figures,
    draw,
    subject_of,
    window_of,
)
from decision_service.pipeline.backtest.rules import BacktestOrder
from decision_service.pipeline.backtest.run import divided
from decision_service.pipeline.backtest.runs.model import (
    BacktestPlan,
    BacktestRun,
    BacktestRuns,
    RunEnd,
    RunState,
)
from decision_service.pipeline.ports import Clock


class BacktestQuestion(msgspec.Struct, frozen=True):
    """What a caller asks: the champion beside a version, 0 for itself, or beside a sent text.

    Days are in the ruleset's time zone, open where None; `sample` is about so many applicants, all
    for None.
    """

    product: str
    version: int = 0
    source: str = ""
    figures: Mapping[str, str] = {}
    points: tuple[Mapping[str, str], ...] = ()
    first: date | None = None
    last: date | None = None
    params_as_of: date | None = None
    by: tuple[str, ...] = ()
    sample: int | None = None
    seed: int = 0


class BacktestDeps(msgspec.Struct, frozen=True):
    """What runs are started with.

    `compare` finds both sets of rules; `look` reads a window, None where no decision is in it.
    `wake` has this process look for a run at once; `workers` is how many processes it may have.
    `on_end` is told the state of a run that is cancelled here.
    """

    runs: BacktestRuns
    clock: Clock
    new_id: Callable[[datetime], str]
    compare: Callable[[BacktestQuestion], Awaitable[ComparedRules]]
    look: Callable[[str, KeyRange], Awaitable[DecidedWindow | None]]
    wake: Callable[[], None]
    workers: int
    engine_version: str
    on_end: Callable[[RunState], None]


class OperateBacktests:
    """Starts, shows and cancels runs; one at a time over all processes on the store."""

    def __init__(self, deps: BacktestDeps) -> None:
        self._deps = deps
        self._runs = deps.runs

    async def start(self, question: BacktestQuestion, who: str) -> BacktestRun:
        """The new run, which is stored.

        Raises BacktestRunning while one is unfinished, BacktestRefused where there is nothing to
        judge or nobody to do it, FieldInvalid, ProductUnknown, RulesetUnknown, StoreUnavailable.
        """
        if not self._deps.workers:
            raise BacktestRefused(
                "this process runs no backtests: set DECISION_BACKTEST_JOBS to 1 or more"
            )
        await self._require_none()
        compared = await self._deps.compare(question)
        plan = await self._plan(question, compared)
        now = self._deps.clock.now()
        run = BacktestRun(
            self._deps.new_id(now),
            question.product,
            _title(plan.subject),
            who,
            RunState.QUEUED,
            now,
            len(divided(plan.first, plan.last)),
        )
        unfinished = await self._runs.add(run, msgspec.json.encode(plan))
        if unfinished != run.run_id:
            raise BacktestRunning.beside(unfinished)
        self._deps.wake()
        return run

    async def get(self, run_id: str) -> BacktestRun:
        """A run; raises BacktestUnknown, StoreUnavailable."""
        found = await self._runs.get(run_id)
        if found is None:
            raise BacktestUnknown.of(run_id)
        return found

    async def every(self) -> Sequence[BacktestRun]:
        """The runs that are kept, newest first; raises StoreUnavailable."""
        return await self._runs.every()

    async def report(self, run_id: str) -> bytes:
        """The report as JSON; raises BacktestUnknown, BacktestRefused, StoreUnavailable."""
        run = await self.get(run_id)
        report = await self._runs.report(run_id)
        if report is None:
            why = f": {run.problem}" if run.problem else ""
            raise BacktestRefused(
                f"backtest {run_id} is {run.state} and has no report{why}", backtest_id=run_id
            )
        return report

    async def cancel(self, run_id: str) -> BacktestRun:
        """The run, which has ended; one that had ended before stays as it is.

        Raises BacktestUnknown, StoreUnavailable.
        """
        if await self._runs.end(run_id, RunEnd(RunState.CANCELLED, self._deps.clock.now())):
            self._deps.on_end(RunState.CANCELLED)
        return await self.get(run_id)

    async def _require_none(self) -> None:
        for run in await self._runs.every():
            if run.state in (RunState.QUEUED, RunState.RUNNING):
                raise BacktestRunning.beside(run.run_id)

    async def _plan(self, asked: BacktestQuestion, compared: ComparedRules) -> BacktestPlan:
        order = BacktestOrder(
            asked.product,
            compared.base,
            compared.other,
            compared.product.input_names,
            asked.params_as_of,
            asked.by,
            seed=asked.seed,
            points=asked.points,
            margins=margin_points(compared.margins),
        )
        _require(order, compared)
        today = self._deps.clock.now().astimezone(compared.changed.zone).date()
        order.dated = dated_figures(order, compared.changed, today)
        looked = await self._window(asked, compared)
        share = draw(order, asked.sample, looked.decided)
        edges = (looked.first, looked.last)
        version = self._deps.engine_version
        return BacktestPlan(order, subject_of(compared, order, edges, share, version), *edges)

    async def _window(self, asked: BacktestQuestion, compared: ComparedRules) -> DecidedWindow:
        first = asked.first or FIRST_DAY
        today = self._deps.clock.now().astimezone(compared.product.champion.zone).date()
        last = asked.last or today
        if last < first:
            raise invalid("to_date", f"is {last}, before {first}")
        looked = await self._deps.look(asked.product, window_of(compared, first, last))
        if looked is None:
            raise BacktestRefused(
                f"there are no decisions of {asked.product} in these days: widen from_date and "
                "to_date",
                product=asked.product,
            )
        return looked


def invalid(field: str, description: str) -> FieldInvalid:
    """A field of the request that is wrong."""
    problem = FieldProblem(field, f"{field} {description}")
    return FieldInvalid(problem.description, (problem,))


def _require(order: BacktestOrder, compared: ComparedRules) -> None:
    if changes_nothing(order, compared):
        raise invalid(
            "version",
            f"is the champion v{compared.changed.version} as it stands: change something with "
            "version, source, figures, sweeps or params_as_of",
        )
    try:
        require_dimensions(order.by, compared.product.champion, compared.changed)
    except DimensionUnknown as error:
        raise invalid("by", f"does not do: {error}") from None


def _title(subject: ReportSubject) -> str:
    swept = f", swept over {' and '.join(subject.swept)}" if subject.swept else ""
    dated = f", by the parameters of {subject.params_as_of}" if subject.params_as_of else ""
    return f"{subject.base} beside {subject.other}{swept}{dated}"
