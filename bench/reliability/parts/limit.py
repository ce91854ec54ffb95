"""The vendor's own limit: at most 20 requests in any sliding second, however many callers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import grpc

from bench.reliability.bench import Bench, bench
from bench.reliability.client import loan, reason
from bench.reliability.score import Score
from bench.reliability.setting import Setting
from bench.reliability.vendor import person

PART = "vendor limit"
ALLOWED = 20
CALLERS = 40
PEOPLE = 400
STARVED = b"UPSTREAM_RATE_LIMITED"
"""In a reply: gathering began and found no turn."""


async def run(setting: Setting, score: Score, seconds: float) -> None:
    """Forty callers want cold decisions for some seconds; the vendor counts what reaches it."""
    answers: Counter[str] = Counter()
    async with bench(setting, "limit", PEOPLE, generous=False, vendor_limit=ALLOWED) as on:
        await asyncio.sleep(1.5)  # the start's own requests belong to another second
        on.vendor.app.meter.reset()
        until = time.monotonic() + max(5.0, seconds)
        await asyncio.gather(*(_caller(on, number, until, answers) for number in range(CALLERS)))
        meter = on.vendor.app.meter
    refused = sum(call.status == 429 for call in meter.calls)
    peak = meter.peak()
    score.told(PART, "service's share / callers", f"{ALLOWED} a second / {CALLERS}")
    score.told(PART, "answers", ", ".join(f"{name} {n}" for name, n in answers.most_common(5)))
    score.told(PART, "requests at the vendor", meter.total)
    score.judged(PART, "peak in any sliding second", peak, f"<= {ALLOWED}", kept=peak <= ALLOWED)
    score.none(PART, "refused by the vendor (429)", refused)
    vain, begun = answers["begun in vain"], answers["begun in vain"] + answers["OK"]
    score.told(PART, "referred for want of turns", f"{vain} of {begun}")
    score.row("U3", f"{peak} requests in a second" if peak > ALLOWED or refused else "")


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
