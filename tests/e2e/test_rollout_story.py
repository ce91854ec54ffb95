"""One rollout from its first day to its last, on two processes that share one PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from decision_service.api.v1 import decision_pb2, rollout_pb2
from decision_service.api.v1 import decision_service_pb2 as decisions_pb
from decision_service.api.v1 import rollout_service_pb2 as pb
from tests.e2e.service import outcome
from tests.e2e.story import (
    CHALLENGED_PLAN,
    MIN_UNITS,
    PATIENCE,
    PRODUCT,
    Server,
    Story,
    challenged,
    crowd,
    told,
)
from tests.kits.postgres import Postgres
from tests.kits.until import until

CHAMPION = "champion"


@pytest.mark.long
async def test_a_rollout_from_staff_to_everybody(tmp_path: Path, postgres: Postgres) -> None:
    """Applicants change their arm by journalled steps alone, and both processes always agree."""
    async with told(tmp_path, postgres.migrated()) as story:
        people = story.crowd
        arms = dict.fromkeys(people.everybody, "") | dict.fromkeys(people.staff, CHAMPION)
        await story.agree_on(arms)
        await story.decide((*people.staff, *people.pilot[:2], *people.outside[:2]))
        await story.agree_on(arms)

        await story.one.advance("staff were content for a week")
        arms |= dict.fromkeys(people.pilot, CHAMPION)
        await story.agree_on(arms)
        await story.decide(people.pilot)

        await story.other.advance("no complaints in the pilot")
        arms |= dict.fromkeys(people.half, CHAMPION)
        await story.agree_on(arms)

        await story.publish(CHALLENGED_PLAN)
        arms |= {one: "challenger" for one in people.half if challenged(one)}
        await story.agree_on(arms)
        made = await story.decide(people.half)
        assert {(d.assignment.arm, outcome(d)) for d in made} == {
            ("champion", "APPROVE"),
            ("challenger", "DECLINE"),
        }
        await the_guardrail_rolls_it_back(story)
        await both_processes_show_the_same_figures(story)
        arms |= dict.fromkeys(people.half, CHAMPION)
        await story.agree_on(arms)
        await a_challengers_decision_replays(story, made)

        await story.one.switch("the bureau asks us to stop", killed=True)
        await decides_nobody(story.other)
        await story.agree_on(dict.fromkeys(arms, ""))
        await story.other.switch("the bureau is content", killed=False)
        await story.agree_on(arms)

        await story.one.advance("five weeks without a finding")
        await story.agree_on(dict.fromkeys(arms, CHAMPION))
        await story.decide(people.outside)
        await the_journal_explains_every_decision(story)


async def the_guardrail_rolls_it_back(story: Story) -> None:
    """Nobody does anything: a process sees it decline too many, and says what it saw."""
    step = (await until(story.other.steps, lambda steps: steps[-1].action == "roll-back"))[-1]
    figures = step.figures
    assert step.who == "guardrail approvals"
    assert step.after.challenger_stage == ""
    assert (figures["metric"], figures["of"]) == ("approval_rate", "challenger")
    assert (figures["value"], figures["allowed"]) == ("-100.0 pt", "no difference")
    approved, seen = figures["challenger"].split(" of ")
    assert (approved, seen) == ("0", figures["units"])
    assert int(seen) >= MIN_UNITS
    assert step.why.startswith("the challenger's approvals against the champion's: -100.0 pt")
    await until(story.one.rollout, lambda now: now.last_step == step)


async def both_processes_show_the_same_figures(story: Story) -> None:
    """What each counted for itself adds up to what both decided since the stage began."""
    request = pb.GetRolloutRequest(product=PRODUCT)

    async def arms() -> list[list[Any]]:
        return [
            list((await server.rollouts.GetRollout(request)).figures.arms)
            for server in (story.one, story.other)
        ]

    (champion, challenger), _ = await until(
        arms, lambda two: two[0] == two[1] and all(a.attempts == a.decisions for a in two[0])
    )
    assert champion.decisions + challenger.decisions == len(story.crowd.half)
    assert champion.approved.count == champion.applicants
    assert challenger.declined.count == challenger.applicants
    assert challenger.percent == "0"


async def a_challengers_decision_replays(story: Story, made: list[decision_pb2.Decision]) -> None:
    """What the challenger decided is still its decision, wherever the rollout stands now."""
    decision = next(d for d in made if d.assignment.arm == "challenger")
    request = decisions_pb.ReplayDecisionRequest(decision_id=decision.decision_id)
    replayed = await story.other.decisions.ReplayDecision(request)
    assert replayed.decision.assignment == decision.assignment
    assert replayed.decision.ruleset_ref.version == 2
    assert list(replayed.differing_fields) == []


async def decides_nobody(server: Server) -> None:
    """A process that was told nothing stops deciding, even for the allowed."""
    await until(
        lambda: server.decide(crowd().staff[0]),
        lambda decision: decision.assignment.enrolment_reason == "KILLED",
    )


async def the_journal_explains_every_decision(story: Story) -> None:
    """Each stands at a stage, and has an arm, that a step in force then gives."""
    steps = await story.one.steps()
    assert [step.action for step in steps] == [
        "begin",
        "advance",
        "advance",
        "plan",
        "roll-back",
        "kill",
        "revive",
        "advance",
    ]
    for decision in await story.other.recorded():
        assert any(explains(standing, decision) for standing in in_force(steps, decision))


def in_force(
    steps: list[rollout_pb2.RolloutStep], decision: decision_pb2.Decision
) -> list[rollout_pb2.RolloutStanding]:
    """Where the rollout stood at a decision, and shortly before, since news takes its time."""
    at, late = instant(decision), timedelta(seconds=PATIENCE)
    before = [step for step in steps if instant(step) <= at]
    fresh = [step.before for step in before if at - instant(step) < late]
    return [before[-1].after, *fresh]


def explains(standing: rollout_pb2.RolloutStanding, decision: decision_pb2.Decision) -> bool:
    """Whether a decision can have been made where the rollout stood."""
    assignment = decision.assignment
    if standing.killed:
        return assignment.enrolment_reason == "KILLED"
    runs = bool(standing.challenger_stage) and not standing.challenger_killed
    same = assignment.stage == standing.go_live_stage and assignment.enrolment_reason != "KILLED"
    return same and (runs or assignment.arm != "challenger")


def instant(message: decision_pb2.Decision | rollout_pb2.RolloutStep) -> datetime:
    """When it was made."""
    return message.create_time.ToDatetime(tzinfo=UTC)
