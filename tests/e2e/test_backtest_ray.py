"""A backtest on a Ray cluster: the same bytes as by processes, whatever is killed meanwhile."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace as replace_field

from decision_service.author.backtest.order import compared_rules
from decision_service.author.backtest.render import encoded
from decision_service.author.backtest.replica import KeyRange
from decision_service.author.backtest.report import ReportSubject, report_of
from decision_service.author.backtest.rules import (
    BacktestOrder,
    dated_figures,
    subject_of,
)
from decision_service.author.backtest.run import (
    ClusterUnfit,
    JudgedRanges,
    MapPartitions,
    divided,
    in_processes,
    summed,
)
from decision_service.runtime.clock import SystemClock
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import build_app
from decision_service.store.keys import DATA_KEYS, IDENTITY_KEYS
from tests.e2e.process import command
from tests.e2e.service import running
from tests.e2e.test_backtest import PRODUCT, RULES, STRICT, decide_twice, ordered, quiet
from tests.integration.replicas import vendor_of
from tests.kits.postgres import Postgres
from tests.kits.ray_cluster import Cluster, running_cluster
from tests.unit.cli.commands import command as in_process

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two CPUs, reached by this process; Ray reads the token when it is imported."""
    assert "ray" not in sys.modules
    with running_cluster() as found, pytest.MonkeyPatch.context() as patch:
        for name, value in found.environ.items():
            patch.setenv(name, value)
        yield found


def tasks(order: BacktestOrder, ranges: Sequence[KeyRange], jobs: int | None) -> JudgedRanges:
    """Those of the cluster."""
    from decision_service.author.backtest.ray_tasks import on_ray

    return on_ray(order, ranges, jobs)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to a store with decisions, as workers take it and as its report tells it."""

    order: BacktestOrder
    subject: ReportSubject
    first: datetime
    last: datetime

    def report(self, workers: MapPartitions, parts: int, jobs: int | None = None) -> bytes:
        """The report's bytes, from so many ranges."""
        ranges = divided(self.first, self.last, parts)
        sums = summed(workers, self.order, ranges, jobs, quiet)
        return encoded(report_of(self.subject, sums))


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres, cluster: Cluster) -> Asked:
    """A stricter champion, on two decisions on each of the sandbox people, on PostgreSQL."""
    del cluster
    folder, keys = tmp_path_factory.mktemp("ray"), {}
    for kind, name in ((IDENTITY_KEYS, "identity_key_file"), (DATA_KEYS, "data_key_file")):
        kind.add(folder / name)
        keys[name] = str(folder / name)
    url = postgres.migrated()
    asyncio.run(_decided(folder, store_url=url, **keys))
    return asyncio.run(_asked(url, keys["data_key_file"]))


async def _decided(folder: Path, **settings: str) -> None:
    app = build_app(api_key="k", api_secret="s")
    async with (
        vendor_of(app) as at,
        running(folder, rules_dir=RULES, **settings, **at.settings) as live,
    ):
        await decide_twice(live, [one.user_id for one in sandbox_people()])


async def _asked(url: str, keys: str) -> Asked:
    figures = {"params.min_monthly_income": "30000"}
    rules = await asyncio.to_thread(compared_rules, Path(RULES), PRODUCT, "", figures, ())
    told, ranges = await ordered(url, keys)
    today = SystemClock().now().astimezone(rules.changed.zone).date()
    told.dated = dated_figures(told, rules.changed, today)
    edges = (ranges[0].since, ranges[-1].before - timedelta(microseconds=1))
    return Asked(told, subject_of(rules, told, edges, 1.0), *edges)


async def test_a_cluster_gives_the_bytes_of_processes(
    cluster: Cluster, asked: Asked, tmp_path: Path
) -> None:
    """By the command, and in seven parts where every worker is killed in the middle."""
    told = await asyncio.to_thread(asked.report, in_processes, 3, 2)
    killing = partial(killed, cluster)
    assert await asyncio.to_thread(asked.report, killing, 7, 2) == told
    words = ("--store", asked.order.source.store_url, "--rules", RULES, *STRICT, "--format", "json")
    run = partial(command, "backtest", PRODUCT, *words, "--on", "ray", "--jobs", "3")
    done = await asyncio.to_thread(run, folder=tmp_path, data_key_file=asked.order.source.data_keys)
    assert done.returncode == 0, done.stderr
    assert done.stdout.encode() == told


@pytest.mark.usefixtures("cluster")
async def test_another_version_on_a_machine_is_told(asked: Asked) -> None:
    """Sums of two versions are not added up: one sentence, without what Ray says around it."""
    other = replace(asked, order=replace_field(asked.order, engine_version="0.0.1"))
    with pytest.raises(ClusterUnfit, match=r"^a worker runs version .* this program is 0\.0\.1"):
        await asyncio.to_thread(other.report, tasks, 1)


POSTGRES = ("--store", "postgresql://127.0.0.1:9/nothing")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--store", "sqlite:///d.db"), "needs a store on PostgreSQL"),
        (("--cases", "c.jsonl"), "takes no --cases"),
    ],
)
def test_what_a_cluster_cannot_reach_is_one_sentence(
    words: Sequence[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Said before anything is read, with exit code 2."""
    done = in_process(capsys, "backtest", PRODUCT, "--rules", RULES, *STRICT, "--on", "ray", *words)
    assert (done.code, done.out) == (2, "")
    assert told in done.err


def killed(
    cluster: Cluster, order: BacktestOrder, ranges: Sequence[KeyRange], jobs: int | None
) -> JudgedRanges:
    """Tasks of a cluster whose workers are all killed when the first range is done."""
    for place, done in enumerate(tasks(order, ranges, jobs)):
        if place == 0:
            workers = cluster.workers()
            assert workers
            for one in workers:
                one.kill()
        yield done


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("", "RAY_ADDRESS is not set: it must name the head"),
        ("ray://127.0.0.1:9", "RAY_ADDRESS is ray://127.0.0.1:9: it must name the head"),
        ("127.0.0.1:9", "no Ray cluster answers at 127.0.0.1:9"),
    ],
)
@pytest.mark.usefixtures("cluster")
def test_a_cluster_that_is_not_there_is_one_sentence(
    address: str, told: str, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once; Ray itself would try for minutes."""
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(ClusterUnfit) as error:
        asked.report(tasks, 1)
    assert str(error.value).startswith(told)
