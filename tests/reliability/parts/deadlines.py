"""A slow vendor and callers with little time: no reply is late, nothing is asked afterwards."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from urllib.parse import parse_qs

import grpc

from decision_service.simulator.faults import Fault
from decision_service.simulator.limits import Call
from tests.reliability.bench import Bench, bench
from tests.reliability.client import loan, reason
from tests.reliability.score import Score
from tests.reliability.setting import Setting
from tests.reliability.vendor import person

PART = "deadlines"
CALLS = 1_000
AT_ONCE = 60
SHORTEST, LONGEST = 0.05, 5.0
LATE = 0.05
"""Seconds after the deadline from which on a reply is late."""

PATHS = ("/accounts", "/eincomes", "/contributions", "/liabilities")


@dataclass(slots=True)
class Found:
    """Each call's deadline by its user, how late its reply was, and what it said."""

    until: dict[str, float] = field(default_factory=dict)
    lateness: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)


async def run(setting: Setting, score: Score, seconds: float) -> None:
    """Calls with deadlines from 50 ms to 5 s, each for an applicant of its own."""
    del seconds  # the number of calls bounds this part
    dice, found = Random(f"{setting.options.seed}-deadlines"), Found()
    calls, slack = setting.options.scaled(CALLS, 100), setting.options.slack
    async with bench(setting, "deadlines", calls) as on:
        on.vendor.app.faults.add(*_slowness(dice))
        numbers = list(range(calls))
        await asyncio.gather(*(_caller(on, numbers, dice, found) for _ in range(AT_ONCE)))
        await asyncio.sleep(0.5)  # whatever is asked too late would show by now
        after = [call for call in on.vendor.app.meter.calls if _too_late(call, found, slack)]
    late = [one for one in found.lateness if one > LATE * slack]
    told = ", ".join(f"{name} {count}" for name, count in found.answers.most_common(5))
    score.told(PART, f"{calls} calls, {SHORTEST * 1000:.0f} ms to {LONGEST:.0f} s", told)
    bound = f"0 later than {LATE * slack * 1000:.0f} ms"
    score.judged(PART, "late replies", len(late), bound, kept=not late)
    score.told(PART, "latest reply after its deadline", f"{max(found.lateness) * 1000:.0f} ms")
    score.none(PART, "vendor asked after the deadline", len(after))
    score.row("C3", "late" if late or after else "")


def _slowness(dice: Random) -> list[Fault]:
    """Answers take up to 1.8 s, here and there, and some never come."""
    faults = [
        Fault("slow", path, times=1, skip=dice.randrange(400), settings={"seconds": 30.0})
        for path in PATHS[1:]
        for _ in range(5)
    ]
    return faults + [
        Fault(
            "slow", dice.choice(PATHS), times=3, skip=dice.randrange(900), settings={"seconds": s}
        )
        for s in (dice.uniform(0.2, 1.8) for _ in range(300))
    ]


async def _caller(on: Bench, numbers: list[int], dice: Random, found: Found) -> None:
    while numbers:
        number = numbers.pop()
        request = loan(f"late-{number}", person("George", number))
        seconds = dice.uniform(SHORTEST, LONGEST)
        deadline = time.monotonic() + seconds
        found.until[request.user_id] = deadline
        try:
            await on.client.decide(request, timeout=seconds)
            found.answers["OK"] += 1
        except grpc.RpcError as error:
            found.answers[reason(error) or error.code().name] += 1
        found.lateness.append(time.monotonic() - deadline)


def _too_late(call: Call, found: Found, slack: float) -> bool:
    user = parse_qs(call.query).get("userId", [call.path.removeprefix("/users/")])[0]
    deadline = found.until.get(user)
    return deadline is not None and call.at > deadline + LATE * slack
