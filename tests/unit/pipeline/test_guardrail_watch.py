"""Guardrails that look all the time and act by themselves."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from decision_service.domain.decision import Arm, Outcome, ReferKind
from decision_service.domain.errors import RolloutMovedOn, StoreUnavailable
from decision_service.rollout.judge import GuardrailState
from decision_service.rollout.model import TrackName
from decision_service.rollout.ports import JournalAction, JournalEntry
from decision_service.rollout.state import advance as advanced
from decision_service.rollout.state import kill as killed
from decision_service.rollout.state import resume as resumed
from decision_service.rollout.state import revive as revived
from decision_service.steering import guardrails as guardrail_watch
from decision_service.steering.counters import CounterKind
from decision_service.steering.guardrails import AUTO_ADVANCE
from tests.fakes.counted import counted
from tests.fakes.log import captured
from tests.fakes.watched import AUTO, MEANT, OUTAGE, Stand, stand
from tests.fakes.world import PRODUCT
from tests.unit.rollout.plans import DAY


async def declining_too_much(one: Stand) -> None:
    """The challenger approves 30 % where the champion approves 70 %."""
    await one.decide(Outcome.APPROVE, 420)
    await one.decide(Outcome.DECLINE, 180)
    await one.decide(Outcome.APPROVE, 90, Arm.CHALLENGER)
    await one.decide(Outcome.DECLINE, 210, Arm.CHALLENGER)


async def test_a_challenger_that_declines_too_much_is_rolled_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The guardrail's step is in the journal and the log with its figures, and counted."""
    one, lines = await stand(), captured(monkeypatch, guardrail_watch)
    await declining_too_much(one)
    entry = await one.check()
    assert entry is not None
    assert (entry.who, entry.action) == ("guardrail approvals", JournalAction.ROLL_BACK)
    assert entry.figures == {
        "metric": "approval_rate",
        "of": "challenger",
        "value": "-40.0 pt",
        "allowed": "-6.0 ± 3.0 pt meant",
        "units": "300",
        "window": "since 2026-11-24 04:00:00 UTC",
        "champion": "420 of 600",
        "challenger": "90 of 300",
    }
    assert entry.why == (
        "the challenger's approvals against the champion's: -40.0 pt, allowed -6.0 ± 3.0 pt meant "
        "(300 applicants, since 2026-11-24 04:00:00 UTC)"
    )
    assert one.state.challenger is not None
    assert one.state.challenger.stage is None
    names = {"product": PRODUCT, "action": "roll-back", "guardrail": "approvals"}
    assert counted(one.seen.guardrail_actions, **names) == 1
    [line] = [line for line in lines if line["event"] == "rollout moved"]
    assert (line["who"], line["action"], line["figures"]) == (entry.who, "roll-back", entry.figures)
    assert await one.check() is None


async def test_what_is_meant_is_no_alarm() -> None:
    """Eight points fewer, within what is meant, do nothing; unmeant they do."""
    figures = [(Arm.CHAMPION, 3000, 0.70), (Arm.CHALLENGER, 3000, 0.62)]
    moves = []
    for changes in ((), ((MEANT, ""),)):
        one = await stand(*changes)
        for arm, units, rate in figures:
            await one.decide(Outcome.APPROVE, round(units * rate), arm)
            await one.decide(Outcome.DECLINE, round(units * (1 - rate)), arm)
        moves.append(await one.check())
    assert moves[0] is None
    assert moves[1] is not None


async def test_below_its_first_stage_a_challenger_is_not_compared() -> None:
    """Rolled back to nobody there is nothing to watch; begun anew, the count begins anew."""
    one = await stand()
    await declining_too_much(one)
    await one.check()
    assert "approvals challenger" not in await one.standings()
    step = lambda plan, state, now: advanced(plan, state, TrackName.CHALLENGER, now)  # noqa: E731 - a step
    await one.operate(JournalAction.ADVANCE, step)
    assert (await one.standings())["approvals challenger"] is GuardrailState.WAITING
    assert await one.check() is None


