"""Backtests through the program, and the question of docs/impact.md."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
from datetime import UTC, date, datetime
from functools import partial
from multiprocessing import active_children
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from bench.people.population import population
from decision_service.api.v1 import outcome_service_pb2 as pb
from decision_service.api.v1.decision_pb2 import OUTCOME_APPROVE
from decision_service.api.v1.decision_service_pb2 import ListDecisionsRequest
from decision_service.api.v1.outcome_service_pb2_grpc import OutcomeServiceStub
from decision_service.author.backtest.order import compared_rules
from decision_service.author.backtest.replica import KeyRange, StoreReader
from decision_service.author.backtest.rules import BacktestOrder, DecisionSource
from decision_service.author.backtest.run import (
    JudgedRanges,
    divided,
    in_processes,
    judged,
    summed,
)
from decision_service.build import engine_version
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import build_app
from decision_service.store.keys import DATA_KEYS, IDENTITY_KEYS
from tests.e2e.process import command
from tests.e2e.service import ROOT, Running, create, running
from tests.e2e.test_outcomes import day, report
from tests.fakes.shipped import CHAMPION
from tests.integration.replicas import vendor_of
from tests.kits.cases import cases
from tests.kits.recorded_people import PRODUCT as RECORDED_PRODUCT
from tests.kits.recorded_people import RULES as RECORDED_RULES
from tests.kits.recorded_people import recorded_people
from tests.unit.cli.commands import command as in_process

if TYPE_CHECKING:
    from collections.abc import Sequence
    from subprocess import CompletedProcess

PRODUCT = "personal-loan-ph"

RULES = str(ROOT / "rules")

WORLD = partial(population, 5, 6)

PEOPLE = tuple(WORLD(date(2026, 1, 1)).builders)

EVER = KeyRange(datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))

STRICT = ("--set", "params.min_monthly_income=30000")


async def backtest(folder: Path, url: str, *words: str, **settings: str) -> CompletedProcess[str]:
    """The command, beside whatever serves."""
    asked = ("backtest", PRODUCT, "--store", url, "--rules", RULES, *words)
    return await asyncio.to_thread(partial(command, *asked, folder=folder, **settings))


async def report_loans(live: Running) -> None:
    """Of the approved applicants one loan is overdue, and one was not taken up."""
    listed = await live.stub.ListDecisions(ListDecisionsRequest(page_size=500))
    firsts = {one.user_id: one for one in listed.decisions}  # newest first
    approved = [one for one in firsts.values() if one.outcome == OUTCOME_APPROVE]
    stub = OutcomeServiceStub(live.channel)
    await stub.RecordOutcome(report(approved[0], overdue_days=1))
    unused = pb.LoanOutcome(
        decision_id=approved[1].decision_id,
        loan_id="LN-2",
        as_of_date=day(approved[1]),
        status=pb.LOAN_STATUS_NOT_TAKEN_UP,
    )
    await stub.RecordOutcome(pb.RecordOutcomeRequest(outcome=unused))


async def decide_twice(live: Running, users: Sequence[str]) -> None:
    """Two applications of each: one applicant, and one repeat."""
    for user in (*users, *users):
        await live.stub.CreateDecision(create(user))


@pytest.mark.long
async def test_a_change_is_told_in_people_and_money(url: str, tmp_path: Path) -> None:
    """Beside the service and on either store; whoever judges, the report is the same."""
    app = build_app(WORLD, api_key="k", api_secret="s", requests_per_second=1000)
    async with vendor_of(app) as at:
        settings = {**at.settings, "rules_dir": RULES, "store_url": url}
        key = tmp_path / "identity-keys"
        IDENTITY_KEYS.add(key)
        DATA_KEYS.add(tmp_path / "data-keys")
        wrapped = {"data_key_file": str(tmp_path / "data-keys")}
        async with running(tmp_path, identity_key_file=str(key), **settings, **wrapped) as live:
            await decide_twice(live, PEOPLE)
            await report_loans(live)
            asked = partial(backtest, tmp_path, url, "--format", "json", **wrapped)
            told, again, other = await asyncio.gather(
                asked(*STRICT, "--jobs", "1"),
                asked(*STRICT, "--jobs", "2"),
                asked("--with", f"{PRODUCT}@2"),
            )
            file = await exported(tmp_path, live)
    assert_the_same_over(file, json.loads(told.stdout))
    if url.startswith("sqlite"):
        assert_a_diff_says(file)
    assert told.returncode == 0, told.stderr
    assert told.stdout == again.stdout
    assert json.loads(other.stdout)["coverage"]["compared"] == 6  # by data that v1 did not record
    report = json.loads(told.stdout)
    coverage = report["coverage"]
    assert (coverage["decisions"], coverage["applicants"], coverage["repeats"]) == (12, 6, 6)
    assert (coverage["reproduced"], coverage["compared"]) == (6, 6)
    swapped = [row for row in report["matrix"] if row["before"] == "APPROVE" != row["after"]]
    assert swapped
    assert any(row["name"] == "eligibility.low_income" for row in report["causes"])
    assert report["subject"]["figures"] == [["params.min_monthly_income", "8000", "30000"]]


async def exported(folder: Path, live: Running) -> Path:
    """All decisions as a case file, between lines that are broken and many of another product."""
    words = ("decisions", "cases", "--format", "jsonl", "--address", live.service.address)
    done = await asyncio.to_thread(partial(command, *words, folder=folder))
    lines = done.stdout.splitlines()
    other = lines[0].replace(PRODUCT, "gig-advance-ph")
    file = folder / "cases.jsonl"
    broken = lines[0], '{"decision": "x"}'
    file.write_text("\n".join(["{", *lines, "", other, *broken, *[other] * 50]) + "\n")
    return file


def assert_the_same_over(file: Path, told: dict[str, Any]) -> None:
    """The figures of the report over the store, from a file that names nobody, and what is not."""
    words = ("backtest", PRODUCT, "--cases", str(file), "--rules", RULES, *STRICT)
    done = command(*words, "--format", "json", folder=file.parent)
    assert done.returncode == 0, done.stderr
    for number, why in ((1, "truncated"), (16, "again"), (17, "missing required field")):
        assert re.search(rf"cases\.jsonl:{number}: not counted: .*{why}", done.stderr), done.stderr
    assert "decisions of other products, not looked at: 51" in done.stderr
    report = json.loads(done.stdout)
    broken = [tuple(one.values()) for one in report["subject"]["broken"]]
    assert broken == [("cases.jsonl", 3, 66, [1, 16, 17])]
    assert report["coverage"]["reproduced"] == 6
    assert [row["loans"] for row in report["loans"]] == [1]
    assert report["loans"][0]["bad_rate"]["share"] == 1.0
    assert shape(report) == shape(told)


def assert_a_diff_says(file: Path) -> None:
    """What a changed folder would have done to the people of a case file."""
    changed = file.parent / "changed"
    shutil.copytree(RULES, changed)
    version = changed / PRODUCT / f"v{CHAMPION}.yaml"
    old, new = ("min_monthly_income: {type: money, value: " + n + "}" for n in ("8000", "30000"))
    version.write_text(version.read_text().replace(old, new))
    done = command("rules", "diff", RULES, str(changed), "--cases", str(file), folder=file.parent)
    assert done.returncode == 0, done.stderr
    assert "minimum monthly income (min_monthly_income) from 8000 to 30000" in done.stdout
    broken = "Broken, and in no figure: 3 of 66 lines (4.5 %) of cases.jsonl, line 1, 16, 17."
    assert f"What {PRODUCT} v{CHAMPION} (champion) would have decided\n{broken}" in done.stdout
    assert "\nApprovals go from " in done.stdout
    assert "The recorded rules reproduce 6 of 6 decisions exactly." in done.stdout


def shape(told: Any) -> Any:
    """A report without what names its decisions and its source."""
    aside = ("examples", "differing_examples", "sha256", "subject")
    if isinstance(told, dict):
        return {k: shape(v) for k, v in told.items() if k not in aside}
    return [shape(each) for each in told] if isinstance(told, list) else told


@pytest.mark.long
async def test_a_killed_worker_changes_nothing(tmp_path: Path) -> None:
    """Its range is judged by another one, once: the sums are those of an undisturbed run."""
    url = f"sqlite:///{tmp_path}/decisions.db"
    async with running(tmp_path, rules_dir=RULES, store_url=url) as live:
        await decide_twice(live, [one.user_id for one in sandbox_people()])
        order, ranges = await ordered(url)
        undisturbed = await asyncio.to_thread(summed, here, order, ranges, None, quiet)
        disturbed = await asyncio.to_thread(summed, disturbing, order, ranges, 2, quiet)
    assert undisturbed.everybody.applicants == 4
    assert msgspec.to_builtins(disturbed) == msgspec.to_builtins(undisturbed)


def here(order: BacktestOrder, ranges: Sequence[KeyRange], _: int | None) -> JudgedRanges:
    """The sums of each range, in this process."""
    encoded = msgspec.json.encode(order)
    for one in ranges:
        yield one, judged(encoded, one)


def disturbing(order: BacktestOrder, ranges: Sequence[KeyRange], jobs: int | None) -> JudgedRanges:
    """Those of a pool of which one process is killed when the first range is done."""
    for place, done in enumerate(in_processes(order, ranges, jobs)):
        if place == 0:
            os.kill(active_children()[0].pid or 0, signal.SIGKILL)
        yield done


async def ordered(url: str, keys: str = "") -> tuple[BacktestOrder, Sequence[KeyRange]]:
    """What workers are told of a stricter champion, and the ranges."""
    figures = {"params.min_monthly_income": "30000"}
    rules = await asyncio.to_thread(compared_rules, Path(RULES), PRODUCT, "", figures, ())
    order = BacktestOrder(PRODUCT, rules.base, rules.other, rules.product.input_names)
    file = Path(keys) if keys else DATA_KEYS.beside(url)
    reader = await StoreReader.open(url, file)
    try:
        found = await reader.counts(PRODUCT, EVER)
    finally:
        await reader.aclose()
    assert found.first is not None
    assert found.last is not None
    order.source, order.window = DecisionSource(url, str(file or "")), found.first
    order.engine_version = engine_version()
    return order, divided(found.first, found.last)


def quiet(_: int, __: int, ___: int) -> None:
    """Say nothing."""


@pytest.mark.parametrize(("words", "told"), cases("e2e/backtest"))
def test_what_is_wrong_is_one_sentence(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Said before anything is read, with exit code 2."""
    url = f"sqlite:///{tmp_path}/nothing.db"
    done = in_process(capsys, "backtest", PRODUCT, "--rules", RULES, "--store", url, *words)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert "Traceback" not in done.err


