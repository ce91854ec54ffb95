"""Backtests of a running service: restarts, kills, refusals, and its commands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import grpc
import pytest

from decision_service.api.v1 import backtest_service_pb2 as pb
from decision_service.api.v1.backtest_service_pb2_grpc import BacktestServiceStub
from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.pipeline.backtest.ports import JudgedRanges, KeyRange
from decision_service.simulator.people.population import population
from decision_service.simulator.people.sandbox.people import sandbox_people
from decision_service.simulator.server import build_app
from decision_service.storage.privacy.data_keys import DATA_KEYS
from decision_service.storage.privacy.identity_keys import IDENTITY_KEYS
from decision_service.wiring.backtest import runs as backtest_runs
from decision_service.wiring.backtest.processes import ProcessPartitions
from decision_service.wiring.backtest.worker import WorkerOrder
from tests.e2e.process import command
from tests.e2e.service import ROOT, Running, create, refused, running
from tests.integration.replicas import process, vendor_of
from tests.kits.until import PATIENCE, until

PRODUCT = "personal-loan-ph"
RULES = str(ROOT / "rules")
WORLD = partial(population, 5, 6)
PEOPLE = tuple(WORLD(date(2026, 1, 1)).builders)
STRICT = {"params.min_monthly_income": "30000"}
TYPED = ("--set", "params.min_monthly_income=30000", "--by", "amount")


class Halting(ProcessPartitions):
    """Workers whose third range is the last until they are stopped."""

    def __init__(self, order: WorkerOrder, jobs: int) -> None:
        super().__init__(order, jobs)
        self.halted = Event()

    def map_partitions(self, ranges: Sequence[KeyRange]) -> JudgedRanges:
        """Three ranges, then nothing."""
        yield from super().map_partitions(ranges[:3])
        self.halted.wait()

    def stop(self) -> None:
        """End."""
        super().stop()
        self.halted.set()


class Counted(ProcessPartitions):
    """Workers that note for how many ranges they are asked."""

    asked = 0

    def map_partitions(self, ranges: Sequence[KeyRange]) -> JudgedRanges:
        """All of them."""
        Counted.asked = len(ranges)
        return super().map_partitions(ranges)


def kept(folder: Path) -> dict[str, str]:
    """Settings of a service on a store, with the keys that it needs."""
    keys = {"identity_key_file": IDENTITY_KEYS, "data_key_file": DATA_KEYS}
    for name, kind in keys.items():
        kind.add(folder / name)
    files = {name: str(folder / name) for name in keys}
    return {"rules_dir": RULES, "lease": "0.6s", **files}


def strict(**changes: Any) -> pb.StartBacktestRequest:
    """A question that can be answered, changed."""
    fields: dict[str, Any] = {"product": PRODUCT, "figures": STRICT, "by": ["amount"]}
    return pb.StartBacktestRequest(**(fields | changes))


async def ended(stub: Any, run_id: str) -> pb.Backtest:
    """The run, once it has ended."""

    async def look() -> pb.Backtest:
        return (await stub.GetBacktest(pb.GetBacktestRequest(backtest_id=run_id))).backtest

    return await until(look, lambda run: run.state > pb.BACKTEST_STATE_RUNNING)


@pytest.mark.long
async def test_a_run_survives_a_restart(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on with the ranges that are left, and its report is that of the command."""
    app = build_app(WORLD, api_key="k", api_secret="s", requests_per_second=1000)
    async with vendor_of(app) as at:
        settings = {**at.settings, "store_url": url, **kept(tmp_path)}
        monkeypatch.setattr(backtest_runs, "ProcessPartitions", Halting)
        async with running(tmp_path, **settings) as live:
            await decide(live.channel, (*PEOPLE, PEOPLE[0]))
            stub = BacktestServiceStub(live.channel)
            run_id = await halted(stub)
        monkeypatch.setattr(backtest_runs, "ProcessPartitions", Counted)
        async with running(tmp_path, **settings) as live:
            stub = BacktestServiceStub(live.channel)
            run = await ended(stub, run_id)
            asked = pb.GetBacktestReportRequest(backtest_id=run_id)
            report = (await stub.GetBacktestReport(asked)).report_json.decode()
            words = ("--store", url, "--rules", RULES, *TYPED, "--format", "json")
            asking = partial(command, "backtest", PRODUCT, *words, folder=tmp_path)
            told = await asyncio.to_thread(asking, data_key_file=settings["data_key_file"])
    assert run.state == pb.BACKTEST_STATE_DONE, run.problem
    assert (Counted.asked, run.ranges_done) == (run.ranges_total - 3, run.ranges_total)
    assert told.stdout == report, told.stderr
    assert json.loads(report)["coverage"]["applicants"] == len(PEOPLE)


