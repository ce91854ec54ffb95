"""The RolloutService: looking at rollouts, moving them, and what decisions then do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest_asyncio

from decision_service.api.v1 import decision_service_pb2 as decisions_pb
from decision_service.api.v1 import rollout_pb2, rollout_service_pb2_grpc, ruleset_service_pb2_grpc
from decision_service.api.v1 import rollout_service_pb2 as pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import (
    PRODUCT,
    Running,
    create,
    outcome,
    own_rules,
    refused,
    running,
)
from tests.fakes.plans import CHALLENGED
from tests.unit.rollout.plans import edited

GEORGE = sandbox_people()[0].user_id
STAGED = edited(
    CHALLENGED,
    ("initial_stage: all", "initial_stage: staff"),
    ("allow: [staff-1]", f"allow: [{GEORGE}]"),
    ("initial_stage: whole", "initial_stage: half"),
)


@dataclass(frozen=True, slots=True)
class Rollout:
    """A running service with one product's rollout at hand, and the plan's file."""

    live: Running
    stub: Any
    plan: Path

    async def get(self) -> rollout_pb2.Rollout:
        return (await self.stub.GetRollout(pb.GetRolloutRequest(product=PRODUCT))).rollout

    async def advance(self, track: str = "go-live", **rest: Any) -> pb.AdvanceRolloutResponse:
        request = pb.AdvanceRolloutRequest(product=PRODUCT, track=track, why="well", **rest)
        return await self.stub.AdvanceRollout(request)

    async def kill(self, arm: str = "", *, killed: bool = True) -> pb.SetKillSwitchResponse:
        request = pb.SetKillSwitchRequest(
            product=PRODUCT, arm=arm, killed=killed, why="too many complaints"
        )
        return await self.stub.SetKillSwitch(request)

    async def steps(self) -> list[str]:
        request = pb.ListRolloutStepsRequest(product=PRODUCT)
        reply = await self.stub.ListRolloutSteps(request)
        return [step.action for step in reversed(reply.steps)]

    async def decide(self, user_id: str) -> Any:
        return (await self.live.stub.CreateDecision(create(user_id))).decision


def on(live: Running, rules: Path) -> Rollout:
    """The product's rollout of a running service."""
    stub = rollout_service_pb2_grpc.RolloutServiceStub(live.channel)
    return Rollout(live, stub, rules / PRODUCT / "rollout.yaml")


def planned(folder: Path, text: str = STAGED) -> Path:
    """The shipped rules under a plan of the test's own."""
    rules = own_rules(folder)
    (rules / PRODUCT / "rollout.yaml").write_text(text)
    return rules


@pytest_asyncio.fixture
async def rollout(tmp_path: Path) -> AsyncIterator[Rollout]:
    """A product at its staff stage, with a challenger at 50 %."""
    rules = planned(tmp_path)
    async with running(tmp_path, rules_dir=str(rules)) as live:
        yield on(live, rules)


async def test_a_rollout_shows_its_plan_where_it_stands_and_each_step(rollout: Rollout) -> None:
    """Stages, shares, versions and what comes next; a change answers with its journal entry."""
    shown = await rollout.get()
    assert (shown.product, shown.unit, shown.position, shown.paused) == (
        PRODUCT,
        "user_id",
        1,
        False,
    )
    go_live, challenger = shown.go_live, shown.challenger
    assert (go_live.version, go_live.stage, go_live.percent) == (1, "staff", "0")
    assert (go_live.next.name, go_live.next.percent) == ("pilot", "1")
    assert [stage.name for stage in go_live.stages] == ["staff", "pilot", "early", "all"]
    assert (challenger.version, challenger.stage, challenger.percent) == (2, "half", "50")
    assert (shown.last_step.action, shown.last_step.who) == ("begin", "service")
    assert go_live.entered_by == challenger.entered_by == shown.last_step
    listed = await rollout.stub.ListRollouts(pb.ListRolloutsRequest())
    assert [one.product for one in listed.rollouts] == ["gig-advance-ph", PRODUCT]
    assert listed.rollouts[1] == shown
    done = await rollout.advance(ticket="RISK-7")
    step = done.step
    assert (step.position, step.action, step.who, step.why) == (2, "advance", "anonymous", "well")
    assert step.ticket == "RISK-7"
    assert (step.before.go_live_stage, step.after.go_live_stage) == ("staff", "pilot")
    assert step.plan_digest == done.rollout.plan_digest
    assert done.rollout.go_live.stage == "pilot"
    assert done.rollout.go_live.entered_by == step


