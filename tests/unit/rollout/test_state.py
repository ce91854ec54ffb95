"""Where a rollout stands, and how it moves."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.domain.decision import Arm
from decision_service.rollout.assign import is_killed
from decision_service.rollout.model import Track, TrackName
from decision_service.rollout.state import (
    PROPOSAL_LASTS,
    Proposal,
    ProposalKind,
    Refusal,
    RolloutState,
    StepResult,
    adopt,
    advance,
    clashes,
    confirm,
    fitting,
    initial_state,
    kill,
    pause,
    resume,
    revive,
    roll_back,
)
from tests.fakes.examples import examples
from tests.unit.rollout.plans import DAY, NOW, SMALL, STAGED, edited, good, staged

UNCAPPED = (
    "caps:\n  - {name: trial, arm: challenger, amount_per_day: 500000, max_amount: 50000}\n",
    "",
)
PLAN = good(STAGED)
ALONE = good(SMALL)
STATE = initial_state(PLAN, NOW)
LATER = NOW + DAY
GO_LIVE, CHALLENGER = TrackName.GO_LIVE, TrackName.CHALLENGER


def _moved(step: StepResult) -> RolloutState:
    assert isinstance(step, RolloutState), step
    return step


def _refused(step: StepResult) -> str:
    assert isinstance(step, Refusal), step
    return step.message


def _up(state: RolloutState, track: TrackName, times: int = 1) -> RolloutState:
    for _ in range(times):
        state = _moved(advance(PLAN, state, track, LATER))
    return state


def _challenger(state: RolloutState) -> Track:
    assert state.challenger is not None
    return state.challenger


def test_a_plan_begins_at_its_initial_stages():
    """Both tracks begin at their initial stage; at 0 % no salt deals anybody yet."""
    assert (STATE.product, STATE.paused) == (PLAN.product, False)
    assert STATE.go_live == Track("staff", NOW, None)
    assert STATE.challenger == Track("one", NOW, "personal-loan-ph-v2", version=2)
    assert initial_state(ALONE, NOW).challenger is None


def test_advancing_moves_one_stage():
    """One step moves the named track one stage and notes when; the other stays."""
    moved = _up(STATE, GO_LIVE)
    assert moved == replace(STATE, go_live=Track("pilot", LATER, "personal-loan-ph"))
    assert _challenger(_up(STATE, CHALLENGER)).stage == "ten"
    assert _moved(advance(ALONE, NONE, None, LATER)).go_live.stage == "all"
    assert _up(KILLED, GO_LIVE).go_live.stage == "pilot"


def test_rolling_back_ends_at_nought():
    """Below the first stage is 0 %, and from there nothing goes down but the first stage up."""
    below = _moved(roll_back(PLAN, STATE, CHALLENGER, LATER))
    assert _challenger(below) == Track(None, LATER, None, version=2)
    message = _refused(roll_back(PLAN, below, CHALLENGER, LATER))
    assert message == "challenger of personal-loan-ph is below its first stage, at 0 % already"
    assert _challenger(_up(below, CHALLENGER)).stage == "one"


@pytest.mark.parametrize("arm", [None, *Arm])
def test_killing_the_champion_is_killing_the_product(arm):
    """A kill of product or champion stops both arms, and keeps every stage for the revival."""
    killed = _moved(kill(STATE, arm))
    assert is_killed(killed, Arm.CHAMPION) is (arm is not Arm.CHALLENGER)
    assert is_killed(killed, Arm.CHALLENGER)
    assert killed.go_live.stage == "staff"
    assert _moved(revive(PLAN, killed, arm, "ana", LATER)) == STATE


def test_switches_may_be_repeated():
    """Killing, reviving, pausing and resuming twice is the same as once."""
    for arm in (None, Arm.CHALLENGER):
        killed = _moved(kill(STATE, arm))
        assert kill(killed, arm) == killed
        assert revive(PLAN, STATE, arm, "ana", LATER) == STATE
    assert pause(pause(STATE)) == pause(STATE)
    assert resume(STATE) == STATE


RUNNING = _up(STATE, GO_LIVE, 2)
NONE = initial_state(ALONE, NOW)
KILLED = _moved(kill(STATE, Arm.CHALLENGER))
BELOW = _moved(roll_back(PLAN, STATE, CHALLENGER, LATER))
OTHER_SALT = staged(("salt: personal-loan-ph ", "salt: other "))
OTHER_STAGES = staged(
    ("name: early", "name: soon"),
    ("name: one", "name: first"),
    ("initial_stage: one", "initial_stage: first"),
)
V2_AGAIN = staged(("personal-loan-ph-v2", "v2-again"))
DEALT = ("percent: 100\n  stages", "percent: 40\n  stages")
REFUSED: dict[str, tuple[StepResult, Sequence[str]]] = {
    "beyond the last stage": (
        advance(PLAN, _up(STATE, CHALLENGER), CHALLENGER, LATER),
        ["challenger of personal-loan-ph stands at `ten`, its last stage"],
    ),
    "up without a track": (advance(PLAN, STATE, None, LATER), ["--track"]),
    "down without a track": (roll_back(PLAN, STATE, None, LATER), ["--track"]),
    "no challenger to advance": (advance(ALONE, NONE, CHALLENGER, LATER), ["has no challenger"]),
    "no challenger to kill": (kill(NONE, Arm.CHALLENGER), ["has no challenger"]),
    "a killed track": (advance(PLAN, KILLED, CHALLENGER, LATER), ["revive"]),
    "a paused rollout": (advance(PLAN, pause(STATE), GO_LIVE, LATER), ["paused"]),
    "another salt above 0 %": (
        adopt(OTHER_SALT, RUNNING, LATER),
        ["`personal-loan-ph`", "`other`"],
    ),
    "another salt that deals a segment": (
        adopt(
            staged(DEALT, ("salt: personal-loan-ph ", "salt: other ")),
            initial_state(staged(DEALT), NOW),
            LATER,
        ),
        ["`other`"],
    ),
    "another salt of a challenger that runs": (adopt(V2_AGAIN, RUNNING, LATER), ["`v2-again`"]),
    "a plan without the present stages": (
        adopt(OTHER_STAGES, RUNNING, LATER),
        ["stage `early`", "stage `one`"],
    ),
    "a step under a plan that clashes": (
        advance(OTHER_STAGES, RUNNING, GO_LIVE, LATER),
        ["stage `early`"],
    ),
    "a plan of another product": (
        adopt(replace(PLAN, product="gig-advance-ph"), RUNNING, LATER),
        ["gig-advance-ph"],
    ),
}


@pytest.mark.parametrize(("step", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_in_words(step, words):
    """The sentence names what stands against it."""
    assert not [one for one in words if one not in _refused(step)]


def test_pause_stops_advancing_only():
    """A paused rollout rolls back as ever, and goes on when resumed."""
    assert _moved(roll_back(PLAN, pause(STATE), GO_LIVE, LATER)).go_live.stage is None
    assert resume(pause(STATE)) == STATE


# Changed plans


def test_an_unchanged_plan_changes_nothing():
    """A plan adopted again leaves the state as it was."""
    assert adopt(PLAN, RUNNING, LATER) == RUNNING


def test_a_salt_at_nought_may_change():
    """Before anybody was let in, the salt may be another, and deals from the next stage on."""
    assert clashes(V2_AGAIN, BELOW) == clashes(OTHER_SALT, STATE) == ()
    state = _moved(adopt(OTHER_SALT, STATE, LATER))
    assert _moved(advance(OTHER_SALT, state, GO_LIVE, LATER)).go_live.salt == "other"


def test_stages_may_be_added_around_the_present_one():
    """A new stage changes nothing about where the rollout stands, only what comes next."""
    more = staged(("{name: half,", "{name: fifth, percent: 20}\n    - {name: half,"))
    state = _moved(adopt(more, RUNNING, LATER))
    assert state == RUNNING
    assert _moved(advance(more, state, GO_LIVE, LATER)).go_live.stage == "fifth"


def test_another_challenger_begins_anew():
    """A challenger of another version stands at its initial stage, alive, whatever came before."""
    killed = _moved(kill(_up(RUNNING, CHALLENGER), Arm.CHALLENGER))
    other = staged(("version: 2\n", "version: 3\n"), UNCAPPED)
    state = _moved(adopt(other, killed, LATER))
    assert state.challenger == Track("one", LATER, "personal-loan-ph-v2", version=3)
    assert state.go_live == RUNNING.go_live


def test_a_challenger_comes_and_goes_with_the_plan():
    """A challenger removed from the plan is gone from the state, one added begins."""
    versions = STAGED[STAGED.index("challenger:") : STAGED.index("shadow:")]
    without = staged((versions, ""))
    state = _moved(adopt(without, RUNNING, LATER))
    assert state.challenger is None
    assert _challenger(_moved(adopt(PLAN, state, LATER))) == replace(
        _challenger(STATE), since=LATER
    )


@settings(deadline=None, max_examples=examples(200))
@given(
    st.lists(
        st.tuples(st.sampled_from([advance, roll_back]), st.sampled_from(TrackName)), max_size=12
    )
)
def test_a_track_is_always_on_its_ladder(moves):
    """After any steps each track stands on a stage or below, with a salt above 0 % only."""
    state = STATE
    for step, track in moves:
        moved = step(PLAN, state, track, LATER)
        state = moved if isinstance(moved, RolloutState) else state
        for stages, at in (
            (PLAN.go_live.stages, state.go_live),
            (PLAN.versions.challenger.stages, _challenger(state)),
        ):
            assert at.stage is None or stages.named(at.stage) is not None
            assert (at.salt is not None) == (stages.percent(at.stage) > 0)


# Processes with an older plan


def test_a_process_follows_as_far_as_its_plan_goes():
    """A stage it does not have leaves a track where it was held, kills and pauses count at once."""
    newer = staged(
        ("{name: half,", "{name: fifth, percent: 20}\n    - {name: half,"),
        ("{name: ten, percent: 10}", "{name: five, percent: 5}, {name: ten, percent: 10}"),
    )
    ahead = RUNNING
    for track in (GO_LIVE, CHALLENGER):
        ahead = _moved(advance(newer, ahead, track, LATER))
    ahead = pause(_moved(kill(ahead, Arm.CHALLENGER)))
    assert fitting(newer, ahead, RUNNING) == ahead
    seen = fitting(PLAN, ahead, RUNNING)
    assert (seen.go_live, seen.paused) == (RUNNING.go_live, True)
    assert _challenger(seen) == replace(_challenger(RUNNING), killed=True)


def test_a_challenger_of_another_version_is_followed_as_it_is():
    """The gate gives nobody to a version that the plan does not challenge with."""
    other = staged(("version: 2\n", "version: 3\n"), UNCAPPED)
    ahead = _moved(adopt(other, RUNNING, LATER))
    assert fitting(PLAN, ahead, RUNNING) == ahead


def test_every_version_that_ever_decided_is_remembered():
    """Champions and challengers join the list and never leave it."""
    assert STATE.decided_by == (1, 2)
    other = staged(("version: 2\n", "version: 3\n"), UNCAPPED)
    assert _moved(adopt(other, RUNNING, LATER)).decided_by == (1, 2, 3)


TWO = good(edited(STAGED, ("unit: ", "second_person_above: 1\nunit: ")))


def test_a_step_above_the_plans_share_needs_two_callers() -> None:
    """The first caller proposes, repeating it is refused to both, another one confirms."""
    below = _moved(advance(TWO, initial_state(TWO, NOW), GO_LIVE, NOW, "ana"))
    assert (below.go_live.stage, below.proposed) == ("pilot", None)
    proposed = _moved(advance(TWO, below, GO_LIVE, LATER, "ana"))
    assert proposed.go_live == below.go_live
    assert proposed.proposed == Proposal(ProposalKind.ADVANCE, "early", "ana", LATER, GO_LIVE)
    for who in ("ana", "ben"):
        again = _refused(advance(TWO, proposed, GO_LIVE, LATER, who))
        assert "`ana` proposed this already: another caller confirms it" in again
    assert "`ana` proposed" in _refused(confirm(TWO, None, proposed, "ana", LATER))
    assert "paused" in _refused(confirm(TWO, None, pause(proposed), "ben", LATER))
    taken = _moved(confirm(TWO, None, proposed, "ben", LATER))
    assert (taken.go_live.stage, taken.proposed) == ("early", None)
    assert "nothing" in _refused(confirm(TWO, None, taken, "ana", LATER))


@pytest.mark.parametrize(("arm", "needs_two"), [(None, True), (Arm.CHALLENGER, False)])
def test_a_revival_to_a_great_share_needs_two_callers(arm, *, needs_two: bool) -> None:
    """The product has a segment at 100 % and waits for another caller; what is small is one's."""
    killed = _moved(kill(initial_state(TWO, NOW), arm))
    revived = _moved(revive(TWO, killed, arm, "ana", LATER))
    if needs_two:
        assert revived == replace(killed, proposed=revived.proposed)
        assert "`ana` proposed" in _refused(confirm(TWO, None, revived, "ana", LATER))
        revived = _moved(confirm(TWO, None, revived, "ben", LATER))
    assert revived == initial_state(TWO, NOW)


