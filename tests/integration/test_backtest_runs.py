"""Backtests of the service in the store, and the runner that carries them out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from threading import Event

import msgspec
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from decision_service.alarms import Alarm
from decision_service.clock_ids import Ids, SystemClock
from decision_service.impact.document import decoded
from decision_service.impact.figures import ReportSubject
from decision_service.impact.sums import ImpactSums, TooManyCells
from decision_service.pipeline.backtest.ports import JudgedRanges, KeyRange
from decision_service.pipeline.backtest.rules import BacktestOrder, RulesOrder
from decision_service.pipeline.backtest.run import PARTITIONS
from decision_service.pipeline.backtest.runs.model import (
    MOST_RUNS,
    BacktestPlan,
    BacktestRun,
    RunEnd,
    RunState,
)
from decision_service.pipeline.backtest.runs.runner import BacktestRunner
from decision_service.storage.store import Store
from tests.kits.stores import opened
from tests.kits.until import until

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LEASE = 0.6
RULES = RulesOrder(b"")
PLAN = BacktestPlan(
    BacktestOrder("loan", RULES, RULES, frozenset()),
    ReportSubject("loan", "PHP", "v1", "a", "v2", "b", (), "", "", "1.0"),
    NOON,
    NOON + timedelta(days=1),
)
CANCELLED = RunEnd(RunState.CANCELLED, NOON)


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """A store whose leases are short."""
    async with opened(url, lease=LEASE) as made:
        yield made


def run(number: int = 0) -> BacktestRun:
    """A run that was asked for so many minutes after noon."""
    at = NOON + timedelta(minutes=number)
    words = ("loan", "v1 beside v2", "risk", RunState.QUEUED)
    return BacktestRun(Ids().backtest_id(at), *words, at, PARTITIONS)


async def added(store: Store, plan: BacktestPlan = PLAN) -> str:
    """The id of a run that waits to be carried out."""
    return await store.backtests.add(run(), msgspec.json.encode(plan))


class Workers:
    """Partitions that count one decision in each range.

    After so many ranges they wait to be stopped, or raise what they are told to.
    """

    def __init__(self, most: int = PARTITIONS, error: Exception | None = None) -> None:
        self.asked: Sequence[KeyRange] = ()
        self.stopped = Event()
        self._most, self._error = most, error

    def __call__(self, plan: BacktestPlan) -> Workers:
        """Themselves, for the plan of the tests."""
        assert plan == PLAN
        return self

    def map_partitions(self, ranges: Sequence[KeyRange]) -> JudgedRanges:
        """One decision in each."""
        self.asked = ranges
        for one in ranges[: self._most]:
            yield one, msgspec.json.encode(ImpactSums(decisions=1))
        if self._error is not None:
            raise self._error
        if self._most < len(ranges):
            self.stopped.wait()

    def stop(self) -> None:
        """Stop waiting."""
        self.stopped.set()


def runner_of(
    store: Store,
    workers: Workers,
    holder: str,
    version: str = "1.0",
    on_end: Callable[[RunState], None] = lambda _: None,
) -> BacktestRunner:
    """A process's runner."""
    return BacktestRunner(store.backtests, workers, SystemClock(), holder, version, LEASE, on_end)


async def has_done(store: Store, run_id: str, ranges: int) -> None:
    """Wait until so many ranges are judged."""

    async def done() -> bool:
        found = await store.backtests.get(run_id)
        return found is not None and found.done == ranges

    await until(done)


async def test_one_run_is_unfinished_at_a_time(store: Store) -> None:
    """A second one is told the first; once that has ended, the next begins."""
    first, second = run(0), run(1)
    told = [await store.backtests.add(one, b"{}") for one in (first, second)]
    assert told == [first.run_id, first.run_id]
    assert await store.backtests.end(first.run_id, CANCELLED)
    assert not await store.backtests.end(first.run_id, RunEnd(RunState.DONE, NOON, b"{}"))
    assert await store.backtests.add(second, b"{}") == second.run_id
    ended = await store.backtests.get(first.run_id)
    assert ended is not None
    assert (ended.state, ended.ended) == (RunState.CANCELLED, NOON)