PAGE = ROOT / "docs" / "impact.md"

TEXT = PAGE.read_text(encoding="utf-8")

PICTURES = ROOT / "docs" / "pictures" / "impact"

MANY = 120

CHANGED = {
    "params.min_monthly_income": ("8000", "16000"),
    "params.max_disagreement": ("0.40", "0.9"),
    "params.max_debt_to_income": ("0.35", "0.30"),
    "score.bands.B.from": ("340", "300"),
}

"""What the page says of the report in its pictures."""


@pytest.mark.long
def test_the_question_is_answered_by_one_command_on_the_demos_store(tmp_path: Path) -> None:
    """The two lines of the page, typed in a folder of their own, and the answer that it shows."""
    demo, asked = re.findall(r"^decision-service (.*demo\.db.*)$", TEXT, re.MULTILINE)
    assert "params.min_monthly_income=9000" in asked
    settings = {"store_url": "sqlite:///nothing.db", "rules_dir": str(RECORDED_RULES)}
    made = command(*shlex.split(demo), folder=tmp_path, cwd=tmp_path, **settings)
    assert made.returncode == 0, made.stderr
    words = (*shlex.split(asked), "--rules", str(RECORDED_RULES))
    done = command(*words, folder=tmp_path, cwd=tmp_path, **settings)
    assert done.returncode == 0, done.stderr
    [answer] = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)
    assert done.stdout.startswith(answer)


