"""What holds for every applicant, plan stage and pin."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from msgspec.structs import replace

from decision_service.domain.decision import Arm, ArmReason
from decision_service.domain.values import Money
from decision_service.rollout.assign import Pin, Subject, choose, pin_matters
from decision_service.rollout.model import Track
from decision_service.rollout.state import RolloutState, initial_state, kill
from tests.fakes.examples import examples
from tests.unit.rollout.plans import NOW, STAGED, pin_of, staged

PLAN = staged(("allow: [smiletest-1f…]", "allow: [u-1, u-2]"), ("deny: []", "deny: [u-3]"))
STATE = initial_state(PLAN, NOW)
LADDER = [None, *(s.name for s in PLAN.go_live.stages.steps)]
CHALLENGER = PLAN.versions.challenger
assert CHALLENGER is not None
RUNGS = [None, *(s.name for s in CHALLENGER.stages.steps)]

units = st.one_of(
    st.sampled_from(["u-1", "u-2", "u-3"]), st.integers(0, 10**6).map(lambda i: f"u-{i}")
)
pins = st.builds(
    Pin,
    st.sampled_from(Arm),
    st.integers(1, 4),
    st.integers(0, 120).map(lambda d: NOW - timedelta(days=d)),
)
subjects = st.builds(
    Subject,
    unit=units,
    at=st.just(NOW),
    inputs=st.fixed_dictionaries(
        {}, optional={"customer_type": st.sampled_from(["new", "existing", 3])}
    ),
    pin=st.none() | pins,
    requested_amount=st.none() | st.integers(0, 10_000_000).map(lambda m: Money("PHP", m)),
    approved_today=st.none() | st.integers(0, 60_000_000).map(lambda m: Money("PHP", m)),
)
hashed = st.builds(
    Subject, unit=units, at=st.just(NOW), requested_amount=st.just(Money("PHP", 100))
)


def _at(stage: str | None, rung: str | None) -> RolloutState:
    assert STATE.challenger is not None
    go_live = replace(STATE.go_live, stage=stage)
    return replace(STATE, go_live=go_live, challenger=replace(STATE.challenger, stage=rung))


states = st.builds(_at, st.sampled_from(LADDER), st.sampled_from(RUNGS))


@settings(deadline=None, max_examples=examples(300))
@given(hashed, st.sampled_from(RUNGS), st.data())
def test_raising_go_live_removes_nobody(who, rung, data):
    """Whoever is decided at a stage is decided at every higher one, by the same version."""
    low, high = sorted(
        data.draw(st.lists(st.sampled_from(range(len(LADDER))), min_size=2, max_size=2))
    )
    before = choose(PLAN, _at(LADDER[low], rung), who)
    after = choose(PLAN, _at(LADDER[high], rung), who)
    assert after.enrolled or not before.enrolled
    assert not before.enrolled or after.version == before.version


@settings(deadline=None, max_examples=examples(300))
@given(hashed, st.data())
def test_raising_the_challenger_returns_nobody_to_the_champion(who, data):
    """Whoever the challenger decides at a stage it decides at every higher one."""
    low, high = sorted(
        data.draw(st.lists(st.sampled_from(range(len(RUNGS))), min_size=2, max_size=2))
    )
    before, after = (choose(PLAN, _at("all", RUNGS[i]), who) for i in (low, high))
    assert after.arm is Arm.CHALLENGER or before.arm is Arm.CHAMPION or not before.enrolled


@settings(deadline=None, max_examples=examples(300))
@given(subjects, states)
def test_the_kill_switch_beats_all(who, state):
    """With the product killed nobody is decided, whatever list, pin, segment or stage says."""
    stopped = kill(state, None)
    assert isinstance(stopped, RolloutState)
    chosen = choose(PLAN, stopped, who)
    assert not chosen.enrolled
    assert (chosen.enrolment_reason, chosen.version) == ("KILLED", None)


@settings(deadline=None, max_examples=examples(300))
@given(subjects, states)
def test_a_killed_challenger_decides_nobody_and_loses_nobody(who, state):
    """With the challenger killed the same applicants are decided, all by the champion's arm."""
    stopped = kill(state, Arm.CHALLENGER)
    assert isinstance(stopped, RolloutState)
    chosen = choose(PLAN, stopped, who)
    assert chosen.enrolled == choose(PLAN, state, who).enrolled
    assert chosen.arm is not Arm.CHALLENGER


@settings(deadline=None, max_examples=examples(300))
@given(subjects, states, states)
def test_a_pin_outlives_every_stage(who, first, later):
    """An applicant keeps arm and version through any change of stage that leaves the arm alive."""
    chosen = choose(PLAN, first, structs.replace(who, pin=None))
    pin = pin_of(chosen)
    if pin is None:
        return
    assert later.challenger is not None
    again = choose(PLAN, later, structs.replace(who, pin=pin))
    gone = chosen.arm is Arm.CHALLENGER and later.challenger.stage is None
    assert again.enrolled
    assert (again.arm_reason is ArmReason.PIN_ENDED) == gone
    assert gone or (again.arm, again.version) == (chosen.arm, chosen.version)


ALONE = staged(
    (STAGED[STAGED.index("  challenger:") : STAGED.index("guardrails:")], ""),
    ("allow: [smiletest-1f…]", "allow: [u-1, u-2]"),
    ("deny: []", "deny: [u-3]"),
)


@settings(deadline=None, max_examples=examples(300))
@given(subjects, st.sampled_from(LADDER), st.booleans(), st.sampled_from([PLAN, ALONE]))
def test_a_pin_that_does_not_matter_changes_nothing(who, stage, killed, plan):
    """Where no pin is looked for, none that anybody can have puts an applicant elsewhere."""
    state = replace(initial_state(plan, NOW), go_live=Track(stage, NOW, None, killed=killed))
    if pin_matters(plan, state, who.unit):
        return
    without = choose(plan, state, structs.replace(who, pin=None))
    for version in state.decided_by:
        arm = Arm.CHAMPION if version == plan.versions.champion else Arm.CHALLENGER
        pinned = choose(plan, state, structs.replace(who, pin=Pin(arm, version, NOW)))
        assert (pinned.enrolled, pinned.arm, pinned.version) == (
            without.enrolled,
            without.arm,
            without.version,
        )