async def test_the_kill_switch_beats_the_allow_list_and_is_undone(rollout: Rollout) -> None:
    """Killed, the allowed are NOT_ENROLLED; without the challenger the champion decides them."""
    await rollout.advance("challenger")
    first = await rollout.decide(GEORGE)
    assert (first.assignment.enrolment_reason, first.assignment.arm) == ("ALLOWED", "challenger")
    await rollout.kill()
    stopped = await rollout.decide(GEORGE)
    assert (outcome(stopped), stopped.assignment.enrolment_reason) == ("NOT_ENROLLED", "KILLED")
    assert not (await rollout.kill()).HasField("step")
    await rollout.kill(killed=False)
    await rollout.kill("challenger")
    second = await rollout.decide(GEORGE)
    assert (second.assignment.arm_reason, second.ruleset_ref.version) == ("PIN_ENDED", 1)
    request = decisions_pb.ReplayDecisionRequest(decision_id=first.decision_id)
    replayed = await rollout.live.stub.ReplayDecision(request)
    assert replayed.decision.assignment == first.assignment
    assert list(replayed.differing_fields) == []
    assert await rollout.steps() == ["begin", "advance", "kill", "revive", "kill"]


async def test_what_cannot_be_done_is_named_field_by_field(rollout: Rollout) -> None:
    """Every change needs its reason, a product that is there, and fields of their form."""
    stub = rollout.stub
    calls = [
        stub.AdvanceRollout(pb.AdvanceRolloutRequest(product=PRODUCT, track="go-live")),
        stub.RollBackRollout(pb.RollBackRolloutRequest(product=PRODUCT, why="  ")),
        stub.PauseRollout(pb.PauseRolloutRequest(product=PRODUCT)),
        stub.ResumeRollout(pb.ResumeRolloutRequest(product=PRODUCT)),
        stub.SetKillSwitch(pb.SetKillSwitchRequest(product=PRODUCT, killed=True)),
    ]
    for call in calls:
        error = await refused(call)
        assert error.code is grpc.StatusCode.INVALID_ARGUMENT
        assert set(error.fields) == {"why"}
    many = {"track": "side", "why": "x\ny", "ticket": "z" * 101, "position": -1}
    request = pb.AdvanceRolloutRequest(product=PRODUCT, **many)
    assert set((await refused(stub.AdvanceRollout(request))).fields) == {*many}
    arm = pb.SetKillSwitchRequest(product=PRODUCT, arm="both", why="x", killed=True)
    assert set((await refused(stub.SetKillSwitch(arm))).fields) == {"arm"}
    assert await rollout.steps() == ["begin"]
    unknown = {"product": "car-loan"}
    for call in (
        stub.GetRollout(pb.GetRolloutRequest(**unknown)),
        stub.ListRolloutSteps(pb.ListRolloutStepsRequest(**unknown)),
        stub.AdvanceRollout(pb.AdvanceRolloutRequest(**unknown, why="x")),
        stub.ExplainAssignment(pb.ExplainAssignmentRequest(**unknown, user_id="u")),
    ):
        assert (await refused(call)).info.reason == "PRODUCT_UNKNOWN"


async def test_an_explanation_is_what_a_decision_records(rollout: Rollout) -> None:
    """For every person, explain names what a decision then has, and records nothing itself."""
    for person in sandbox_people():
        request = create(person.user_id)
        explained = await rollout.stub.ExplainAssignment(
            pb.ExplainAssignmentRequest(
                product=PRODUCT,
                user_id=person.user_id,
                requested_amount=request.requested_amount,
                requested_term_months=request.requested_term_months,
            )
        )
        decision = (await rollout.live.stub.CreateDecision(request)).decision
        assert explained.assignment == decision.assignment
        assert explained.version == decision.ruleset_ref.version
        assert not explained.HasField("pin")
    again = await rollout.stub.ExplainAssignment(
        pb.ExplainAssignmentRequest(product=PRODUCT, user_id=GEORGE)
    )
    assert again.pin.arm == again.assignment.arm
    assert (again.pin.expire_time.seconds - again.pin.create_time.seconds) == 90 * 86400
    error = await refused(
        rollout.stub.ExplainAssignment(pb.ExplainAssignmentRequest(product=PRODUCT))
    )
    assert set(error.fields) == {"user_id"}


# Plans that change while they run


async def test_a_start_on_a_plan_that_clashes_goes_on_by_the_last_good_one(tmp_path: Path) -> None:
    """What a running process would refuse a starting one refuses too, and says so."""
    rules = planned(tmp_path)
    async with running(tmp_path, rules_dir=str(rules)) as live:
        await on(live, rules).advance()
        before = await on(live, rules).get()
    text = edited(STAGED, ("salt: personal-loan-ph\n", "salt: another\n"))
    (rules / PRODUCT / "rollout.yaml").write_text(text)
    async with running(tmp_path, rules_dir=str(rules)) as live:
        shown = await on(live, rules).get()
        assert (shown.plan_digest, shown.position) == (before.plan_digest, before.position)
        assert [problem.code for problem in shown.refused] == ["P501"]
        stub = ruleset_service_pb2_grpc.RulesetServiceStub(live.channel)
        listed = await stub.ListRulesets(rules_pb.ListRulesetsRequest())
        assert [problem.code for problem in listed.refused] == ["P501"]