async def halted(stub: Any) -> str:
    """A run that has done three ranges; a second one, and its report, are refused meanwhile."""
    run_id = (await stub.StartBacktest(strict(), timeout=PATIENCE)).backtest.backtest_id
    asked = pb.GetBacktestRequest(backtest_id=run_id)

    async def done() -> bool:
        return bool((await stub.GetBacktest(asked)).backtest.ranges_done == 3)

    await until(done)
    second = await refused(stub.StartBacktest(strict(), timeout=PATIENCE))
    assert (second.code, second.info.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "BACKTEST_RUNNING",
    )
    assert second.info.metadata["backtest_id"] == run_id
    early = await refused(stub.GetBacktestReport(pb.GetBacktestReportRequest(backtest_id=run_id)))
    assert early.info.reason == "BACKTEST_REFUSED"
    return str(run_id)


@pytest.mark.long
async def test_a_killed_service_leaves_no_workers_and_loses_no_run(
    url: str, tmp_path: Path
) -> None:
    """Its workers end with it, and the next service ends the run."""
    app = build_app(WORLD, api_key="k", api_secret="s", requests_per_second=1000)
    async with vendor_of(app) as at:
        begin = partial(process, tmp_path, url, at, **kept(tmp_path))
        async with begin() as killed, grpc.aio.insecure_channel(killed.address) as channel:
            await decide(channel, PEOPLE[:2])
            begun = await BacktestServiceStub(channel).StartBacktest(strict(), timeout=PATIENCE)
            workers = await until(lambda: children(killed.popen.pid))
            killed.kill()
        await until(lambda: not any(Path(f"/proc/{one}").exists() for one in workers))
        async with begin() as next_one, grpc.aio.insecure_channel(next_one.address) as channel:
            stub, run_id = BacktestServiceStub(channel), begun.backtest.backtest_id
            run = await ended(stub, run_id)
            asked = pb.GetBacktestReportRequest(backtest_id=run_id)
            report = json.loads((await stub.GetBacktestReport(asked)).report_json)
    assert run.state == pb.BACKTEST_STATE_DONE, run.problem
    assert report["coverage"]["applicants"] == 2


@pytest.mark.long
async def test_the_commands_tell_a_run_from_its_start_to_its_report(tmp_path: Path) -> None:
    """Started, watched, printed and listed; a cancelled one that has ended stays as it is."""
    async with running(tmp_path, rules_dir=RULES) as live:
        await decide(live.channel, [person.user_id for person in sandbox_people()[:2]])
        tell = partial(told, tmp_path, live.service.address)
        figure = ("--set", "params.min_monthly_income=30000")
        begun = await tell("start", PRODUCT, *figure, "--format", "json")
        run_id = json.loads(begun.stdout)["backtests"][0]["backtest_id"]
        watched = await tell("watch", run_id)
        assert watched.returncode == 0, watched.stderr
        assert "DONE" in watched.stdout
        shown = await tell("result", "--fail-if", "swap_in > -1")
        assert shown.returncode == 1
        assert "conditions met" in shown.stderr
        assert "min_monthly_income" in shown.stdout
        again = await tell("cancel", run_id, "--format", "json")
        assert json.loads(again.stdout)["backtests"][0]["state"] == "BACKTEST_STATE_DONE"
        listed, strange = await asyncio.gather(
            tell("list"), tell("start", PRODUCT, "--with", "nothing.yaml")
        )
    assert run_id in listed.stdout
    assert strange.returncode == 2
    assert "cannot be read" in strange.stderr


