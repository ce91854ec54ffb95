"""One request id, one decision: bursts of duplicates, reused ids, leaders who leave."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import grpc

from bench.reliability.bench import Bench, bench
from bench.reliability.client import advance, loan
from bench.reliability.history import Request
from bench.reliability.score import Score
from bench.reliability.setting import Setting
from bench.reliability.stores import recorded
from bench.reliability.vendor import person
from decision_service.standin.faults import Fault

PART = "once"
BURST = 50
BURSTS = 200
REUSES = 1_000
LEADERS = 20
PEOPLE = 400


@dataclass(slots=True)
class Found:
    """What came back; `unequal` are ids that were answered in two ways or not at all."""

    asked: int = 0
    unequal: set[str] = field(default_factory=set)
    reuses: int = 0
    revealing: int = 0
    left: int = 0
    taken_down: set[str] = field(default_factory=set)


async def run(setting: Setting, score: Score, seconds: float) -> None:
    """Burst, reuse and leave, then look into the store."""
    del seconds  # counts bound this part
    found, options = Found(), setting.options
    async with bench(setting, "once", PEOPLE) as all_of_it:
        requests = [_request(number) for number in range(options.scaled(BURSTS, 10))]
        for request in requests:
            await _burst(all_of_it, request, found)
        reused = [requests[n % len(requests)] for n in range(options.scaled(REUSES, 50))]
        for at in range(0, len(reused), BURST):
            batch = reused[at : at + BURST]
            await asyncio.gather(*(_reuse(all_of_it, one, found) for one in batch))
        for number in range(options.scaled(LEADERS, 5)):
            await _leader_leaves(all_of_it, number, found)
        await all_of_it.server.kill()
        rows = await recorded(all_of_it.store_url)
    missing = [one for one in requests if len(rows.get(one.request_id, ())) != 1]
    _report(score, found, len(missing))


def _request(number: int) -> Request:
    if number % 2:
        return advance(f"once-{number}", person("George", number))
    return loan(f"once-{number}", person("George", number))


async def _burst(on: Bench, request: Request, found: Found) -> None:
    asking = (on.client.decide(request) for _ in range(BURST))
    replies = set(await asyncio.gather(*asking, return_exceptions=True))
    found.asked += BURST
    if len(replies) != 1 or not isinstance(replies.pop(), bytes):
        found.unequal.add(request.request_id)


async def _reuse(on: Bench, request: Request, found: Found) -> None:
    """Another applicant under the same id: refused, without a word on the first."""
    other = loan(request.request_id, person("Ryan", 1))
    found.reuses += 1
    try:
        await on.client.decide(other)
    except grpc.RpcError as error:
        told = (error.details() or "") + str(error.trailing_metadata())
        silent = request.user_id not in told and "dec_" not in told
        if error.code() is grpc.StatusCode.ALREADY_EXISTS and silent:
            return
    found.revealing += 1


async def _leader_leaves(on: Bench, number: int, found: Found) -> None:
    """Whoever asked first gives up while others wait for the same answer."""
    request = loan(f"leader-{number}", person("George", PEOPLE - 1 - number))
    on.vendor.app.faults.add(Fault("slow", "/accounts", times=1, settings={"seconds": 0.2}))
    leader = asyncio.ensure_future(on.client.decide(request))
    await asyncio.sleep(0.05)
    joined = [asyncio.ensure_future(on.client.decide(request)) for _ in range(5)]
    await asyncio.sleep(0.05)
    leader.cancel()
    replies = await asyncio.gather(*joined, return_exceptions=True)
    found.left += 1
    if len(set(replies)) != 1 or not isinstance(replies[0], bytes):
        found.taken_down.add(request.request_id)


def _report(score: Score, found: Found, missing: int) -> None:
    score.none(PART, f"unequal answers, of {found.asked} in bursts of {BURST}", len(found.unequal))
    score.none(PART, "ids of bursts without exactly one row", missing)
    score.none(PART, f"reused ids not plainly refused, of {found.reuses}", found.revealing)
    score.none(PART, f"runs taken down by a leader, of {found.left}", len(found.taken_down))
    score.row("C5", "answers differ" if found.unequal or found.taken_down else "")
    score.row("C7", "not refused" if found.revealing else "")
