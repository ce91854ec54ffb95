"""What a rollout shows of itself."""

from __future__ import annotations

from datetime import timedelta

from decision_service.domain.decision import Arm, Outcome
from decision_service.rollout.judge import ArmCount
from decision_service.rollout.judge import GuardrailState as Said
from decision_service.rollout.model import TrackName
from decision_service.rollout.ports import JournalAction
from decision_service.rollout.state import kill as killed
from decision_service.steering.counters import CounterKind
from decision_service.steering.figures import Figures, NextStage, ShowFigures
from tests.fakes.watched import AUTO, Stand, stand
from tests.fakes.world import NOW, PRODUCT
from tests.kits.arm_figures import PAIR
from tests.unit.rollout.plans import DAY

EARLY = ("initial_stage: staff", "initial_stage: early")


async def shown(one: Stand) -> Figures:
    """The figures as they stand."""
    return await ShowFigures(one.watch, one.log, one.log)(PRODUCT)


def _next(figures: Figures, track: TrackName) -> NextStage:
    return next(one for one in figures.next if one.track is track)


async def test_each_arm_shows_its_share_and_what_it_did() -> None:
    """Shares are of all applicants; outcomes, amounts, errors and latency are the arm's own."""
    one = await stand(EARLY)
    await one.decide(Outcome.APPROVE, 6, approved=100_000)
    await one.decide(Outcome.DECLINE, 2, Arm.CHALLENGER)
    await one.count(CounterKind.ATTEMPTS, 8)
    await one.count(CounterKind.LATENCY, 8, "400")
    await one.count(CounterKind.ATTEMPTS, 4, arm=Arm.CHALLENGER)
    await one.count(CounterKind.RULE_ERROR, 1, arm=Arm.CHALLENGER)
    champion, challenger = (await shown(one)).arms
    assert (champion.version, champion.share, champion.tally.units) == (1, 4_950, 6)
    assert (champion.approved, champion.errors) == (600_000, ArmCount(8, 0))
    assert 300 < champion.p99_ms <= 400
    assert (challenger.version, challenger.share, challenger.tally.declined) == (2, 50, 2)
    assert (challenger.errors, challenger.p99_ms) == (ArmCount(4, 1), 0.0)


async def test_a_challenger_that_decides_nobody_is_no_arm() -> None:
    """Killed, it is left out, and the champion has the whole share."""
    one = await stand(EARLY)
    await one.operate(JournalAction.KILL, lambda plan, state, now: killed(state, Arm.CHALLENGER))
    (champion,) = (await shown(one)).arms
    assert (champion.arm, champion.share) == (Arm.CHAMPION, 5_000)


async def test_a_challenger_that_was_stopped_still_shows_why() -> None:
    """What it decided stays on the screen, with no share any more."""
    one = await stand(EARLY)
    await one.decide(Outcome.DECLINE, 2, Arm.CHALLENGER)
    await one.operate(JournalAction.KILL, lambda plan, state, now: killed(state, Arm.CHALLENGER))
    champion, challenger = (await shown(one)).arms
    assert (champion.share, challenger.share) == (5_000, 0)
    assert (challenger.version, challenger.tally.declined) == (2, 2)


async def test_a_shadow_shows_what_it_would_change() -> None:
    """The results since the figures begin are there by how they stand."""
    one = await stand(EARLY)
    await one.log.put_pairs([PAIR])
    (shadow,) = (await shown(one)).shadows
    assert (shadow.version, shadow.share, shadow.sums.everybody.applicants) == (3, 100_000, 1)


async def test_a_comparison_says_how_many_are_still_needed_and_by_when() -> None:
    """At the pace so far: as long again as it took for every multiple that is missing."""
    one = await stand(EARLY)
    await one.decide(Outcome.APPROVE, 180)
    await one.decide(Outcome.APPROVE, 20, Arm.CHALLENGER)
    one.clock.wall += 2 * DAY
    guard = next(g for g in (await shown(one)).guards if g.word.guardrail.name == "approvals")
    assert guard.awaited is not None
    assert guard.awaited.missing > 0
    assert guard.awaited.by is not None
    late = guard.awaited.by - (one.clock.now() + 2 * DAY * guard.awaited.missing / 20)
    assert abs(late) < timedelta(seconds=1)


async def test_a_comparison_that_waits_says_how_long() -> None:
    """Before it says anything it needs its `min_units`, and that too is told with its instant."""
    one = await stand(EARLY, ("min_units: 300", "min_units: 100000"))
    await one.decide(Outcome.APPROVE, 180)
    await one.decide(Outcome.APPROVE, 20, Arm.CHALLENGER)
    one.clock.wall += DAY
    guard = next(g for g in (await shown(one)).guards if g.word.guardrail.name == "approvals")
    assert guard.word.judgement.standing is Said.WAITING
    assert guard.awaited is not None
    assert guard.awaited.missing == 100_000 - 20


async def test_the_next_stage_waits_for_hold_and_count() -> None:
    """Both are told with their instants; the later one is when it is ready."""
    one = await stand(*AUTO)
    await one.decide(Outcome.APPROVE, 50)
    one.clock.wall += DAY
    coming = _next(await shown(one), TrackName.GO_LIVE)
    assert coming.readiness.next is not None
    assert coming.readiness.next.name == "early"
    assert coming.readiness.holds_until == NOW + 3 * DAY
    assert (coming.count.missing, coming.count.by) == (150, NOW + 4 * DAY)
    assert coming.ready_by == NOW + 4 * DAY


async def test_without_a_pace_nothing_is_foreseen() -> None:
    """Where nobody was decided yet, no instant is made up."""
    one = await stand(*AUTO)
    one.clock.wall += DAY
    coming = _next(await shown(one), TrackName.GO_LIVE)
    assert (coming.count.missing, coming.count.by, coming.ready_by) == (200, None, None)


async def test_figures_go_back_thirty_days_at_most() -> None:
    """A stage that has stood for a year is shown by its last month."""
    one = await stand(EARLY)
    await one.decide(Outcome.APPROVE, 3)
    one.clock.wall += 31 * DAY
    await one.decide(Outcome.DECLINE, 2)
    figures = await shown(one)
    assert figures.since == one.clock.now() - 30 * DAY
    assert figures.arms[0].tally.units == 2


async def test_the_next_stage_tells_of_guardrails_that_have_seen_too_little() -> None:
    """A comparison is the challenger's, a ceiling on the product is go-live's."""
    one = await stand(EARLY)
    figures = await shown(one)
    waiting = {
        track: {(w.guardrail.name, w.judgement.units) for w in _next(figures, track).waiting}
        for track in TrackName
    }
    assert ("approvals", 0) in waiting[TrackName.CHALLENGER]
    assert ("referrals", 0) in waiting[TrackName.GO_LIVE]
    assert not waiting[TrackName.CHALLENGER] & waiting[TrackName.GO_LIVE] - {("errors", 0)}


async def test_the_next_stage_tells_how_many_the_track_has_decided() -> None:
    """Of the challenger's stage only its own decisions count, and only since it stands there."""
    one = await stand(EARLY)
    await one.decide(Outcome.APPROVE, 6)
    figures = await shown(one)
    assert _next(figures, TrackName.CHALLENGER).decisions == 0
    assert _next(figures, TrackName.GO_LIVE).decisions == 6
