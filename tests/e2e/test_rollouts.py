"""A rollout as operators lead it: plan, steps, commands, and a plan that two confirm."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from decision_service.api.v1 import decision_service_pb2 as decisions_pb
from decision_service.api.v1 import (
    decision_service_pb2_grpc,
    rollout_pb2,
    rollout_service_pb2_grpc,
    ruleset_service_pb2_grpc,
)
from decision_service.api.v1 import rollout_service_pb2 as pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.cli.output import Exit
from decision_service.domain.errors import FieldInvalid
from decision_service.server.services.rollouts import change_from
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import build_app, serve
from tests.e2e.process import Process, serving
from tests.e2e.process import command as program
from tests.e2e.service import PRODUCT, Running, create, outcome, own_rules, refused, running
from tests.e2e.team import Metadata, Team
from tests.fakes.plans import CHALLENGED
from tests.kits.cases import until
from tests.unit.cli.commands import Done, command
from tests.unit.rollout.plans import edited

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kits.postgres import Postgres

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


MANY = {"track": "side", "why": "x\ny", "ticket": "z" * 101, "position": -1}


@pytest.mark.parametrize(
    ("request_of", "sent", "wrong"),
    [
        (pb.RollBackRolloutRequest, {"why": "  "}, {"why"}),
        (pb.PauseRolloutRequest, {}, {"why"}),
        (pb.AdvanceRolloutRequest, MANY, {*MANY}),
        (pb.SetKillSwitchRequest, {"arm": "both", "why": "x", "killed": True}, {"arm"}),
    ],
)
def test_what_a_change_lacks_is_named_field_by_field(
    request_of: type[Any], sent: dict[str, Any], wrong: set[str]
) -> None:
    """Every change needs its reason, and fields of their form."""
    with pytest.raises(FieldInvalid) as error:
        change_from(request_of(product=PRODUCT, **sent), None)  # type: ignore[arg-type]  # unread
    assert {problem.field for problem in error.value.problems} == wrong


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
    unknown = pb.PauseRolloutRequest(product="car-loan", why="x")
    assert (await refused(rollout.stub.PauseRollout(unknown))).info.reason == "PRODUCT_UNKNOWN"


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


PLAN = edited(
    CHALLENGED,
    ("initial_stage: all", "initial_stage: staff"),
    ("allow: [staff-1]", f"allow: [{GEORGE}]"),
    ("{name: pilot, percent: 1}", "{name: pilot, percent: 1, hold: 3d, min_decisions: 200}"),
    ("initial_stage: whole", "initial_stage: half"),
)

Run = Callable[..., object]


@pytest_asyncio.fixture
async def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Run]:
    """Runs `decision-service rollout …` against a service with a staged plan."""
    rules = own_rules(tmp_path)
    (rules / PRODUCT / "rollout.yaml").write_text(PLAN)
    with capture_logs():
        async with running(tmp_path, rules_dir=str(rules)) as live:

            async def call(*words: str) -> Done:
                at = ("--address", live.service.address)
                return await asyncio.to_thread(command, capsys, "rollout", *words, *at)

            yield call


async def test_show_says_where_it_stands_and_what_comes_next(
    run: Run,
) -> None:
    """Stage, share, since when, by whom and why; the arms' shares; the command for the next."""
    await run("advance", PRODUCT, "--track", "go-live", "--why", "staff were content")
    done = await run("show", PRODUCT)
    assert done.code == Exit.DONE, done.err
    lines = done.out.splitlines()
    head = f"{PRODUCT} · go-live stage pilot (1 %) since 20"
    head_line = next(line for line in lines if line.startswith(head))
    assert head_line.endswith("UTC by anonymous “staff were content”")
    assert any("challenger v2 · stage half (50 %)" in line for line in lines)
    shares = [line.split()[:4] for line in lines if line.split()[3:4] == ["%"]]
    assert shares == [["champion", "v1", "0.50", "%"], ["challenger", "v2", "0.50", "%"]]
    following = next(line for line in lines if line.startswith("Next: go-live"))
    assert "stage early (5 %) from 20" in following
    assert f'decision-service rollout advance {PRODUCT} --track go-live --why "…"' in following


