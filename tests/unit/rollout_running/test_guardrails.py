"""What a rollout counts and shows of itself, and guardrails that act by themselves."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from decision_service.domain.decision import (
    Arm,
    ArmReason,
    Assignment,
    EnrolmentReason,
    Outcome,
    ReferKind,
)
from decision_service.domain.errors import (
    CrossTenant,
    DeadlineMissed,
    ProductUnknown,
    RolloutMovedOn,
    StoreUnavailable,
    UpstreamUnavailable,
)
from decision_service.rollout.judge import ArmCount, difference_interval, interval
from decision_service.rollout.model import TrackName
from decision_service.rollout.ports import JournalAction, JournalEntry
from decision_service.rollout_running import guardrails as guardrail_watch
from decision_service.rollout_running.counters import CounterKind, Counters, CounterTotal
from decision_service.rollout_running.figures import Figures, GuardrailLine, NextStage, ShowFigures
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.observed import captured, counted
from tests.fakes.watched import AUTO, MEANT, OUTAGE, Stand, stand
from tests.fakes.world import NOW, PRODUCT, SetClock
from tests.kits.arm_figures import decided
from tests.kits.cases import cases
from tests.unit.rollout.plans import DAY

CHALLENGER = Assignment(
    PRODUCT, True, EnrolmentReason.IN_STAGE, "d", "half", 50_000, 7, Arm.CHALLENGER,
    ArmReason.CHALLENGER, 9, 2,
)  # fmt: skip

OUTSIDE = Assignment(PRODUCT, False, EnrolmentReason.NOT_IN_STAGE, "d", "half", 50_000, 7)


class Counting:
    """Counters on a log and a clock of the test's own."""

    def __init__(self) -> None:
        self.log = InMemoryDecisionLog()
        self.clock = SetClock()
        self.counters = Counters(self.log, self.clock, "process-1")

    def attempt(
        self,
        assignment: Assignment | None = CHALLENGER,
        *,
        error: BaseException | None = None,
        outcome: Outcome = Outcome.APPROVE,
        took: float = 0.09,
        timed: bool = True,
        **changes: object,
    ) -> None:
        """One decision that ends as told."""
        expected = nullcontext() if error is None else pytest.raises(type(error))
        with expected, self.counters.attempt(PRODUCT, timed=timed) as attempt:
            if assignment is not None:
                attempt.assignment, attempt.position = assignment, 3
            self.clock.seconds += took
            if error is not None:
                raise error
            attempt.entry = decided(1, "u-1", outcome, **changes)

    async def seen(self, position: int = 0) -> dict[tuple[str, str, str], int]:
        """What the store has after a flush, by arm, kind and bucket."""
        await self.counters.flush()
        totals = await self.log.totals(PRODUCT, NOW - timedelta(days=1), position)
        return {(t.arm or "", t.counted, t.bucket): t.count for t in totals}


async def test_a_decision_is_counted_under_its_arm() -> None:
    """Attempt, latency and fault of the rules are counted for the arm and its version."""
    stand = Counting()
    stand.attempt()
    stand.attempt(rule_error=True, took=0.31)
    await stand.counters.flush()
    arm = (Arm.CHALLENGER, 2)
    assert list(await stand.log.totals(PRODUCT, NOW, 3)) == [
        CounterTotal(*arm, CounterKind.ATTEMPTS, "", 2),
        CounterTotal(*arm, CounterKind.LATENCY, "100", 1),
        CounterTotal(*arm, CounterKind.LATENCY, "400", 1),
        CounterTotal(*arm, CounterKind.RULE_ERROR, "", 1),
    ]
    assert await stand.seen(4) == {}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ZeroDivisionError(), "INTERNAL"),
        (CrossTenant("another user's data"), "CROSS_TENANT"),
        (UpstreamUnavailable("closed"), "UPSTREAM_UNAVAILABLE"),
        (StoreUnavailable("down"), "STORE_UNAVAILABLE"),
        (asyncio.CancelledError(), "CANCELLED"),
    ],
)
async def test_errors_are_counted_by_code(error: BaseException, code: str) -> None:
    """An error counts under its code, as an attempt and without a latency of its own."""
    stand = Counting()
    stand.attempt(error=error)
    assert await stand.seen() == {
        ("challenger", "attempts", ""): 1,
        ("challenger", "error", code): 1,
    }


async def test_who_is_not_decided_here_dilutes_no_rate() -> None:
    """Outside the go-live and by the caller's own faults nothing counts; a failure outside does."""
    stand = Counting()
    stand.attempt(OUTSIDE, outcome=Outcome.NOT_ENROLLED)
    stand.attempt(None, error=ProductUnknown("no such product"))
    assert await stand.seen() == {}
    stand.attempt(OUTSIDE, error=StoreUnavailable("down"))
    assert await stand.seen() == {("", "attempts", ""): 1, ("", "error", "STORE_UNAVAILABLE"): 1}


