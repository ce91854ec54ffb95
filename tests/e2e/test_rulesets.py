"""Rules as a server takes them over, and cases that are exported for their tests."""

from __future__ import annotations

import asyncio
import csv
import json
import re
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import grpc
import httpx2
import pytest
import pytest_asyncio
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.api.v1 import ruleset_service_pb2_grpc, values_pb2
from decision_service.api.v1.ruleset_service_pb2_grpc import RulesetServiceStub
from decision_service.app import wiring as background
from decision_service.cli.cases import Exported, case, cases_head, csv_line, json_line
from decision_service.cli.main import run
from decision_service.cli.output import Exit
from decision_service.rulebook.folder import read_rules
from decision_service.rulebook.load import load_rules
from decision_service.rulebook.rule_tests import run_rule_tests
from decision_service.rules.language.diagnostics import render
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import PRODUCT, Running, create, outcome, own_rules, refusal, running
from tests.fakes.observed import captured
from tests.fakes.shipped import CHAMPION, champion_of
from tests.kits.cases import until
from tests.unit.cli.commands import command as in_process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


import shutil
from collections.abc import Mapping
from itertools import count
from pathlib import Path


class KubeletVolume:
    """A mounted ConfigMap or Secret at `root`, with files by their path in it.

    `..data` links to the folder with the present files, and each name at the top links into
    `..data`. An update writes another folder, then renames a new link over `..data`.
    """

    def __init__(self, root: Path, files: Mapping[str, str]) -> None:
        self._root = root
        self._numbers = count(1)
        root.mkdir()
        self.update(files)

    def update(self, files: Mapping[str, str]) -> None:
        """Have these files in place of the present ones, all at the same moment."""
        before = (self._root / "..data").resolve()
        self.swap(self.write(files))
        tops = {path.partition("/")[0] for path in files}
        for top in tops:
            link = self._root / top
            if not link.is_symlink():
                link.symlink_to(f"..data/{top}")
        for link in self._root.iterdir():
            if not link.name.startswith("..") and link.name not in tops:
                link.unlink()
        if before != self._root / "..data":
            shutil.rmtree(before)

    def write(self, files: Mapping[str, str]) -> Path:
        """The first half of an update: the new folder, to which nothing links yet."""
        folder = self._root / f"..2026_11_27_05_00_00.{next(self._numbers):09}"
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        return folder

    def swap(self, folder: Path) -> None:
        """The second half: `..data` links to the folder."""
        (self._root / "..data_tmp").symlink_to(folder.name)
        (self._root / "..data_tmp").rename(self._root / "..data")


GEORGE = sandbox_people()[0].user_id


@pytest_asyncio.fixture
async def own(tmp_path: Path) -> AsyncIterator[tuple[Running, Any, Path]]:
    """A service on rules of its own, a RulesetService stub, and the champion's file."""
    rules = own_rules(tmp_path)
    async with running(tmp_path, rules_dir=str(rules)) as live:
        stub = ruleset_service_pb2_grpc.RulesetServiceStub(live.channel)
        yield live, stub, rules / PRODUCT / f"v{CHAMPION}.yaml"


async def listed(stub: Any, *, refused: bool) -> rules_pb.ListRulesetsResponse:
    """The listing once the folder's last reading was refused, or accepted."""
    request = rules_pb.ListRulesetsRequest()
    return await until(
        lambda: stub.ListRulesets(request), lambda reply: bool(reply.refused) == refused
    )


async def health(live: Running) -> list[str]:
    """The lines of /healthz."""
    async with httpx2.AsyncClient() as client:
        return (await client.get(f"{live.service.http.admin}/healthz")).text.splitlines()


def digest(reply: rules_pb.ListRulesetsResponse) -> str:
    """The champion's digest."""
    return next(
        r.ref.digest for r in reply.rulesets if r.ref.ruleset == PRODUCT and r.role == "champion"
    )