def test_a_changed_plan_waits_for_two_callers_whatever_else_moves() -> None:
    """Its first caller proposes it; steps, pauses and a day that passes leave it waiting."""
    waits = Proposal(ProposalKind.PLAN, PLAN.digest, "", NOW)
    state = replace(initial_state(TWO, NOW), proposed=waits)
    assert pause(state).proposed == waits
    below = _moved(advance(TWO, state, GO_LIVE, NOW, "ana"))
    assert (below.go_live.stage, below.proposed) == ("pilot", waits)
    assert "a changed plan" in _refused(advance(TWO, below, GO_LIVE, LATER, "ana"))
    proposed = _moved(confirm(TWO, PLAN, below, "ana", LATER))
    assert proposed.proposed == replace(waits, by="ana", at=LATER)
    assert "`ana` proposed" in _refused(confirm(TWO, PLAN, proposed, "ana", LATER))
    assert "not the one" in _refused(confirm(TWO, None, proposed, "ben", LATER))
    assert "not the one" in _refused(confirm(TWO, TWO, proposed, "ben", LATER))
    late = _moved(confirm(TWO, PLAN, proposed, "ben", LATER + PROPOSAL_LASTS))
    assert late.proposed == replace(waits, by="ben", at=LATER + PROPOSAL_LASTS)
    taken = _moved(confirm(TWO, PLAN, proposed, "ben", LATER))
    assert taken == replace(below, proposed=None)