async def decide(channel: grpc.aio.Channel, users: Sequence[str]) -> None:
    """A decision on each."""
    for user in users:
        await DecisionServiceStub(channel).CreateDecision(create(user), timeout=PATIENCE)


async def told(folder: Path, address: str, *words: str) -> Any:
    """A command of the group."""
    asked = ("backtests", *words, "--address", address)
    return await asyncio.to_thread(partial(command, *asked, folder=folder))


def children(pid: int) -> list[str]:
    """The processes that any thread of a process began."""
    lists = [one / "children" for one in Path(f"/proc/{pid}/task").iterdir()]
    return [child for one in lists for child in one.read_text().split()]


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({"product": "nothing"}, "NOT_FOUND", "there is no product nothing"),
        ({"product": "No!"}, "INVALID_ARGUMENT", "product must be a product's name"),
        ({"version": 77}, "NOT_FOUND", "has no version 77"),
        ({"version": 1, "source": "x"}, "INVALID_ARGUMENT", "version is 1"),
        ({"source": "ruleset: x"}, "INVALID_ARGUMENT", "source does not compile"),
        ({"figures": {}}, "INVALID_ARGUMENT", "change something with"),
        (
            {"figures": {"params.min_montly_income": "1"}},
            "INVALID_ARGUMENT",
            "did you mean `params.min_monthly_income`?",
        ),
        ({"by": ["inputs.nothing"]}, "INVALID_ARGUMENT", "cannot be divided by inputs.nothing"),
        ({"from_date": "yesterday"}, "INVALID_ARGUMENT", "from_date is malformed"),
        ({"to_date": "1960-01-01"}, "INVALID_ARGUMENT", "to_date is 1960-01-01, before"),
        ({"to_date": "1999-01-01"}, "FAILED_PRECONDITION", "there are no decisions"),
        ({"seed": -1}, "INVALID_ARGUMENT", "seed is -1"),
        (
            {"sweeps": [pb.BacktestSweep(figure="params.x", first="1", last="999", step="1")]},
            "INVALID_ARGUMENT",
            "500 are the most",
        ),
        (
            {"sweeps": [pb.BacktestSweep(figure="params.x", first="1", last="two", step="1")]},
            "INVALID_ARGUMENT",
            "sweeps[0] must have",
        ),
    ],
)
async def test_what_is_wrong_is_one_sentence(
    changes: dict[str, Any], code: str, told: str, shared: Running
) -> None:
    """Said before a run begins."""
    stub = BacktestServiceStub(shared.channel)
    refusal = await refused(stub.StartBacktest(strict(**changes), timeout=PATIENCE))
    assert refusal.code.name == code
    assert told in refusal.message
    assert not (await stub.ListBacktests(pb.ListBacktestsRequest())).backtests


async def test_an_unknown_run_is_not_found(shared: Running) -> None:
    """Read, reported or cancelled; and an id of another form is refused."""
    stub = BacktestServiceStub(shared.channel)
    unknown = "bt_01KJQ6PSG01M64S8EZ5CQ65BWS"
    for call in (
        stub.GetBacktest(pb.GetBacktestRequest(backtest_id=unknown)),
        stub.GetBacktestReport(pb.GetBacktestReportRequest(backtest_id=unknown)),
        stub.CancelBacktest(pb.CancelBacktestRequest(backtest_id=unknown)),
    ):
        assert (await refused(call)).info.reason == "BACKTEST_UNKNOWN"
    other = await refused(stub.GetBacktest(pb.GetBacktestRequest(backtest_id="dec_1")))
    assert other.code is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_process_without_workers_starts_no_run(tmp_path: Path) -> None:
    """And says what to set."""
    async with running(tmp_path, backtest_jobs="0") as live:
        refusal = await refused(
            BacktestServiceStub(live.channel).StartBacktest(strict(), timeout=PATIENCE)
        )
    assert refusal.info.reason == "BACKTEST_REFUSED"
    assert "DECISION_BACKTEST_JOBS" in refusal.message