async def test_a_change_says_what_it_did_and_history_says_it_again(
    run: Run,
) -> None:
    """A change that changes nothing says so; history has the newest first, page by page."""
    for words, said in (
        (("advance", "--track", "go-live"), "go-live staff → pilot (step 2, by anonymous)"),
        (("roll-back", "--track", "challenger"), "challenger v2 half → 0 % (step 3,"),
        (("pause",), "paused (step 4,"),
        (("resume", "--ticket", "RISK-7"), "resumed (step 5, by anonymous)"),
        (("kill",), "product killed (step 6,"),
        (("kill",), "nothing changed"),
        (("revive",), "product revived (step 7,"),
        (("kill", "--arm", "challenger"), "challenger v2 killed (step 8,"),
    ):
        done = await run(words[0], PRODUCT, *words[1:], "--why", "[b]because[/b]")
        assert (done.code, done.err) == (Exit.DONE, "")
        assert f"{PRODUCT}: {said}" in done.out
    lines = (await run("history", PRODUCT)).out.splitlines()
    rows = [line.split()[0] for line in lines[1:] if line.strip()]
    assert rows == [*"87654321"]
    assert "RISK-7" in lines[4]
    assert "product killed" in lines[3]
    assert "[b]because[/b]" in lines[3]
    assert "go-live at staff, challenger v2 at half" in lines[8]
    page = await run("history", PRODUCT, "--limit", "7")
    token = page.out.rpartition("--page-token ")[2].strip()
    rest = await run("history", PRODUCT, "--page-token", token, "--format", "json")
    assert [step["action"] for step in json.loads(rest.out)["steps"]] == ["begin"]


async def test_a_refused_change_is_exit_code_one(
    run: Run,
) -> None:
    """What the rollout refuses is a finding, with the reason and what to do; a bad name is not."""
    await run("pause", PRODUCT, "--why", "holiday")
    refused = await run("advance", PRODUCT, "--track", "go-live", "--why", "go")
    assert refused.code == Exit.FINDINGS
    assert "is paused: resume it before advancing" in refused.err
    assert refused.err.count("\n") == 1
    stale = ("--position", "1", "--plan-digest", "0" * 64, "--debug")
    changed = await run("roll-back", PRODUCT, "--track", "challenger", "--why", "x", *stale)
    assert (changed.code, "reason PLAN_CHANGED" in changed.err) == (Exit.FINDINGS, True)
    late = await run(
        "roll-back", PRODUCT, "--track", "challenger", "--why", "x", "--position", "1", "--debug"
    )
    assert (late.code, "reason ROLLOUT_MOVED_ON" in late.err) == (Exit.FINDINGS, True)
    unknown = await run("show", "car-loan")
    assert (unknown.code, "NOT_FOUND: " in unknown.err) == (Exit.SERVER, True)


async def test_a_step_before_hold_and_count_says_why_it_is_early(
    run: Run,
) -> None:
    """Without --early it is refused with what is not met; with it the journal has both."""
    up = ("advance", PRODUCT, "--track", "go-live", "--why", "go on")
    assert (await run(*up)).code == Exit.DONE
    refused = await run(*up)
    assert refused.code == Exit.FINDINGS
    assert "is held until 20" in refused.err
    assert "UTC and has 0 of 200 decisions: wait, or advance with --early and say" in refused.err
    early = await run(*up, "--early")
    assert "go-live pilot → early" in early.out, early.err
    [step, *_] = json.loads((await run("history", PRODUCT, "--format", "json")).out)["steps"]
    assert "has 0 of 200 decisions" in step["figures"]["did not wait"]
    assert (await run(*up)).code == Exit.DONE
    nothing = await run("confirm", PRODUCT, "--why", "go")
    assert (nothing.code, "nothing of" in nothing.err) == (Exit.FINDINGS, True)


LOCKED = edited(
    CHALLENGED,
    ("unit: ", "second_person_above: 10\nunit: "),
    ("initial_stage: all", "initial_stage: staff"),
)

OPENED = edited(
    LOCKED,
    ("second_person_above: 10\n", ""),
    ("  deny: []", "  segments: [{name: all, when: inputs.requested_amount > 0, percent: 100}]"),
)


