"""Applicants outside the go-live: told so, recorded, and no call spent on them."""

from pathlib import Path

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.rollout.assign import slot
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import PRODUCT, at_vendor, create, outcome, own_rules

PEOPLE = sandbox_people()
ALLOWED, OTHERS = PEOPLE[0].user_id, [person.user_id for person in PEOPLE[1:]]


def staged(folder: Path, stage: str) -> Path:
    """The shipped rules with a plan that stands at a stage and allows George."""
    rules = own_rules(folder)
    plan = rules / PRODUCT / "rollout.yaml"
    text = plan.read_text()
    assert "initial_stage: all" in text
    text = text.replace("initial_stage: all", f"initial_stage: {stage}", 1)
    lines = [
        f"  allow: [{ALLOWED}]" if line.strip().startswith("allow:") else line
        for line in text.splitlines()
    ]
    plan.write_text("\n".join(lines) + "\n")
    assert ALLOWED in plan.read_text()
    return rules


async def test_outside_the_go_live_nothing_is_asked_of_the_vendor(tmp_path: Path) -> None:
    """NOT_ENROLLED is recorded with reason and slot; the allowed are decided at 0 % too."""
    async with at_vendor(tmp_path, rules_dir=str(staged(tmp_path, "staff"))) as (live, app):
        for user_id in OTHERS:
            # Inputs are not looked at: the existing process decides, by its own.
            request = create(user_id, requested_term_months=None, requested_amount=None)
            decision = (await live.stub.CreateDecision(request)).decision
            assert outcome(decision) == "NOT_ENROLLED"
            assert decision.assignment.enrolment_reason == "NOT_IN_STAGE"
            assert decision.assignment.enrolment_slot == slot(PRODUCT, user_id)
            assert decision.data_quality.upstream_calls == 0
            assert not decision.HasField("ruleset_ref")
        assert {path for path in app.meter.by_path() if path != "/providers"} == set()
        request = service_pb.ListDecisionsRequest(outcome=pb.OUTCOME_NOT_ENROLLED)
        assert len((await live.stub.ListDecisions(request)).decisions) == len(OTHERS)
        decision = (await live.stub.CreateDecision(create(ALLOWED))).decision
        assert outcome(decision) == "APPROVE"
        assert decision.assignment.enrolment_reason == "ALLOWED"
        assert not decision.assignment.HasField("enrolment_slot")