@pytest.mark.long
def test_a_report_on_many_people_tells_of_all_that_the_page_teaches(tmp_path: Path) -> None:
    """Swap-in and swap-out, amounts, causes, reasons, cells, curves and loans; all reproduced."""
    people = recorded_people(tmp_path, MANY)
    words = [w for at, (_, value) in CHANGED.items() for w in ("--set", f"{at}={value}")]
    asked = ("--store", people, "--rules", str(RECORDED_RULES))
    told = ("--by", "amount", "--params-as-of", "2026-11-01", "--format", "json")
    done = command("backtest", RECORDED_PRODUCT, *asked, *words, *told, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    coverage, rates = report["coverage"], report["rates"]
    assert (coverage["applicants"], coverage["reproduced"]) == (
        MANY,
        MANY,
    )
    assert {at: (old, new) for at, old, new in report["subject"]["figures"]} == CHANGED
    moved = {(row["before"], row["after"]) for row in report["matrix"]}
    assert moved >= {("APPROVE", "APPROVE"), ("APPROVE", "DECLINE"), ("REFER", "APPROVE")}
    assert rates[0]["difference"]["low"] < rates[0]["difference"]["high"] < 0.1
    assert report["causes"][0]["name"] == "eligibility.low_income"
    assert {row["dimension"] for row in report["segments"]} == {"month", "arm", "amount"}
    assert {row["group"] for row in report["loans"]} == {"kept in", "swap out"}
    assert [row["cell"] for row in report["dated"]] == ["2026-12-01"]


def test_every_part_of_the_page_has_its_picture() -> None:
    """Each is there, is small, is described in words, and none is left over."""
    shown = re.findall(r"!\[([^\]]{20,})\]\(pictures/impact/([\w-]+\.png)\)", TEXT)
    assert sorted(name for _, name in shown) == sorted(one.name for one in PICTURES.iterdir())
    parts = TEXT.partition("## Read the report")[2].partition("\n## ")[0].split("\n### ")[1:]
    assert [part.partition("\n")[0] for part in parts if "](pictures/impact/" not in part] == []
    assert [one.name for one in PICTURES.iterdir() if one.stat().st_size > 60 * 1024] == []
