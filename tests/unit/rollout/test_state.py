"""Where a rollout is, and how it moves."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.domain.decision import Arm
from decision_service.rollout.model import Plan, TrackName
from decision_service.rollout.ports import JournalAction
from decision_service.rollout.state import (
    Proposal,
    ProposalKind,
    Refusal,
    RolloutState,
    StepResult,
    adopt,
    advance,
    fitting,
    initial_state,
    kill,
    roll_back,
)
from decision_service.rollout_running.journal import RolloutChange, stepped
from decision_service.rulebook.rulebook import Product
from tests.fakes.examples import examples
from tests.kits.cases import cases
from tests.unit.rollout.plans import DAY, NOW, SMALL, STAGED, edited, good, staged

DATA = cases("rollout/steps")
PLAN = good(STAGED)
STATE = initial_state(PLAN, NOW)
LATER = NOW + DAY
ARMS = {"product": None} | {arm.value: arm for arm in Arm}
TRACKS = {None: None} | {track.value: track for track in TrackName}


@cache
def plan_of(name: str) -> Plan:
    """A plan of the data file by its name."""
    if name == "gig-advance-ph":
        return replace(PLAN, product=name)
    if name == "no challenger":
        return replace(PLAN, versions=replace(PLAN.versions, challenger=None), caps=())
    return good(SMALL if name == "small" else edited(STAGED, *DATA["plans"].get(name, ())))


def after(step: dict[str, Any], plan: Plan, state: RolloutState, now: datetime) -> StepResult:
    """The state after a step of a scenario."""
    plan = plan_of(step["under"]) if "under" in step else plan
    verb, of = next(iter(step.items()))
    product, action = Product(plan.product, {}, plan, state), None
    change = RolloutChange(plan.product, step.get("by", "ana"), "well")
    match verb:
        case "state":
            return state
        case "adopt":
            return adopt(plan_of(of), state, now)
        case "confirm":
            waiting = plan_of(step["waiting"]) if "waiting" in step else None
            product, change = replace(product, waiting=waiting), replace(change, who=of)
        case "advance" | "roll-back":
            change, action = replace(change, track=TRACKS[of]), JournalAction(verb)
        case _:
            change, action = replace(change, arm=ARMS[of]), JournalAction(verb)
    return stepped(product, state, change, action, now)


def at(state: Any, path: str) -> Any:
    """What is at a path of the state, an instant in days."""
    for name in path.split("."):
        state = None if state is None else getattr(state, name)
    if isinstance(state, tuple):
        return [*state]
    return f"day {(state - NOW).days}" if isinstance(state, datetime) else state


@pytest.mark.parametrize("scenario", DATA["scenarios"], ids=lambda one: one["name"])
def test_steps_lead_where_the_scenario_says(scenario: dict[str, Any]) -> None:
    """Each step is refused in the words of the data file, or leads to the state that it names."""
    plan, day = plan_of(scenario.get("begin", "documented")), 0
    state = initial_state(plan, NOW)
    if "waits" in scenario:
        waits = Proposal(ProposalKind.PLAN, plan_of(scenario["waits"]).digest, "", NOW)
        state = replace(state, proposed=waits)
    for step in scenario["steps"]:
        day = step.get("at", day + 1)
        found = after(step, plan, state, NOW + day * DAY)
        if "refused" in step:
            assert isinstance(found, Refusal), step
            assert [words for words in step["refused"] if words not in found.message] == [], found
            continue
        assert isinstance(found, RolloutState), (step, found)
        state, plan = found, plan_of(step["adopt"]) if "adopt" in step else plan
        expected = step.get("state", {})
        assert {path: at(state, path) for path in expected} == expected, step


@settings(deadline=None, max_examples=examples(200))
@given(
    st.lists(
        st.tuples(st.sampled_from([advance, roll_back]), st.sampled_from(TrackName)), max_size=12
    )
)
def test_a_track_is_always_on_its_ladder(moves):
    """After any steps each track is on a stage or below, with a salt above 0 % only."""
    state = STATE
    for step, track in moves:
        moved = step(PLAN, state, track, LATER)
        state = moved if isinstance(moved, RolloutState) else state
        for stages, now in (
            (PLAN.go_live.stages, state.go_live),
            (PLAN.versions.challenger.stages, state.challenger),
        ):
            assert now.stage is None or stages.named(now.stage) is not None
            assert (now.salt is not None) == (stages.percent(now.stage) > 0)


def test_a_process_follows_as_far_as_its_plan_goes():
    """A stage it does not have leaves a track where it was held, kills and pauses count at once."""
    newer = staged(
        ("{name: half,", "{name: fifth, percent: 20}\n    - {name: half,"),
        ("{name: ten, percent: 10}", "{name: five, percent: 5}, {name: ten, percent: 10}"),
    )
    running = STATE
    for _ in range(2):
        running = advance(PLAN, running, TrackName.GO_LIVE, LATER)
    ahead = running
    for track in TrackName:
        ahead = advance(newer, ahead, track, LATER)
    ahead = replace(kill(ahead, Arm.CHALLENGER), paused=True)
    assert fitting(newer, ahead, running) == ahead
    seen = fitting(PLAN, ahead, running)
    assert (seen.go_live, seen.paused) == (running.go_live, True)
    assert seen.challenger == replace(running.challenger, killed=True)