def test_the_service_takes_no_step_that_needs_two_callers() -> None:
    """Automatic advancing stops below the share, also where somebody proposed the step."""
    below = _moved(advance(TWO, initial_state(TWO, NOW), GO_LIVE, NOW, "ana"))
    proposed = _moved(advance(TWO, below, GO_LIVE, LATER, "ana"))
    for state in (below, proposed):
        assert "two callers" in _refused(advance(TWO, state, GO_LIVE, LATER))


def test_a_proposal_counts_for_its_step_alone_and_for_a_day() -> None:
    """Later, for another track, after a step back or under another plan it is proposed anew."""
    below = _moved(advance(TWO, initial_state(TWO, NOW), GO_LIVE, NOW, "ana"))
    proposed = _moved(advance(TWO, below, GO_LIVE, LATER, "ana"))
    late = LATER + PROPOSAL_LASTS
    assert "nothing" in _refused(confirm(TWO, None, proposed, "ben", late))
    assert _moved(advance(TWO, proposed, GO_LIVE, late, "ben")).proposed is not None
    again = _moved(
        advance(TWO, _moved(roll_back(TWO, proposed, GO_LIVE, LATER)), GO_LIVE, LATER, "x")
    )
    assert again.proposed is None
    assert _moved(adopt(TWO, proposed, LATER)).proposed is None
    assert pause(proposed).proposed == proposed.proposed


def test_going_back_and_killing_need_one() -> None:
    """What makes a share smaller never waits for a second caller."""
    state = _up(STATE, GO_LIVE, 2)
    assert _moved(roll_back(TWO, state, GO_LIVE, LATER)).go_live.stage == "pilot"
    assert is_killed(_moved(kill(state, None)), Arm.CHAMPION)
