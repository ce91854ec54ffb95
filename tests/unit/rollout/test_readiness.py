"""What the next stage waits for."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from decision_service.domain.decision import Arm
from decision_service.rollout.judge import GuardrailState, Judgement, advances_itself, waits_for
from decision_service.rollout.model import TrackName
from decision_service.rollout.state import (
    RolloutState,
    advance,
    initial_state,
    kill,
    pause,
    roll_back,
)
from tests.unit.rollout.plans import DAY, NOW, SMALL, STAGED, good, staged

PLAN = good(STAGED)
AUTOMATIC = staged(
    ("{name: staff, percent: 0}", "{name: staff, percent: 0, hold: 1d}"),
    ("advance: manual", "advance: auto"),
)
STATE = advance(PLAN, initial_state(PLAN, NOW), TrackName.GO_LIVE, NOW)
assert isinstance(STATE, RolloutState)  # at pilot: 3 days and 200 decisions
WELL = [
    Judgement("slow", GuardrailState.OK, 100, 500),
    Judgement("errors", GuardrailState.WAITING, 0, 3),
]
TRIPPED = [Judgement("slow", GuardrailState.TRIPPED, 9_000, 500)]


def test_what_is_waited_for():
    """The next stage, the end of the hold and the decisions still missing are told."""
    found = waits_for(PLAN, STATE, TrackName.GO_LIVE, 150, WELL)
    assert found is not None
    assert found.next is not None
    assert (found.next.name, found.holds_until) == ("early", NOW + 3 * DAY)
    assert (found.decisions_missing, found.blocked_by) == (50, ())


@pytest.mark.parametrize(
    ("days", "decisions", "judgements", "ready"),
    [
        (3, 200, WELL, True),
        (2, 200, WELL, False),
        (3, 199, WELL, False),
        (3, 200, TRIPPED, False),
    ],
    ids=["all met", "hold", "count", "guardrail"],
)
def test_hold_count_and_guardrails_are_all_met(days, decisions, judgements, ready):
    """Automatic advancing needs hold, count and guardrails together; manual never happens alone."""
    now = NOW + days * DAY
    assert advances_itself(AUTOMATIC, STATE, decisions, judgements, now) is ready
    assert not advances_itself(PLAN, STATE, decisions, judgements, now)


def _killed(state: RolloutState) -> RolloutState:
    stopped = kill(state, None)
    assert isinstance(stopped, RolloutState)
    return stopped


def _below(state: RolloutState) -> RolloutState:
    for _ in range(2):
        lower = roll_back(PLAN, state, TrackName.GO_LIVE, NOW)
        assert isinstance(lower, RolloutState)
        state = lower
    return state


@pytest.mark.parametrize(
    ("change", "word"), [(pause, "paused"), (_killed, "killed"), (_below, "below its first stage")]
)
def test_what_else_blocks(change, word):
    """A paused, killed or fully rolled back rollout never goes on by itself, and says why."""
    state = change(STATE)
    found = waits_for(AUTOMATIC, state, TrackName.GO_LIVE, 10_000, WELL)
    assert found is not None
    assert any(word in block for block in found.blocked_by)
    assert not advances_itself(AUTOMATIC, state, 10_000, WELL, NOW + 99 * DAY)


def test_the_last_stage_waits_for_nothing():
    """At the last stage there is no next one and nothing to be ready for."""
    state = replace(STATE, go_live=replace(STATE.go_live, stage="all"))
    found = waits_for(AUTOMATIC, state, TrackName.GO_LIVE, 10_000, WELL)
    assert found is not None
    assert found.next is None
    assert not found.at(NOW + DAY)


def test_the_challengers_next_stage():
    """The challenger's track is told by its own ladder, blocked where it is killed."""
    state = kill(STATE, Arm.CHALLENGER)
    assert isinstance(state, RolloutState)
    found = waits_for(PLAN, state, TrackName.CHALLENGER, 0, WELL)
    assert found is not None
    assert found.next is not None
    assert (found.next.name, found.blocked_by) == ("ten", ("killed",))


def test_a_plan_without_challenger_has_no_such_track():
    """There is nothing to wait for on a track the plan has not."""
    plan = good(SMALL)
    assert waits_for(plan, initial_state(plan, NOW), TrackName.CHALLENGER, 0, WELL) is None