async def test_rulesets_are_listed_and_texts_validated(own: tuple[Running, Any, Path]) -> None:
    """Digest, role, inputs and factors say what to send; a text is checked and not taken over."""
    _, stub, file = own
    text = file.read_text()
    reply = await stub.ListRulesets(rules_pb.ListRulesetsRequest(product=PRODUCT))
    champion = next(r for r in reply.rulesets if r.role == "champion")
    assert {i.name for i in champion.inputs} >= {"requested_amount", "requested_term_months"}
    assert "income.months_24m" in champion.factors
    got = await stub.GetRuleset(rules_pb.GetRulesetRequest(product=PRODUCT))
    assert got.ruleset.source == text
    good, bad = [
        await stub.ValidateRuleset(rules_pb.ValidateRulesetRequest(product=PRODUCT, source=one))
        for one in (text, text.replace("income.months_24m <", "income.months_24 <"))
    ]
    assert (good.digest, bad.digest) == (champion.ref.digest, "")
    assert not any(problem.error for problem in good.problems)
    assert any(problem.error and problem.line for problem in bad.problems)


async def replaced(stub: ruleset_service_pb2_grpc.RulesetServiceStub, before: str) -> str:
    """The digest that decides once another one than this does."""
    return digest(
        await until(lambda: listed(stub, refused=False), lambda reply: digest(reply) != before)
    )