async def test_the_newest_runs_are_kept(store: Store) -> None:
    """Of one more than are kept the oldest goes, and of old ones all."""
    runs = [run(number) for number in range(MOST_RUNS + 1)]
    for one in runs:
        await store.backtests.add(one, b"{}")
        await store.backtests.end(one.run_id, CANCELLED)
    kept = await store.backtests.every()
    assert [one.run_id for one in kept] == [one.run_id for one in reversed(runs[1:])]
    await store.expire(NOON + timedelta(hours=1), 10)
    assert not await store.backtests.every()


async def test_a_range_counts_once_and_for_the_holder_alone(store: Store) -> None:
    """Sums that are stored stay; those of a process that lost the run are not taken."""
    run_id = await added(store)
    assert await store.backtests.claim("one") is not None
    put = store.backtests.put_sums
    assert await put(run_id, "one", 3, b"first")
    assert await put(run_id, "one", 3, b"again")
    assert not await put(run_id, "two", 4, b"stray")
    assert await store.backtests.sums(run_id) == {3: b"first"}
    await store.backtests.end(run_id, CANCELLED)
    assert not await put(run_id, "one", 4, b"late")
    assert await store.backtests.sums(run_id) == {}


async def test_another_process_waits_for_the_lease(store: Store, url: str) -> None:
    """Beside PostgreSQL until it ends or is released; beside SQLite whoever held it is gone."""
    run_id = await added(store)
    assert await store.backtests.claim("one") is not None
    claimed = await store.backtests.claim("two")
    if url.startswith("sqlite"):
        assert claimed is not None
        return
    assert claimed is None
    assert await store.backtests.hold(run_id, "one")
    await store.backtests.release("one")
    assert await store.backtests.claim("two") is not None
    assert not await store.backtests.end(run_id, replace(CANCELLED, holder="one"))
    assert not await store.backtests.hold(run_id, "one")
    await until(lambda: store.backtests.claim("three"))


async def test_a_run_goes_on_where_it_was(store: Store) -> None:
    """What one process did is kept: the next is asked for the rest, and every range counts once."""
    run_id = await added(store)
    halting, going_on = Workers(most=5), Workers()
    first = runner_of(store, halting, "one")
    task = asyncio.create_task(first.run())
    await has_done(store, run_id, 5)
    task.cancel()
    await first.aclose()
    states: list[RunState] = []
    await runner_of(store, going_on, "two", on_end=states.append).once()
    assert states == [RunState.DONE]
    done = await store.backtests.get(run_id)
    assert done is not None
    assert (done.state, done.done) == (RunState.DONE, PARTITIONS)
    assert len(going_on.asked) == PARTITIONS - 5
    report = await store.backtests.report(run_id)
    assert report is not None
    assert decoded(report).coverage.decisions == PARTITIONS
    assert await store.backtests.sums(run_id) == {}


async def test_a_cancelled_run_stops_its_workers(store: Store) -> None:
    """Also where another process cancels it."""
    run_id = await added(store)
    halting = Workers(most=2)
    states: list[RunState] = []
    task = asyncio.create_task(runner_of(store, halting, "one", on_end=states.append).once())
    await has_done(store, run_id, 2)
    await store.backtests.end(run_id, CANCELLED)
    await task
    assert states == []  # whoever cancels it counts it
    assert halting.stopped.is_set()
    ended = await store.backtests.get(run_id)
    assert ended is not None
    assert ended.state is RunState.CANCELLED


@pytest.mark.parametrize(
    ("error", "version", "told"),
    [
        (TooManyCells("inputs.x has too many values"), "1.0", "inputs.x has too many values"),
        (KeyError("somebody"), "1.0", "a worker ended with KeyError: report it"),
        (None, "1.1", "the program was updated while it ran"),
    ],
)
async def test_a_run_that_cannot_be_carried_out_fails_with_a_sentence(
    store: Store, error: Exception | None, version: str, told: str
) -> None:
    """Which holds nothing of the data, and is an alarm; the next run may begin."""
    run_id, states = await added(store), list[RunState]()
    with capture_logs() as lines:
        workers = Workers(most=0, error=error)
        await runner_of(store, workers, "one", version, states.append).once()
    assert states == [RunState.FAILED]
    assert [one["alarm"] for one in lines if one.get("alarm")] == [Alarm.BACKTEST_FAILED]
    failed = await store.backtests.get(run_id)
    assert failed is not None
    assert failed.state is RunState.FAILED
    assert failed.problem.startswith(told)
    assert "somebody" not in failed.problem
    assert await added(store) != run_id