class Operators:
    """A process as its operators reach it: what it shows and decides, and commands by a caller."""

    def __init__(self, process: Process, folder: Path, los: Metadata) -> None:
        channel = grpc.insecure_channel(process.address)
        self._rollouts = rollout_service_pb2_grpc.RolloutServiceStub(channel)
        self._decisions = decision_service_pb2_grpc.DecisionServiceStub(channel)
        self._at, self._folder, self._los = process.address, folder, los

    async def look(self) -> tuple[rollout_pb2.Rollout, str]:
        """The rollout, and how an applicant is decided now who is neither allowed nor pinned."""
        ask = pb.GetRolloutRequest(product=PRODUCT)
        get, decide = self._rollouts.GetRollout, self._decisions.CreateDecision
        made = await asyncio.to_thread(decide, create(GEORGE), metadata=self._los)
        shown = await asyncio.to_thread(get, ask, metadata=self._los)
        return shown.rollout, outcome(made.decision)

    async def run(self, name: str, *words: str) -> Any:
        """A rollout command by a caller."""
        who = ("--address", self._at, "--token-file", str(self._folder / name))
        return await asyncio.to_thread(program, "rollout", *words, *who, folder=self._folder)


@pytest.mark.long
async def test_an_edited_plan_waits_over_a_crash_and_is_confirmed_by_two(
    tmp_path: Path, postgres: Postgres
) -> None:
    """One row waits; after a kill the plan before goes on in every process; two confirm."""
    rules, team = own_rules(tmp_path), Team(tmp_path)
    plan = rules / PRODUCT / "rollout.yaml"
    plan.write_text(LOCKED)
    los = team.hire("los", "decide", "read")
    for name in ("ana", "ben"):
        team.hire(name, "rollout")
        (tmp_path / name).write_text(team.tokens[name])
    async with AsyncExitStack() as stack:
        vendor = serve(build_app(api_key="k", api_secret="s"))
        settings = {
            "smile_mode": "sandbox",
            "smile_base_url": await stack.enter_async_context(vendor),
            "smile_api_key": "k",
            "smile_api_secret": "s",
            "rules_dir": str(rules),
            "store_url": postgres.migrated(),
            "auth_tokens_file": str(team.path),
        }

        async def started() -> Operators:
            starting = stack.enter_context, serving(tmp_path, **settings)
            return Operators(await asyncio.to_thread(*starting), tmp_path, los)

        with serving(tmp_path, **settings) as process:
            one = Operators(process, tmp_path, los)
            in_force = (await one.look())[0].plan_digest
            plan.write_text(OPENED)
            await until(one.look, lambda now: now[0].HasField("proposed"))
            process.kill()
        one, other = await started(), await started()
        for process in (one, other):
            rollout, decided = await process.look()
            assert (rollout.position, rollout.plan_digest) == (2, in_force)
            assert (decided, rollout.proposed.by) == ("NOT_ENROLLED", "")
        shown = (await other.run("ana", "show", PRODUCT)).stdout
        assert "waits for two callers to confirm it" in shown
        assert "`second_person_above` is gone" in shown
        assert "segment all (inputs.requested_amount > 0) gets 100 %" in shown
        assert f'decision-service rollout confirm {PRODUCT} --why "…"' in shown
        first = await one.run("ana", "confirm", PRODUCT, "--why", "the board decided")
        assert "proposed by ana, another caller confirms it by" in first.stdout, first.stderr
        again = await one.run("ana", "confirm", PRODUCT, "--why", "the board decided")
        assert again.returncode == 1, again.stderr
        assert "`ana` proposed this already: another caller confirms it" in again.stderr
        assert "another caller confirms it" in again.stderr
        assert (await one.look())[1] == "NOT_ENROLLED"
        last = await one.run("ben", "confirm", PRODUCT, "--why", "as signed", "--ticket", "R-9")
        assert (last.returncode, last.stderr) == (0, "")
        rollout, _ = await until(other.look, lambda now: now[1] != "NOT_ENROLLED")
        assert (rollout.last_step.who, rollout.last_step.action) == ("ben", "plan")
        assert rollout.plan_digest == rollout.last_step.plan_digest != in_force
        history = (await other.run("ben", "history", PRODUCT)).stdout
        for word in ("service", "ana", "ben", "R-9", "propose", "plan"):
            assert word in history
