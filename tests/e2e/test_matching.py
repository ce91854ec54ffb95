"""Who applies, compared with whose accounts they are: cold, warm, repeated, replayed, dry."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import grpc
import pytest

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.api.v1 import ruleset_service_pb2_grpc, values_pb2
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import ROOT, create, outcome, own_rules, refused, running
from tests.unit.cli.commands import command

GEORGE = sandbox_people()[0]
RIGHT = {
    "name": "PALOMERO, George Jr.",
    "birth_date": GEORGE.born.isoformat(),
    "phone": "0955 999 1234",
    "email": GEORGE.email.upper(),
}
WRONG = {"name": "Kanaryo Santos", "birth_date": "1961-12-30", "phone": "0917 000 4711"}
NAMES = ("match.birth_date", "match.email", "match.name", "match.phone")
RULES = ROOT / "tests" / "rulesets" / "who-ph"


@pytest.fixture
def rules(tmp_path: Path) -> str:
    """The shipped rules with a product that compares persons."""
    folder = own_rules(tmp_path)
    shutil.copytree(RULES, folder / "who-ph")
    return str(folder)


def asked(applicant: dict[str, str] | None = None, **changes: Any) -> Any:
    """George's application with who applies."""
    details = None if applicant is None else service_pb.ApplicantDetails(**applicant)
    full = pb.DECISION_VIEW_FULL
    return create(GEORGE.user_id, product="who-ph", applicant=details, view=full, **changes)


def grades(decision: pb.Decision) -> list[str]:
    """The grades of birth date, e-mail, name and phone."""
    found = {one.name: one.value.text for one in decision.factor_values}
    return [found[name] for name in NAMES]


def calls(decision: pb.Decision) -> int:
    """The vendor calls that the decision caused."""
    return decision.data_quality.upstream_calls


def reasons(decision: pb.Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


async def test_an_applicant_is_compared_cold_and_warm(
    tmp_path: Path, rules: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A warm decision compares another applicant with no further call; none of it is stored."""
    async with running(tmp_path, rules_dir=rules, webhook_secrets="a-secret-of-tests") as live:
        first = (await live.stub.CreateDecision(asked(RIGHT), timeout=10)).decision
        assert grades(first) == ["EXACT"] * 4
        assert outcome(first) == "APPROVE"
        request = asked(WRONG)
        second = (await live.stub.CreateDecision(request, timeout=10)).decision
        assert grades(second) == ["DIFFERENT", "UNKNOWN", "DIFFERENT", "DIFFERENT"]
        assert (outcome(second), reasons(second)) == ("REFER", ["OTHER_PERSON"])
        assert (calls(first) > 0, calls(second)) == (True, 0)
        again = (await live.stub.CreateDecision(request, timeout=10)).decision
        assert again == second
        unsaid = (await live.stub.CreateDecision(asked(), timeout=10)).decision
        assert grades(unsaid) == ["UNKNOWN"] * 4
        for one in (first, second, unsaid):
            replay = service_pb.ReplayDecisionRequest(decision_id=one.decision_id)
            replayed = await live.stub.ReplayDecision(replay, timeout=10)
            assert not replayed.differing_fields
        words = ("decisions", "cases", second.decision_id, "--format", "tests")
        words += ("--address", live.service.address)
        exported = (await asyncio.to_thread(command, capsys, *words)).out
        assert 'match.name: "DIFFERENT"' in exported
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("decisions.db*"))
    given = ("Kanaryo", "kanaryo", "1961-12-30", "4711", "PALOMERO", "955 999")
    found = ("Palomero", "palomero", "+639559991234", "gpalomero")
    assert [word for word in (*given, *found) if word.encode() in stored] == []
    assert [word for word in (*given, *found) if word in exported] == []


async def test_dry_runs_and_rule_tests_take_given_grades(
    tmp_path: Path, rules: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dry run on a user knows no applicant, so that all is UNKNOWN."""
    done = command(capsys, "rules", "test", f"{rules}/who-ph")
    assert done.code == 0, done.out + done.err
    given = {name: values_pb2.InputValue(text="EXACT") for name in NAMES}
    given["match.name"] = values_pb2.InputValue(text="DIFFERENT")
    given["accounts.connected_count"] = values_pb2.InputValue(number="1")
    sent = create("x")
    more = {"requested_amount": sent.requested_amount, "requested_term_months": 6}
    async with running(tmp_path, rules_dir=rules) as live:
        stub = ruleset_service_pb2_grpc.RulesetServiceStub(live.channel)
        request = rules_pb.EvaluateRulesetRequest(product="who-ph", factors=given, **more)
        reply = (await stub.EvaluateRuleset(request, timeout=10)).decision
        assert reasons(reply) == ["OTHER_PERSON"]
        of_user = rules_pb.EvaluateRulesetRequest(product="who-ph", user_id=GEORGE.user_id, **more)
        reply = (await stub.EvaluateRuleset(of_user, timeout=20)).decision
        assert grades(reply) == ["UNKNOWN"] * 4
        refusal = await refused(live.stub.CreateDecision(asked({"name": "x" * 10_000})))
    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert list(refusal.fields) == ["applicant.name"]
