"""The RolloutService: looking at rollouts, moving them, and what decisions then do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
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
    refusal,
    refused,
    running,
)
from tests.fakes.plans import CHALLENGED
from tests.kits.until import until
from tests.unit.rollout.plans import edited

GEORGE, RYAN = (person.user_id for person in sandbox_people()[:2])
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

    async def replan(self, text: str, *, refused: bool) -> rollout_pb2.Rollout:
        """Write another plan, and return the rollout once its reading was refused or taken."""
        before = await self.get()
        self.plan.write_text(text)

        def changed(now: rollout_pb2.Rollout) -> bool:
            fresh = now.refused if refused else [now.plan_digest]
            return bool(fresh) and fresh not in (before.refused, [before.plan_digest])

        return await until(self.get, changed)


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


async def test_a_rollout_shows_its_plan_and_where_it_stands(rollout: Rollout) -> None:
    """Stages, shares, versions, what comes next, and the step that led here."""
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


async def test_a_step_tells_who_when_why_and_from_what_to_what(rollout: Rollout) -> None:
    """The answer to a change is its entry in the journal, and the rollout after it."""
    done = await rollout.advance(ticket="RISK-7")
    step = done.step
    assert (step.position, step.action, step.who, step.why) == (2, "advance", "anonymous", "well")
    assert step.ticket == "RISK-7"
    assert (step.before.go_live_stage, step.after.go_live_stage) == ("staff", "pilot")
    assert step.plan_digest == done.rollout.plan_digest
    assert done.rollout.go_live.stage == "pilot"
    assert done.rollout.go_live.entered_by == step
    assert await rollout.get() != done.rollout


async def test_the_kill_switch_beats_the_allow_list_and_is_undone(rollout: Rollout) -> None:
    """Killed, even the allowed are NOT_ENROLLED; revived, they are decided where it stood."""
    assert (await rollout.decide(GEORGE)).assignment.enrolment_reason == "ALLOWED"
    await rollout.kill()
    stopped = await rollout.decide(GEORGE)
    assert (outcome(stopped), stopped.assignment.enrolment_reason) == ("NOT_ENROLLED", "KILLED")
    assert not (await rollout.kill()).HasField("step")
    await rollout.kill(killed=False)
    assert (await rollout.decide(GEORGE)).assignment.enrolment_reason == "ALLOWED"
    assert await rollout.steps() == ["begin", "kill", "revive"]


async def test_killing_the_challenger_leaves_the_champion(rollout: Rollout) -> None:
    """After `kill --arm challenger` everybody who is decided is decided by the champion."""
    await rollout.advance("challenger")
    first = await rollout.decide(GEORGE)
    assert (first.assignment.arm, first.ruleset_ref.version) == ("challenger", 2)
    await rollout.kill("challenger")
    second = await rollout.decide(GEORGE)
    assert (second.assignment.arm_reason, second.ruleset_ref.version) == ("PIN_ENDED", 1)
    request = decisions_pb.ReplayDecisionRequest(decision_id=first.decision_id)
    replayed = await rollout.live.stub.ReplayDecision(request)
    assert replayed.decision.assignment == first.assignment
    assert list(replayed.differing_fields) == []


async def test_pausing_stops_advancing_only(rollout: Rollout) -> None:
    """A paused rollout refuses to advance with the way out, and rolls back as ever."""
    ask = {"product": PRODUCT, "why": "holiday"}
    await rollout.stub.PauseRollout(pb.PauseRolloutRequest(**ask))
    error = await refused(rollout.advance())
    assert (error.code, error.info.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "ROLLOUT_REFUSED",
    )
    assert "resume it before advancing" in error.message
    request = pb.RollBackRolloutRequest(product=PRODUCT, track="challenger", why="to be sure")
    done = await rollout.stub.RollBackRollout(request)
    assert (done.rollout.challenger.stage, done.rollout.challenger.percent) == ("", "0")
    await rollout.stub.ResumeRollout(pb.ResumeRolloutRequest(**ask))
    await rollout.advance()
    assert await rollout.steps() == ["begin", "pause", "roll-back", "resume", "advance"]


async def test_every_change_needs_its_reason(rollout: Rollout) -> None:
    """Without `why` nothing moves, and what is malformed is named field by field."""
    calls = [
        rollout.stub.AdvanceRollout(pb.AdvanceRolloutRequest(product=PRODUCT, track="go-live")),
        rollout.stub.RollBackRollout(pb.RollBackRolloutRequest(product=PRODUCT, why="  ")),
        rollout.stub.PauseRollout(pb.PauseRolloutRequest(product=PRODUCT)),
        rollout.stub.ResumeRollout(pb.ResumeRolloutRequest(product=PRODUCT)),
        rollout.stub.SetKillSwitch(pb.SetKillSwitchRequest(product=PRODUCT, killed=True)),
    ]
    for call in calls:
        error = await refused(call)
        assert error.code is grpc.StatusCode.INVALID_ARGUMENT
        assert set(error.fields) == {"why"}
    many = pb.AdvanceRolloutRequest(
        product=PRODUCT, track="side", why="x\ny", ticket="z" * 101, position=-1
    )
    assert set((await refused(rollout.stub.AdvanceRollout(many))).fields) == {
        "track",
        "why",
        "ticket",
        "position",
    }
    arm = pb.SetKillSwitchRequest(product=PRODUCT, arm="both", why="x", killed=True)
    assert set((await refused(rollout.stub.SetKillSwitch(arm))).fields) == {"arm"}
    assert await rollout.steps() == ["begin"]


async def test_a_change_on_another_plan_is_refused(rollout: Rollout) -> None:
    """What was decided on under one plan is not done under another: PLAN_CHANGED."""
    seen = await rollout.get()
    text = edited(STAGED, ("{name: early, percent: 5}", "{name: early, percent: 6}"))
    now = await rollout.replan(text, refused=False)
    error = await refused(rollout.advance(plan_digest=seen.plan_digest))
    assert (error.code, error.info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "PLAN_CHANGED")
    assert error.info.metadata["plan_digest"] == now.plan_digest
    done = await rollout.advance(plan_digest=now.plan_digest)
    assert done.step.plan_digest == now.plan_digest
    assert await rollout.steps() == ["begin", "plan", "advance"]


async def test_of_two_operators_one_wins_and_the_other_is_told(rollout: Rollout) -> None:
    """Two advance at once on what both saw: one stage is gained, and the other hears by whom."""
    seen = await rollout.get()
    asked = [rollout.advance(position=seen.position) for _ in range(2)]
    done = await asyncio.gather(*asked, return_exceptions=True)
    [error] = [refusal(one) for one in done if isinstance(one, grpc.RpcError)]
    [won] = [one for one in done if not isinstance(one, grpc.RpcError)]
    assert error.info.reason == "ROLLOUT_MOVED_ON"
    assert won.step.who in error.message
    assert (await rollout.get()).go_live.stage == "pilot"


async def test_the_journal_outlives_the_process(tmp_path: Path) -> None:
    """After a restart everything stands where it stood, and nothing was added."""
    rules = planned(tmp_path)
    async with running(tmp_path, rules_dir=str(rules)) as live:
        await on(live, rules).advance()
        await on(live, rules).kill("challenger")
        before = await on(live, rules).get()
    async with running(tmp_path, rules_dir=str(rules)) as live:
        assert await on(live, rules).get() == before
        assert await on(live, rules).steps() == ["begin", "advance", "kill"]


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


async def test_steps_are_listed_in_pages(rollout: Rollout) -> None:
    """Pages go on where they ended, and a token serves no other rollout."""
    for killed in (True, False, True, False):
        await rollout.kill(killed=killed)
    found, token = [], ""
    while True:
        request = pb.ListRolloutStepsRequest(product=PRODUCT, page_size=2, page_token=token)
        reply = await rollout.stub.ListRolloutSteps(request)
        found += [step.position for step in reply.steps]
        if not reply.next_page_token:
            break
        token = reply.next_page_token
    assert found == [5, 4, 3, 2, 1]
    for product, bad in (("gig-advance-ph", token), (PRODUCT, "%"), (PRODUCT, "AAAA")):
        request = pb.ListRolloutStepsRequest(product=product, page_token=bad)
        assert (await refused(rollout.stub.ListRolloutSteps(request))).info.reason == (
            "PAGE_TOKEN_INVALID"
        )


async def test_rollouts_of_unknown_products_are_not_found(rollout: Rollout) -> None:
    """Reading, moving and explaining name the product that is not there."""
    calls = [
        rollout.stub.GetRollout(pb.GetRolloutRequest(product="car-loan")),
        rollout.stub.ListRolloutSteps(pb.ListRolloutStepsRequest(product="car-loan")),
        rollout.stub.PauseRollout(pb.PauseRolloutRequest(product="car-loan", why="x")),
        rollout.stub.AdvanceRollout(pb.AdvanceRolloutRequest(product="car-loan", why="x")),
        rollout.stub.ExplainAssignment(
            pb.ExplainAssignmentRequest(product="car-loan", user_id="u")
        ),
    ]
    for call in calls:
        assert (await refused(call)).info.reason == "PRODUCT_UNKNOWN"


# Plans that change while they run

SEGMENT = """  deny: []
  segments:
    - {name: a, when: inputs.requested_term_months > true, percent: 9}"""
GUARDRAIL = """initial_stage: half
guardrails:
  - {name: g, metric: approval, scope: arm, max: 0.4, min_units: 5, window: 1h, action: pause}