async def test_a_missed_deadline_is_a_latency_and_a_wait_for_data_is_none() -> None:
    """A late failure is timed; a decision that was asked to wait for its data is not."""
    stand = Counting()
    stand.attempt(error=DeadlineMissed("late"), took=9.0)
    stand.attempt(timed=False)
    latencies = {
        bucket: n for (_, kind, bucket), n in (await stand.seen()).items() if kind == "latency"
    }
    assert latencies == {"10000": 1}


async def test_counters_outlive_a_store_that_is_down() -> None:
    """What could not be written is written later, once, with what came since."""
    stand = Counting()
    stand.log.down = True
    stand.attempt()
    await stand.counters.flush()
    stand.log.down = False
    stand.attempt()
    for _ in range(2):
        seen = await stand.seen()
        assert seen["challenger", "attempts", ""] == 2


async def test_hours_are_kept_apart_and_forgotten_once_written() -> None:
    """A new hour begins its own cells, and the process remembers no written hour that is past."""
    stand = Counting()
    stand.attempt()
    await stand.counters.flush()
    stand.clock.wall += timedelta(hours=1)
    stand.attempt()
    assert (await stand.seen())["challenger", "attempts", ""] == 2
    late = await stand.log.totals(PRODUCT, NOW + timedelta(hours=1), 0)
    assert [t.count for t in late if t.counted is CounterKind.ATTEMPTS] == [1]
    assert {cell.hour for cell in stand.counters._counts} == {NOW + timedelta(hours=1)}


async def test_a_decision_that_is_begun_keeps_the_counters_busy_until_it_ends() -> None:
    """What waits for idleness goes on once every decision that was begun has ended."""
    stand = Counting()
    with stand.counters.attempt(PRODUCT, timed=True):
        waiting = asyncio.create_task(stand.counters.idle())
        with stand.counters.attempt(PRODUCT, timed=True):
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 1)


EARLY = ("initial_stage: staff", "initial_stage: early")


async def shown(one: Stand) -> Figures:
    return await ShowFigures(one.watch)(PRODUCT)


def _next(figures: Figures, track: TrackName) -> NextStage:
    return next(one for one in figures.next if one.track is track)


async def test_the_next_stage_tells_of_guardrails_that_have_seen_too_little() -> None:
    """A comparison is the challenger's, a ceiling on the product is go-live's."""
    one = await stand(EARLY)
    figures = await shown(one)
    waiting = {
        track: {(w.name, w.units) for w in _next(figures, track).waiting} for track in TrackName
    }
    assert ("approvals", 0) in waiting[TrackName.CHALLENGER]
    assert ("referrals", 0) in waiting[TrackName.GO_LIVE]
    assert not waiting[TrackName.CHALLENGER] & waiting[TrackName.GO_LIVE] - {("errors", 0)}


async def with_points(one: Stand) -> dict[tuple[str, str], GuardrailLine]:
    """Each guardrail with its points, by its name and of what."""
    figures = await ShowFigures(one.watch)(PRODUCT, with_points=True)
    return {(line.name, line.of): line for line in figures.guardrails}


async def test_points_are_the_shares_of_equal_spans() -> None:
    """Of the last thirty days sixty; each as counted in its span, without units without a value."""
    one = await stand(EARLY)
    await one.decide(Outcome.APPROVE, 9)  # before the days that are shown
    one.clock.wall += 40 * DAY
    await one.decide(Outcome.REFER, 30)
    await one.decide(Outcome.APPROVE, 50)
    await one.decide(Outcome.APPROVE, 10, Arm.CHALLENGER)
    await one.decide(Outcome.DECLINE, 10, Arm.CHALLENGER)
    await one.count(CounterKind.ATTEMPTS, 50)
    await one.count(CounterKind.RULE_ERROR, 1)
    one.clock.wall += DAY
    await one.decide(Outcome.REFER, 1)
    found = await with_points(one)
    referrals = found["referrals", "product"].points
    ends = [point.end for point in referrals]
    assert len(ends) == 60
    assert ends[-1] == one.clock.now()
    assert {b - a for a, b in pairwise(ends[:-1])} == {DAY / 2}
    champion, challenger = ArmCount(80, 50), ArmCount(20, 10)
    expected = {
        ("referrals", "product"): (0.3, *interval(ArmCount(100, 30)), 100),
        ("errors", "champion"): (0.02, *interval(ArmCount(50, 1)), 50),
        ("approvals", "challenger"): (-0.125, *difference_interval(champion, challenger), 20),
    }
    for key, (*measured, units) in expected.items():
        point = found[key].points[-3]
        assert point.measured == pytest.approx(measured)
        assert point.units == units
        assert (found[key].points[-2].measured, found[key].points[0].units) == (None, 0)
    assert (referrals[-1].units, referrals[-1].measured and referrals[-1].measured[0]) == (1, 1)
    assert found["slow", "product"].points == ()


