"""Recorded decisions exported as rule tests, which then pass."""

import asyncio
import csv
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.api.v1.ruleset_service_pb2_grpc import RulesetServiceStub
from decision_service.cli.cases import Exported, case, cases_head, csv_line, json_line
from decision_service.cli.main import run
from decision_service.cli.output import Exit
from decision_service.decide.rule_tests import run_rule_tests
from decision_service.rulebook.folder import read_rules
from decision_service.rulebook.load import load_rules
from decision_service.rules.language.diagnostics import render
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import PRODUCT, Running, create, outcome, own_rules

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
