"""Guardrails that look all the time and act by themselves."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from decision_service.domain.decision import Arm, Outcome, ReferKind
from decision_service.domain.errors import RolloutMovedOn
from decision_service.rollout.ports import JournalAction, JournalEntry
from decision_service.steering import guardrails as guardrail_watch
from decision_service.steering.counters import CounterKind
from decision_service.steering.figures import ShowFigures
from tests.fakes.counted import counted
from tests.fakes.log import captured
from tests.fakes.watched import AUTO, MEANT, OUTAGE, Stand, stand
from tests.fakes.world import NOW, PRODUCT
from tests.kits.cases import cases
from tests.unit.rollout.plans import DAY

SCENARIOS = [one for name in ("guardrails", "figures") for one in cases(f"rollout/{name}")]
EARLY = ("initial_stage: staff", "initial_stage: early")
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
        one.watch.check(PRODUCT), other.watch.check(PRODUCT), return_exceptions=True
    )
    taken = [entry for entry in found if isinstance(entry, JournalEntry)]
    assert len(taken) == 1
    assert [type(e) for e in found if e is not taken[0]] == [RolloutMovedOn]
    assert await other.check() is None
