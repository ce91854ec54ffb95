"""Recorded decisions exported as rule tests, which then pass."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.api.v1.ruleset_service_pb2_grpc import RulesetServiceStub
from decision_service.cli.decisions.fixture import fixture
from decision_service.cli.errors import Exit
from decision_service.cli.main import run
from decision_service.language.diagnostics import render
from decision_service.pipeline.rules.loading import load_rules
from decision_service.pipeline.trial.rule_tests import run_rule_tests
from decision_service.simulator.people.sandbox.people import sandbox_people
from decision_service.storage.rules_folder.files import read_rules
from tests.e2e.service import PRODUCT, Running, create, outcome, own_rules


async def _recorded(live: Running, user_id: str) -> tuple[pb.Decision, rules_pb.Ruleset]:
    """Somebody's decision as it is read back, with the rules that made it."""
    request = create(user_id, application_id="app-7301", customer_ref="customer-42")
    made = (await live.stub.CreateDecision(request)).decision
    wanted = service_pb.GetDecisionRequest(decision_id=made.decision_id, view=pb.DECISION_VIEW_FULL)
    decision = (await live.stub.GetDecision(wanted)).decision
    which = rules_pb.GetRulesetRequest(product=PRODUCT, version=decision.ruleset_ref.version)
    return decision, (await RulesetServiceStub(live.channel).GetRuleset(which)).ruleset


async def test_exported_decisions_pass_as_rule_tests(live: Running, tmp_path: Path) -> None:
    """Each sandbox person's decision is a case that comes out as it was decided."""
    folder, outcomes = own_rules(tmp_path), set()
    for person in sandbox_people():
        decision, ruleset = await _recorded(live, person.user_id)
        outcomes.add(outcome(decision))
        path = folder / PRODUCT / "tests" / f"{person.user_name.lower()}.yaml"
        path.write_text(fixture(decision, ruleset))
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
        decision, ruleset = await _recorded(live, person.user_id)
        text = fixture(decision, ruleset)
        quality = decision.data_quality
        records = [i for f in decision.factor_values for i in f.evidence.record_ids]
        ids = [decision.decision_id, decision.request_id, decision.application_id]
        ids += [decision.customer_ref, decision.user_id, quality.snapshot_id, person.user_name]
        ids += [*records, *(account.account_id for account in quality.accounts)]
        assert records
        assert [each for each in ids if each in text] == []


async def test_the_command_writes_a_new_file(live: Running, tmp_path: Path) -> None:
    """`decisions export --fixture --output` writes the case, and never over another file."""
    decision, ruleset = await _recorded(live, sandbox_people()[0].user_id)
    path = tmp_path / "george.yaml"
    words = ["decisions", "export", decision.decision_id, "--fixture", "--output", str(path)]
    words += ["--address", live.service.address]
    assert await asyncio.to_thread(run, words) == Exit.DONE
    assert path.read_text() == fixture(decision, ruleset)
    assert await asyncio.to_thread(run, words) == Exit.USAGE
    assert await asyncio.to_thread(run, [*words[:3], *words[-2:]]) == Exit.USAGE