async def test_what_is_allowed_is_said_in_figures() -> None:
    """A ceiling bounds a share from above, what is meant a difference on both sides.

    The points of a young rollout are of hours; without being asked for there are none.
    """
    one = await stand(EARLY)
    assert not any(line.points for line in (await shown(one)).guardrails)
    found = await with_points(one)
    assert len(found["referrals", "product"].points) == 1
    bounds = {key[0]: (line.allowed_low, line.allowed_high) for key, line in found.items()}
    assert bounds["approvals"] == (-9, -3)
    assert bounds["referrals"] == (None, 40)
    assert bounds["slow"] == (None, None)


SCENARIOS = [one for name in ("guardrails", "figures") for one in cases(f"rollout/{name}")]

CHANGES = {
    "auto": AUTO,
    "early": (EARLY,),
    "many": (EARLY, ("min_units: 300", "min_units: 100000")),
    "last": (("initial_stage: staff", "initial_stage: all"),),
    "outage": (OUTAGE,),
    "two callers": (*AUTO, ("unit: ", "second_person_above: 1\nunit: ")),
    "unmeant": ((MEANT, ""),),
}

ARMS = {"champion": Arm.CHAMPION, "challenger": Arm.CHALLENGER, "none": None}

NAMED = {"arms": "arm", "guardrails": "name", "next": "track"}


def at(value: Any, path: list[str]) -> Any:
    """What is at a path of a rollout's figures; None where it ends."""
    for name, following in zip(path, [*path[1:], ""], strict=True):
        if isinstance(value, dict):
            value = value.get(name)
        elif value is not None:
            value = getattr(value, name)
            if isinstance(value, list) and following:
                value = {getattr(one, NAMED[name]): one for one in value}
    if isinstance(value, tuple):
        return [*value]
    return str(value) if isinstance(value, Decimal) else value


def in_days(value: Any) -> Any:
    """An instant so many days after the start, anything else as it is."""
    text = str(value)
    return NOW + int(text.split()[1]) * DAY if text.startswith("in ") else value


async def taken(one: Stand, step: dict[str, Any]) -> None:  # noqa: C901 - a case for each kind of step
    """Do what a step of a scenario does, and compare what it expects."""
    arm = ARMS[step.get("arm", "champion")]
    match step:
        case {"decide": outcomes}:
            kind = ReferKind(step.get("refer_kind", "SCORE"))
            more = {key: step[key] for key in ("hashed", "version", "approved") if key in step}
            for name, times in outcomes.items():
                refer = {"refer_kind": kind} if name == "REFER" else {}
                await one.decide(Outcome(name), times, arm, **refer, **more)
        case {"count": cells}:
            for name, times in cells.items():
                counter, _, bucket = name.partition(" ")
                await one.count(CounterKind(counter), times, bucket, arm)
        case {"operate": action}:
            await one.operate(JournalAction(action), step.get("of", "challenger"))
        case {"days": days}:
            one.clock.wall += days * DAY
        case {"check": expected}:
            entry = await one.check()
            assert (entry is None) is (expected is None)
            for key, value in (expected or {}).items():
                found = getattr(entry, key)
                assert (found | value if key == "figures" else value) == found
        case {"standing": expected}:
            found = await one.standings()
            assert {name: found.get(name) for name in expected} == expected
        case {"killed": expected}:
            state = one.state
            killed = {"challenger": state.challenger.killed, "product": state.go_live.killed}
            assert killed == expected
        case {"stage": expected}:
            assert one.state.go_live.stage == expected
        case {"advances": expected}:
            assert counted(one.seen.advances, product=PRODUCT) == expected
        case {"shown": expected}:
            figures = await ShowFigures(one.watch)(PRODUCT)
            found = {path: at(figures, path.split()) for path in expected}
            assert found == {path: in_days(value) for path, value in expected.items()}
        case _:
            pytest.fail(f"no step is called {[*step]}")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one["name"])
async def test_guardrails_act_as_the_scenario_says(scenario: dict[str, Any]) -> None:
    """Each step of a scenario comes to what stands beside it."""
    one = await stand(*CHANGES.get(scenario.get("changes"), ()))
    for step in scenario["steps"]:
        await taken(one, step)


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


async def test_two_processes_act_once() -> None:
    """Of two that see the same, one step is taken; the other finds the rollout moved on."""
    one = await stand()
    other = await stand(log=one.log)
    other.clock.wall += timedelta(milliseconds=1)
    await declining_too_much(one)
    found = await asyncio.gather(
        one.watch.check(PRODUCT),
        other.watch.check(PRODUCT),
        return_exceptions=True,
    )
    taken = [entry for entry in found if isinstance(entry, JournalEntry)]
    assert len(taken) == 1
    assert [type(e) for e in found if e is not taken[0]] == [RolloutMovedOn]
    assert await other.check() is None
