"""The vendor's own limit: at most 20 requests in any sliding second, however many callers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import grpc

from bench.reliability.bench import Bench, bench
from bench.reliability.client import loan, reason
from bench.reliability.lag import TICK, lag_measured
from bench.reliability.score import Score
from bench.reliability.setting import Setting
from bench.reliability.vendor import person

PART = "vendor limit"
ALLOWED = 20
CALLERS = 40
PEOPLE = 400
MARGIN = 0.05
"""By so much more than a second the service keeps its requests apart."""

STARVED = b"UPSTREAM_RATE_LIMITED"
"""In a reply: gathering began and found no turn."""


async def run(setting: Setting, score: Score, seconds: float) -> None:
    """Forty callers want cold decisions for some seconds; the vendor counts what reaches it.

    The vendor runs in this process: by as much as its loop was late, two requests that left a second
    apart may come closer together.
    """
    answers: Counter[str] = Counter()
    slow = {"generous": False, "vendor_limit": ALLOWED}
    async with bench(setting, "limit", PEOPLE, **slow) as on, lag_measured() as lag:
        await asyncio.sleep(1.5)  # the start's own requests belong to another second
        on.vendor.app.meter.reset()
        until = time.monotonic() + max(5.0, seconds)
        await asyncio.gather(*(_caller(on, number, until, answers) for number in range(CALLERS)))
        meter = on.vendor.app.meter
    refused = sum(call.status == 429 for call in meter.calls)
    late = max(lag for _, lag in lag.ticks)
    peak = meter.peak(max(TICK, 1.0 - late))
    score.told(PART, "service's share / callers", f"{ALLOWED} a second / {CALLERS}")
    score.told(PART, "answers", ", ".join(f"{name} {n}" for name, n in answers.most_common(5)))
    score.told(PART, "requests at the vendor", meter.total)
    score.judged(PART, "peak in any sliding second", peak, f"<= {ALLOWED}", kept=peak <= ALLOWED)
    score.told(PART, "the vendor's own longest lag", f"{late * 1000:.0f} ms")
    wrong = refused if late <= MARGIN else 0
    score.told(PART, "refused by the vendor (429)", refused)
    score.none(PART, "refused by a vendor that was in time", wrong)
    vain, begun = answers["begun in vain"], answers["begun in vain"] + answers["OK"]
    score.told(PART, "referred for want of turns", f"{vain} of {begun}")
    score.row("U3", f"{peak} requests in a second" if peak > ALLOWED or wrong else "")


async def _caller(on: Bench, number: int, until: float, answers: Counter[str]) -> None:
    turn = 0
    while time.monotonic() < until:
        turn += 1
        who = person("Ryan", (number + CALLERS * turn) % PEOPLE)
        try:
            reply = await on.client.decide(loan(f"limit-{number}-{turn}", who), timeout=3.0)
            answers["begun in vain" if STARVED in reply else "OK"] += 1
        except grpc.RpcError as error:
            answers[reason(error) or error.code().name] += 1
            await asyncio.sleep(0.1)
