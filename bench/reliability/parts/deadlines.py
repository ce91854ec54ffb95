"""A slow vendor and callers with little time: no reply is late, nothing is asked afterwards."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from urllib.parse import parse_qs

import grpc

from bench.reliability.bench import Bench, bench
from bench.reliability.client import loan, reason
from bench.reliability.lag import lag_measured
from bench.reliability.score import Score
from bench.reliability.setting import Setting
from bench.reliability.vendor import person
from decision_service.standin.faults import Fault
from decision_service.standin.server import MeteredRequest

PART = "deadlines"
CALLS = 1_000
AT_ONCE = 40
SHORTEST, LONGEST = 0.05, 5.0
LATE = 0.05
"""Seconds after the deadline from which on a reply is late."""

PATHS = ("/accounts", "/eincomes", "/contributions", "/liabilities")


@dataclass(slots=True)
class Found:
    """Each call's deadline by its user, how late its reply was, and what it said."""

    until: dict[str, float] = field(default_factory=dict)
    replies: list[tuple[float, float]] = field(default_factory=list)
    """When each reply came, and how long after its deadline."""

    answers: Counter[str] = field(default_factory=Counter)


async def run(setting: Setting, score: Score, seconds: float) -> None:
    """Calls with deadlines from 50 ms to 5 s, each for an applicant of its own."""
    del seconds  # the number of calls bounds this part
    dice, found = Random(f"{setting.options.seed}-deadlines"), Found()
    calls, slack = setting.options.scaled(CALLS, 100), setting.options.slack
    async with bench(setting, "deadlines", calls) as on, lag_measured() as lag:
        on.vendor.app.faults.add(*_slowness(dice))
        numbers = list(range(calls))
        await asyncio.gather(*(_caller(on, numbers, dice, found) for _ in range(AT_ONCE)))
        await asyncio.sleep(0.5)  # whatever is asked too late would show by now
        asked = [(call.at, _after(call, found)) for call in on.vendor.app.meter.calls]
    after = [one for one in asked if one[1] > LATE * slack + lag.around(one[0])]
    late = [one for one in found.replies if one[1] > LATE * slack + lag.around(one[0])]
    told = ", ".join(f"{name} {count}" for name, count in found.answers.most_common(5))
    score.told(PART, f"{calls} calls, {SHORTEST * 1000:.0f} ms to {LONGEST:.0f} s", told)
    bound = f"0 later than {LATE * slack * 1000:.0f} ms"
    score.judged(PART, "late replies", len(late), bound, kept=not late)
    latest, longest = max(one[1] for one in found.replies), max(one[1] for one in lag.ticks)
    told = f"{latest * 1000:.0f} ms, {longest * 1000:.0f} ms"
    score.told(PART, "latest reply, the bench's own longest lag", told)
    score.none(PART, "vendor asked after the deadline", len(after))
    score.row("C3", "late" if late or after else "")


def _slowness(dice: Random) -> list[Fault]:
    """Answers take up to 1.5 s, here and there, and some never come.

    Not so many that the circuit opens for long, since then nothing is slow any more.
    """
    hanging = [
        Fault("slow", path, times=1, skip=dice.randrange(400), settings={"seconds": 30.0})
        for path in PATHS[1:]
    ]
    slow = [
        Fault(
            "slow", dice.choice(PATHS), times=2, skip=dice.randrange(900), settings={"seconds": s}
        )
        for s in (dice.uniform(0.2, 1.5) for _ in range(300))
    ]
    return hanging + slow


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
            found.answers[reason(error) or f"{error.code().name} of the client's own"] += 1
        now = time.monotonic()
        found.replies.append((now, now - deadline))


def _after(call: MeteredRequest, found: Found) -> float:
    """Seconds by which a request at the vendor came after its caller's deadline."""
    user = parse_qs(call.query).get("userId", [call.path.removeprefix("/users/")])[0]
    return call.at - found.until.get(user, call.at)