async def test_a_bad_edit_keeps_the_last_good_rules(
    own: tuple[Running, Any, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """The listing tells the line, decisions go on by the old digest, a good edit heals it."""
    live, stub, file = own
    good = file.read_text()
    before = digest(await listed(stub, refused=False))
    file.write_text(good.replace("income.months_24m <", "income.months_24 <", 1))
    reply = await listed(stub, refused=True)
    assert digest(reply) == before
    assert any("income.months_24m" in problem.hint for problem in reply.refused)
    at = ("--address", live.service.address)
    shown = await asyncio.to_thread(in_process, capsys, "rules", "status", *at)
    assert f"{reply.release.digest[:16]} in force\n" in shown.out
    assert (shown.code, "REFUSED" in shown.out, before[:12] in shown.out) == (1, True, True)
    assert "did you mean `income.months_24m`" in shown.out
    decision = (await live.stub.CreateDecision(create(GEORGE))).decision
    assert decision.ruleset_ref.digest == before
    status, remark = await health(live)
    assert status == "SERVING"
    assert "1 error" in remark
    file.write_text(good)
    assert digest(await listed(stub, refused=False)) == before
    assert await health(live) == ["SERVING"]


def trial(**changes: Any) -> rules_pb.EvaluateRulesetRequest:
    """A dry run, changed."""
    fields: dict[str, Any] = {
        "product": PRODUCT,
        "requested_amount": MoneyMessage(currency_code="PHP", units=20_000),
        "requested_term_months": 6,
    }
    return rules_pb.EvaluateRulesetRequest(**(fields | changes))


async def test_a_dry_run_judges_a_user_or_given_values_and_records_nothing(
    own: tuple[Running, Any, Path],
) -> None:
    """A user's data is gathered; of values that are given, what lacks or does not fit is named."""
    live, stub, _ = own
    reply = await stub.EvaluateRuleset(trial(user_id=GEORGE))
    assert outcome(reply.decision) == "APPROVE"
    assert reply.decision.factor_values
    decisions = await live.stub.ListDecisions(service_pb.ListDecisionsRequest())
    assert not decisions.decisions
    with pytest.raises(grpc.RpcError) as error:
        await stub.EvaluateRuleset(trial())
    names = live.service.core.active.current().product(PRODUCT).champion.needs.factors
    named = refusal(error.value).fields
    assert len(named) == min(len(names), 20)
    assert set(named) <= {f"factors.{name}" for name in names}
    reply = await stub.EvaluateRuleset(
        trial(missing=dict.fromkeys(names, "SOURCE_FAILED"), as_of_date="2026-11-15")
    )
    assert outcome(reply.decision) == "REFER"
    assert reply.decision.refer_kind == pb.REFER_KIND_DATA
    assert reply.decision.as_of_date == "2026-11-15"
    many = values_pb2.InputValue(text="many")
    with pytest.raises(grpc.RpcError) as error:
        await stub.EvaluateRuleset(trial(factors={"income.months_24m": many}))
    assert "factors.income.months_24m" in refusal(error.value).fields


async def test_a_bad_folder_starts_with_the_last_good_rules(tmp_path: Path) -> None:
    """After a stop and a bad edit the service starts by what decided before, and tells why."""
    rules = own_rules(tmp_path)
    file = rules / PRODUCT / f"v{CHAMPION}.yaml"
    async with running(tmp_path, rules_dir=str(rules)) as live:
        first = (await live.stub.CreateDecision(create(GEORGE))).decision
    file.write_text(file.read_text().replace("income.months_24m <", "income.months_24 <"))
    async with running(tmp_path, rules_dir=str(rules)) as live:
        stub = ruleset_service_pb2_grpc.RulesetServiceStub(live.channel)
        reply = await stub.ListRulesets(rules_pb.ListRulesetsRequest())
        assert any("income.months_24m" in problem.hint for problem in reply.refused)
        second = (await live.stub.CreateDecision(create(GEORGE))).decision
    assert second.ruleset_ref == first.ruleset_ref


TAGS = """
tags:
  desk: {text: a desk looks at it}
  signal: {text: a sign of fraud, told: nobody}
stages:
"""

TAGGED = """\
      - id: asks
        when: inputs.requested_amount > 10000
        tags: [signal, desk]
"""


async def test_a_tag_told_to_nobody_is_in_the_full_view_alone(tmp_path: Path) -> None:
    """However it was asked for first; it is recorded, replayed and counted like any other tag."""
    rules = own_rules(tmp_path)
    file = rules / PRODUCT / f"v{CHAMPION}.yaml"
    text = file.read_text().replace("\nstages:\n", TAGS)
    file.write_text(text.replace("    rules:\n", f"    rules:\n{TAGGED}", 1))
    async with running(tmp_path, rules_dir=str(rules)) as live:
        for view in (pb.DECISION_VIEW_BASIC, pb.DECISION_VIEW_FULL):
            made = (await live.stub.CreateDecision(create(GEORGE, view=view))).decision
            assert list(made.tags) == ["desk"]
            assert list(made.withheld_tags) == ["signal"] * (view == pb.DECISION_VIEW_FULL)
            await read_back(live, made.decision_id)
        listed = await live.stub.ListDecisions(service_pb.ListDecisionsRequest())
        assert [list(one.withheld_tags) for one in listed.decisions] == [[], []]
        async with httpx2.AsyncClient() as client:
            metrics = (await client.get(f"{live.service.http.admin}/metrics")).text
        assert f'decision_tags_total{{product="{PRODUCT}",tag="signal"}} 2.0' in metrics


async def read_back(live: Running, decision_id: str) -> None:
    """A decision in BASIC view without the withheld tag, in FULL view and replayed with it."""
    basic = service_pb.GetDecisionRequest(decision_id=decision_id)
    assert b"signal" not in (await live.stub.GetDecision(basic)).SerializeToString()
    full = service_pb.GetDecisionRequest(decision_id=decision_id, view=pb.DECISION_VIEW_FULL)
    shown = (await live.stub.GetDecision(full)).decision
    assert (list(shown.tags), list(shown.withheld_tags)) == (["desk"], ["signal"])
    replay = service_pb.ReplayDecisionRequest(decision_id=decision_id)
    replayed = await live.stub.ReplayDecision(replay)
    assert list(replayed.differing_fields) == []
    assert b"signal" not in replayed.SerializeToString()


async def test_rules_that_fail_their_own_tests_are_refused(
    own: tuple[Running, Any, Path],
) -> None:
    """An edit that compiles but breaks a product's test never decides."""
    _, stub, file = own
    lines = [
        "  min_income_months: {type: integer, value: 23}" if "min_income_months:" in line else line
        for line in file.read_text().splitlines()
    ]
    file.write_text("\n".join(lines) + "\n")
    reply = await listed(stub, refused=True)
    assert {problem.code for problem in reply.refused} == {"T002"}


async def test_a_folder_that_goes_away_keeps_the_last_good_rules(
    own: tuple[Running, Any, Path],
) -> None:
    """While it is away decisions go on, and what stands in its place afterwards decides."""
    live, stub, file = own
    folder, away = file.parents[1], file.parents[1].with_name("away")
    before = digest(await listed(stub, refused=False))
    folder.rename(away)
    decision = (await live.stub.CreateDecision(create(GEORGE))).decision
    assert decision.ruleset_ref.digest == before
    other = away / PRODUCT / f"v{CHAMPION}.yaml"
    other.write_text(
        other.read_text().replace("regulatory: Legal capacity", "regulatory: Capacity")
    )
    away.rename(folder)
    await replaced(stub, before)
    assert await health(live) == ["SERVING"]


ADVANCE = "gig-advance-ph"

CHAMPION_OF_ADVANCE = champion_of(ADVANCE)

NEXT = CHAMPION_OF_ADVANCE + 1


def read(rules: Path) -> dict[str, str]:
    """The files of one product and the shared data, by their path."""
    files = (path for top in ("_data", ADVANCE) for path in (rules / top).rglob("*"))
    return {str(p.relative_to(rules)): p.read_text() for p in files if p.is_file()}


def with_next_version(files: dict[str, str]) -> dict[str, str]:
    """The files with another version, which the plan now names."""
    plan = f"{ADVANCE}/rollout.yaml"
    second = {
        path.replace(f"v{CHAMPION_OF_ADVANCE}", f"v{NEXT}"): text.replace(
            f"\nversion: {CHAMPION_OF_ADVANCE}\n", f"\nversion: {NEXT}\n"
        )
        for path, text in files.items()
        if path.startswith(ADVANCE) and f"v{CHAMPION_OF_ADVANCE}" in path
    }
    named = files[plan].replace(f"champion: {CHAMPION_OF_ADVANCE}", f"champion: {NEXT}")
    return files | second | {plan: named}


@pytest_asyncio.fixture
async def mounted(tmp_path: Path) -> AsyncIterator[tuple[Running, KubeletVolume, dict[str, str]]]:
    """A service on a mounted ConfigMap, the volume, and the files in it."""
    files = read(own_rules(tmp_path))
    volume = KubeletVolume(tmp_path / "mounted", files)
    async with running(tmp_path, rules_dir=str(tmp_path / "mounted")) as live:
        yield live, volume, files


def champion(live: Running) -> int:
    """The version that decides now."""
    return live.service.core.active.current().products[ADVANCE].plan.versions.champion


@contextmanager
def champions_of(live: Running) -> Iterator[list[int]]:
    """Every champion that decided while the block lasted, in order, each time it changed."""
    seen = [champion(live)]

    async def look() -> None:
        while True:
            if seen[-1] != champion(live):
                seen.append(champion(live))
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    try:
        yield seen
    finally:
        looking.cancel()


async def test_a_swapped_volume_is_taken_over_whole_and_once(
    mounted: tuple[Running, KubeletVolume, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan and the version that it names come together: no reading has one without the other."""
    live, volume, files = mounted
    lines = captured(monkeypatch, background)
    with champions_of(live) as seen:
        volume.update(with_next_version(files))
        await until(lambda: champion(live) == NEXT)
        await until(lambda: [line for line in lines if line["event"] == "rules"])
    assert seen == [CHAMPION_OF_ADVANCE, NEXT]
    assert not live.service.core.active.status.refused
    assert all(line["accepted"] for line in lines if line["event"] == "rules")


async def test_a_map_without_one_of_its_files_is_refused(
    mounted: tuple[Running, KubeletVolume, dict[str, str]],
) -> None:
    """The plan came, its version did not: the old rules decide, the error says what lacks."""
    live, volume, files = mounted
    wanted = with_next_version(files)
    lacking = f"{ADVANCE}/v{NEXT}.yaml"
    volume.update({path: text for path, text in wanted.items() if path != lacking})
    [refused] = await until(lambda: live.service.core.active.status.refused)
    assert champion(live) == CHAMPION_OF_ADVANCE
    assert refused.file.endswith(f"{ADVANCE}/rollout.yaml")
    assert refused.message == f"`champion` is {NEXT}, and there is no ruleset v{NEXT}"
    volume.update(wanted)
    await until(lambda: champion(live) == NEXT)
    assert not live.service.core.active.status.refused


_LOGGED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} \[")

"""A line of the service's own log, which this process writes as well."""


async def _recorded(live: Running, user_id: str) -> Exported:
    """Somebody's decision as it is read back, with the rules that made it."""
    request = create(user_id, application_id="app-7301", customer_ref="customer-42")
    made = (await live.stub.CreateDecision(request)).decision
    wanted = service_pb.GetDecisionRequest(decision_id=made.decision_id, view=pb.DECISION_VIEW_FULL)
    decision = (await live.stub.GetDecision(wanted)).decision
    which = rules_pb.GetRulesetRequest(product=PRODUCT, version=decision.ruleset_ref.version)
    ruleset = (await RulesetServiceStub(live.channel).GetRuleset(which)).ruleset
    return Exported(decision, ruleset)


async def test_exported_decisions_pass_as_rule_tests(live: Running, tmp_path: Path) -> None:
    """Each sandbox person's decision is a case that comes out as it was decided."""
    folder, outcomes = own_rules(tmp_path), set()
    for person in sandbox_people():
        exported = await _recorded(live, person.user_id)
        outcomes.add(outcome(exported.decision))
        path = folder / PRODUCT / "tests" / f"{person.user_name.lower()}.yaml"
        path.write_text(cases_head(exported) + case(exported))
    rulebook = load_rules(read_rules(folder), datetime(2026, 11, 15, tzinfo=UTC)).rulebook
    assert rulebook is not None
    tested = list(run_rule_tests(read_rules(folder), rulebook))
    assert [render(problem) for version in tested for problem in version.problems] == []
    results = [result for version in tested for result in version.results]
    exported = [r for r in results if r.case.name.startswith("recorded decision ")]
    assert {r.case.expectation.outcome for r in exported} == outcomes == {
        "APPROVE", "REFER", "DECLINE",
    }  # fmt: skip
    assert len(exported) == 4
    assert [(r.problem, r.differences) for r in exported] == [("", ())] * 4


async def test_an_export_names_nobody(live: Running) -> None:
    """No id of person, request, application, account or record stands in an export."""
    for person in sandbox_people():
        exported = await _recorded(live, person.user_id)
        decision = exported.decision
        text = case(exported) + json_line(exported) + csv_line(exported)
        quality = decision.data_quality
        records = [i for f in decision.factor_values for i in f.evidence.record_ids]
        ids = [decision.decision_id, decision.request_id, decision.application_id]
        ids += [decision.customer_ref, decision.user_id, quality.snapshot_id, person.user_name]
        ids += [*records, *(account.account_id for account in quality.accounts)]
        assert records
        assert [each for each in ids if each in text] == []


@pytest.mark.long
async def test_each_format_of_all_decisions_of_a_product(
    live: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Filters choose, every format has each decision once, and a file is never written over."""
    people = sandbox_people()
    exported = [await _recorded(live, person.user_id) for person in people]
    tags = {one.tag for one in exported}

    async def run_export(*words: str) -> tuple[int, str]:
        line = ["decisions", "cases", *words, "--address", live.service.address]
        code = await asyncio.to_thread(run, line)
        lines = capsys.readouterr().out.splitlines(keepends=True)
        return code, "".join(line for line in lines if not _LOGGED.match(line))

    code, text = await run_export("--format", "jsonl")
    rows = [json.loads(line) for line in text.splitlines()]
    assert (code, {one["decision"] for one in rows}, len(rows)) == (0, tags, 4)
    assert {one["outcome"] for one in rows} == {"APPROVE", "REFER", "DECLINE"}
    code, text = await run_export("--format", "csv", "--outcome", "approve", "--product", PRODUCT)
    [row] = csv.DictReader(text.splitlines())
    assert (row["outcome"], row["requested_amount"]) == ("APPROVE", "20000")
    code, text = await run_export("--format", "csv", "--before", "2020-01-01")
    assert (code, text.startswith("decision,product,"), text.count("\n")) == (0, True, 1)
    code, text = await run_export("--format", "tests", "--product", PRODUCT)
    assert all(f"recorded decision {tag}" in text for tag in tags)
    path = tmp_path / "george.yaml"
    one = [exported[0].decision.decision_id, "--format", "tests", "--out", str(path)]
    assert await run_export(*one) == (Exit.DONE, "")
    assert path.read_text() == cases_head(exported[0]) + case(exported[0])
    assert path.stat().st_mode & 0o777 == 0o600
    assert (await run_export(*one))[0] == Exit.USAGE
    for words in (
        one[:1],
        ["--format", "fixture"],
        ["--format", "tests"],
        [*one[:3], "--product", PRODUCT],
    ):
        assert (await run_export(*words))[0] == Exit.USAGE
