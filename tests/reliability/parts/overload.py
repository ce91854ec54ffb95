"""Three times the load that can be carried: as much is decided as ever, and refusals are quick.

Callers come at a pace of their own and do not wait for one another. Everybody was read once before
and the vendor's events keep that good: what is short is the service's own time.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count

import grpc

from tests.reliability.bench import Bench, bench
from tests.reliability.client import loan, reason
from tests.reliability.lag import Lag, lag_measured
from tests.reliability.score import Score
from tests.reliability.sender import SECRETS
from tests.reliability.setting import Setting
from tests.reliability.vendor import person

PART = "overload"
PEOPLE = 100
AT_A_TIME = 16
"""Callers who wait for their answer before they ask again: how much can be carried."""

TIMES = 3
CALM, STORM = 5.0, 15.0
"""Seconds of a run of five minutes."""

PATIENCE = 10.0
GOODPUT = 0.8
REFUSED_WITHIN = 0.05
MEGABYTES = 48
"""How much more memory may be held for the calls that wait: about a thousand of them."""


@dataclass(slots=True)
class Found:
    """What came of calls in one phase."""

    decided: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    refusals: list[tuple[float, float]] = field(default_factory=list)
    """When each refusal came, and how long it took."""


async def run(setting: Setting, score: Score, seconds: float) -> None:
    """Find out how much can be carried, then come three times as often."""
    del seconds  # its own times bound this part
    calm, storm, numbers, scale = Found(), Found(), count(), max(0.2, setting.options.share)
    warm = {"webhook_secrets": SECRETS[0].decode(), "accounts_max_age": "1h"}
    async with bench(setting, PART, PEOPLE, **warm) as on, lag_measured() as lag:
        await _closed(on, numbers, CALM * scale, Found())
        carried = await _closed(on, numbers, CALM * scale, calm)
        before = on.server.process.memory_info().rss
        await _open(on, numbers, TIMES * carried, STORM * scale, storm)
        grown = (on.server.process.memory_info().rss - before) >> 20
    goodput = storm.decided / (STORM * scale)
    _report(score, setting.options.slack, carried, goodput)
    _report_refusals(score, setting.options.slack, storm, lag)
    score.judged(PART, "more memory", f"{grown} MB", f"<= {MEGABYTES} MB", kept=grown <= MEGABYTES)


async def _closed(on: Bench, numbers: count[int], seconds: float, found: Found) -> float:
    """Decisions a second of callers who wait for their answers."""
    until = time.monotonic() + seconds

    async def caller() -> None:
        while time.monotonic() < until:
            await _call(on, next(numbers), found)

    await asyncio.gather(*(caller() for _ in range(AT_A_TIME)))
    return found.decided / seconds


async def _open(on: Bench, numbers: count[int], pace: float, seconds: float, found: Found) -> None:
    """So many calls a second whatever comes of them; those that wait at the end are given up."""
    began, calls = time.monotonic(), set[asyncio.Task[None]]()
    for number in range(int(pace * seconds)):
        await asyncio.sleep(began + number / pace - time.monotonic())
        call = asyncio.create_task(_call(on, next(numbers), found))
        calls.add(call)
        call.add_done_callback(calls.discard)
    found.answers["still waiting"] = len(calls)
    for call in list(calls):
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)


async def _call(on: Bench, number: int, found: Found) -> None:
    request, began = loan(f"load-{number}", person("George", number % PEOPLE)), time.monotonic()
    try:
        await on.client.decide(request, timeout=PATIENCE)
        found.decided += 1
        found.answers["decided"] += 1
    except grpc.RpcError as error:
        found.answers[reason(error) or error.code().name] += 1
        if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
            now = time.monotonic()
            found.refusals.append((now, now - began))


def _report(score: Score, slack: float, carried: float, goodput: float) -> None:
    least = GOODPUT / slack
    share = goodput / carried
    score.told(PART, f"carried, then decided at {TIMES} times", f"{carried:.0f}, {goodput:.0f} / s")
    name, promise = "of what can be carried", f">= {100 * least:.0f} %"
    score.judged(PART, name, f"{100 * share:.0f} %", promise, kept=share >= least)
    score.row("C15", "" if share >= least else f"{100 * share:.0f} % of what can be carried")


def _report_refusals(score: Score, slack: float, storm: Found, lag: Lag) -> None:
    told = ", ".join(f"{name} {n}" for name, n in storm.answers.most_common(5))
    score.told(PART, f"answers at {TIMES} times", told)
    longest = max((one for _, one in lag.ticks), default=0.0)
    took = [max(0.0, taken - longest_near) for taken, longest_near in _with_lag(storm, lag)]
    if len(took) > 1:
        p99 = statistics.quantiles(took, n=100)[-1]
        bound = REFUSED_WITHIN * slack
        name, promise = f"refused within, p99 of {len(took)}", f"<= {bound * 1000:.0f} ms"
        score.judged(PART, name, f"{p99 * 1000:.0f} ms", promise, kept=p99 <= bound)
        score.told(PART, "the bench's own longest lag", f"{longest * 1000:.0f} ms")


def _with_lag(storm: Found, lag: Lag) -> list[tuple[float, float]]:
    """How long each refusal took, and how late the bench was about then."""
    return [(taken, lag.around(at)) for at, taken in storm.refusals]