"""
BAD_PLANS = (
    (("percent: 5}", "percent: 105}"), "percent: 105"),
    (("    version: 2", "    version: 7"), "version: 7"),
    (("initial_stage: half", "initial_stage: quarter"), "quarter"),
    (("  deny: []", SEGMENT), "when:"),
    (("initial_stage: half\n", GUARDRAIL), "metric: approval,"),
)


@pytest.mark.long
async def test_a_bad_plan_keeps_the_last_good_one(rollout: Rollout) -> None:
    """Each is told with the line of its fault, and the plan before goes on until it is mended."""
    before = await rollout.get()
    for change, culprit in BAD_PLANS:
        text = edited(STAGED, change)
        shown = await rollout.replan(text, refused=True)
        problem = next(one for one in shown.refused if one.error)
        line = text[: text.index(culprit)].count("\n") + 1
        assert (problem.file.rpartition("/")[2], problem.line) == ("rollout.yaml", line)
        assert shown.plan_digest == before.plan_digest
    assert (await rollout.decide(GEORGE)).assignment.plan_digest == before.plan_digest
    mended = edited(STAGED, ("pin_for: 90d", "pin_for: 91d"))
    assert not (await rollout.replan(mended, refused=False)).refused


async def test_a_salt_that_deals_applicants_cannot_be_changed(rollout: Rollout) -> None:
    """Above 0 % the running rollout refuses the plan, at the line of the salt, and goes on."""
    await rollout.advance()
    before = await rollout.get()
    text = edited(STAGED, ("salt: personal-loan-ph\n", "salt: another\n"))
    shown = await rollout.replan(text, refused=True)
    [problem] = shown.refused
    assert (problem.code, problem.line) == ("P501", 5)
    assert "`personal-loan-ph`" in problem.message
    assert "salt: another" in problem.rendered
    assert shown.plan_digest == before.plan_digest
    assert await rollout.steps() == ["begin", "advance"]


async def test_a_stage_that_is_stood_on_cannot_be_removed(rollout: Rollout) -> None:
    """A plan without the present stage is refused until the rollout has left it."""
    await rollout.advance()
    text = edited(
        STAGED, ("    - {name: pilot, percent: 1}\n", ""), ("pin_for: 90d", "pin_for: 30d")
    )
    [problem] = (await rollout.replan(text, refused=True)).refused
    assert (problem.code, problem.line) == ("P501", 9)
    await rollout.advance()
    shown = await rollout.replan(text, refused=False)
    assert (shown.go_live.stage, shown.go_live.next.name) == ("early", "all")


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