async def test_too_many_referrals_pause_the_product() -> None:
    """Over the ceiling the rollout is paused, once; exactly at it nothing happens."""
    one = await stand()
    await one.decide(Outcome.REFER, 80, refer_kind=ReferKind.SCORE)
    await one.decide(Outcome.APPROVE, 120)
    assert await one.check() is None
    await one.decide(Outcome.REFER, 1, refer_kind=ReferKind.SCORE)
    entry = await one.check()
    assert entry is not None
    assert (entry.action, entry.figures["value"], entry.figures["allowed"]) == (
        JournalAction.PAUSE,
        "40.3 %",
        "40 %",
    )
    assert entry.figures["window"] == "the last 24h"
    assert one.state.paused
    assert await one.check() is None


async def test_what_an_operator_answered_is_not_looked_at_again() -> None:
    """After a resume only what came since counts, within the same hour and window too."""
    one = await stand()
    await one.decide(Outcome.REFER, 300, refer_kind=ReferKind.SCORE)
    assert await one.check() is not None
    await one.operate(JournalAction.RESUME, lambda plan, state, now: resumed(state))
    assert await one.check() is None
    assert (await one.standings())["referrals product"] is GuardrailState.WAITING


async def test_internal_errors_kill_the_arm_they_come_from() -> None:
    """Errors and rule errors of the challenger over its attempts kill it and nobody else."""
    one = await stand()
    await one.count(CounterKind.ATTEMPTS, 1000)
    await one.count(CounterKind.ATTEMPTS, 100, arm=Arm.CHALLENGER)
    await one.count(CounterKind.ERROR, 1, "INTERNAL", Arm.CHALLENGER)
    await one.count(CounterKind.RULE_ERROR, 1, arm=Arm.CHALLENGER)
    assert await one.check() is None
    await one.count(CounterKind.RULE_ERROR, 1, arm=Arm.CHALLENGER)
    entry = await one.check()
    assert entry is not None
    assert (entry.who, entry.figures["of"], entry.figures["value"]) == (
        "guardrail errors",
        "challenger",
        "3.0 %",
    )
    assert one.state.challenger is not None
    assert (one.state.challenger.killed, one.state.go_live.killed) == (True, False)


async def test_errors_from_before_a_revive_do_not_kill_again() -> None:
    """An operator's revive begins the counting anew, in the middle of the hour."""
    one = await stand()
    await one.count(CounterKind.ATTEMPTS, 100, arm=Arm.CHALLENGER)
    await one.count(CounterKind.ERROR, 50, "INTERNAL", Arm.CHALLENGER)
    assert await one.check() is not None
    revive = lambda plan, state, now: revived(plan, state, Arm.CHALLENGER, "j.cruz", now)  # noqa: E731 - a step
    await one.operate(JournalAction.REVIVE, revive)
    assert await one.check() is None
    await one.count(CounterKind.ATTEMPTS, 100, arm=Arm.CHALLENGER)
    await one.count(CounterKind.ERROR, 50, "INTERNAL", Arm.CHALLENGER)
    assert await one.check() is not None


async def test_a_comparison_begins_anew_when_the_challenger_is_revived() -> None:
    """While it was killed the arms did not decide side by side."""
    one = await stand()
    await one.operate(JournalAction.KILL, lambda plan, state, now: killed(state, Arm.CHALLENGER))
    await declining_too_much(one)
    revive = lambda plan, state, now: revived(plan, state, Arm.CHALLENGER, "j.cruz", now)  # noqa: E731 - a step
    await one.operate(JournalAction.REVIVE, revive)
    assert await one.check() is None


async def test_an_outage_of_the_vendor_kills_nobody() -> None:
    """However many attempts fail for the vendor or the store, no arm is killed."""
    one = await stand()
    for code in ("UPSTREAM_UNAVAILABLE", "STORE_UNAVAILABLE", "DEADLINE_EXCEEDED"):
        await one.count(CounterKind.ATTEMPTS, 500, arm=Arm.CHALLENGER)
        await one.count(CounterKind.ERROR, 500, code, Arm.CHALLENGER)
    assert await one.check() is None


async def test_an_outage_may_pause() -> None:
    """A ceiling on the vendor's errors pauses the rollout."""
    one = await stand(OUTAGE)
    await one.count(CounterKind.ATTEMPTS, 500)
    await one.count(CounterKind.ERROR, 51, "UPSTREAM_UNAVAILABLE")
    entry = await one.check()
    assert entry is not None
    assert (entry.who, entry.action) == ("guardrail outage", JournalAction.PAUSE)


async def test_slowness_is_judged_by_the_99th_percentile() -> None:
    """One in a hundred may be slower than the ceiling, two may not."""
    one = await stand()
    await one.count(CounterKind.LATENCY, 198, "300")
    await one.count(CounterKind.LATENCY, 2, "5000", Arm.CHALLENGER)
    assert await one.check() is None
    await one.count(CounterKind.LATENCY, 2, "5000", None)
    entry = await one.check()
    assert entry is not None
    assert (entry.who, entry.figures["allowed"]) == ("guardrail slow", "1,500 ms")


async def test_the_severest_of_several_acts_first() -> None:
    """Where one guardrail would pause and a later one kill, it is killed at once."""
    one = await stand()
    await one.decide(Outcome.REFER, 300, refer_kind=ReferKind.SCORE)
    await one.count(CounterKind.ATTEMPTS, 100, arm=Arm.CHALLENGER)
    await one.count(CounterKind.ERROR, 50, "INTERNAL", Arm.CHALLENGER)
    actions = [entry.action for entry in (await one.check(), await one.check()) if entry]
    assert actions == [JournalAction.KILL, JournalAction.PAUSE]


@pytest.mark.parametrize("picked", [{"hashed": False}, {"version": 7}])
async def test_who_was_not_dealt_to_these_versions_is_not_compared(picked: dict) -> None:
    """Applicants who were allowed or pinned, or decided by an earlier version, bend nothing."""
    one = await stand()
    await one.decide(Outcome.APPROVE, 600, **picked)
    await one.decide(Outcome.DECLINE, 600, Arm.CHALLENGER, **picked)
    assert await one.check() is None
    assert (await one.standings())["approvals challenger"] is GuardrailState.WAITING


async def test_two_processes_act_once() -> None:
    """Of two that see the same, one step is taken; the other finds the rollout moved on."""
    one = await stand()
    other = await stand(log=one.log)
    other.clock.wall += timedelta(milliseconds=1)
    await declining_too_much(one)
    found = await asyncio.gather(
        one.watch.check(PRODUCT), other.watch.check(PRODUCT), return_exceptions=True
    )
    taken = [entry for entry in found if isinstance(entry, JournalEntry)]
    assert len(taken) == 1
    assert [type(e) for e in found if e is not taken[0]] == [RolloutMovedOn]
    assert await other.check() is None


async def test_a_store_that_is_down_moves_nothing() -> None:
    """Nothing is judged on figures that cannot be read."""
    one = await stand()
    await declining_too_much(one)
    one.log.down = True
    with pytest.raises(StoreUnavailable):
        await one.watch.check(PRODUCT)
    one.log.down = False
    assert await one.check() is not None


async def test_a_manual_plan_never_advances_itself() -> None:
    """Held and counted long enough, a manual plan waits for an operator."""
    one = await stand()
    await one.decide(Outcome.APPROVE, 10)
    one.clock.wall += 40 * DAY
    assert await one.check() is None


async def test_an_automatic_plan_goes_on_when_all_is_met() -> None:
    """Hold, count and guardrails are waited for; then it advances one stage, in the journal."""
    one = await stand(*AUTO)
    await one.decide(Outcome.APPROVE, 199, hashed=False)
    one.clock.wall += 3 * DAY
    assert await one.check() is None
    await one.decide(Outcome.APPROVE, 1)
    entry = await one.check()
    assert entry is not None
    assert (entry.who, entry.action) == (AUTO_ADVANCE, JournalAction.ADVANCE)
    assert entry.figures["decisions"] == "200"
    assert one.state.go_live.stage == "early"
    assert counted(one.seen.advances, product=PRODUCT) == 1
    assert await one.check() is None


async def test_a_tripped_guardrail_stands_against_going_on() -> None:
    """While a guardrail trips, and after it paused, nothing advances by itself."""
    one = await stand(*AUTO)
    one.clock.wall += 3 * DAY
    await one.decide(Outcome.REFER, 200, refer_kind=ReferKind.DATA)
    entries = [await one.check(), await one.check()]
    assert [entry.action for entry in entries if entry] == [JournalAction.PAUSE]
    assert one.state.go_live.stage == "pilot"
