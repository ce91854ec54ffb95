"""Reviews: decided again when data arrives, and kept whole while servers are killed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

import grpc

from bench.reliability.bench import Bench, bench
from bench.reliability.client import loan
from bench.reliability.desks.report import report
from bench.reliability.desks.settling import Found, settled
from bench.reliability.desks.storm import WEBHOOKS, desks, killed
from bench.reliability.history import Request
from bench.reliability.score import Score
from bench.reliability.sender import deliver, event, signed
from bench.reliability.server import free_port
from bench.reliability.setting import Setting
from bench.reliability.vendor import person
from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import review_service_pb2 as pb
from decision_service.api.v1.review_service_pb2_grpc import ReviewServiceStub
from decision_service.standin.faults import Fault

PART = "reviews"
PEOPLE, KILLED = 40, 200
WITHIN = 5.0
"""Seconds from the event that finishes a person's data to the decision made again."""

GIVEN_UP = 30.0
LOOK = 0.5
PACE = 4.0
"""People a second whose data arrives: so many can be read within the vendor's limit."""

NO_CONTRIBUTIONS = Fault("status", "/contributions", settings={"status": 503})


async def run(setting: Setting, score: Score, seconds: float) -> None:
    """Let data arrive at a service that lives, then kill while people work on reviews."""
    await _arrivals(setting, score)
    goal, found = setting.options.goal(KILLED), Found()
    async with desks(setting, PART) as (every, staffed):
        kills = await killed(every, staffed, seconds, goal)
        for one in await asyncio.gather(*map(settled, staffed)):
            found.add(one)
    report(score, PART, kills, goal, found, [desk.account for desk in staffed])


async def _arrivals(setting: Setting, score: Score) -> None:
    """Data that arrives at the pace at which the vendor's limit lets people be read."""
    address = f"127.0.0.1:{free_port()}"
    count = setting.options.scaled(PEOPLE, 8)
    async with bench(setting, f"{PART}-again", count, **WEBHOOKS, http_address=address) as on:
        on.vendor.app.faults.add(NO_CONTRIBUTIONS)
        asked = [loan(f"review-{n}", person("George", n)) for n in range(count)]
        first = [await _decided(on, request) for request in asked]
        on.vendor.app.faults.clear()
        waiting = []
        for one in first:
            waiting.append(asyncio.create_task(_again(on, address, one)))
            await asyncio.sleep(1 / PACE)
        times = await asyncio.gather(*waiting)
    _report_arrivals(score, first, times, setting.options.slack)


async def _decided(on: Bench, request: Request) -> decision_pb2.Decision:
    reply = service_pb.CreateDecisionResponse.FromString(await on.client.decide(request))
    return reply.decision


async def _again(on: Bench, address: str, first: decision_pb2.Decision) -> float | None:
    """Seconds from the event to the second decision's record; None where there was none in time."""
    number, kinds = f"again-{first.decision_id}", ["CONTRIBUTIONS"]
    body = event(number, "TASK_FINISHED", first.user_id, datapoints=kinds)
    began, stub = time.time(), ReviewServiceStub(on.client.channel)
    await deliver(lambda: address, signed(body))
    review_id = f"{first.decision_id.replace('dec_', 'rev_')}-1"
    while time.time() - began < GIVEN_UP:
        await asyncio.sleep(LOOK)
        with suppress(grpc.RpcError):  # a busy service is asked again
            request = pb.GetReviewRequest(review_id=review_id)
            review = (await stub.GetReview(request, timeout=10)).review
            if review.decided_again_as:
                return review.end_time.ToNanoseconds() / 1e9 - began
    return None


def _report_arrivals(
    score: Score,
    first: Sequence[decision_pb2.Decision],
    times: Sequence[float | None],
    slack: float,
) -> None:
    referred = sum(one.outcome == decision_pb2.OUTCOME_REFER for one in first)
    score.none(PART, f"not referred without their data, of {len(first)}", len(first) - referred)
    score.none(PART, f"not decided again, of {len(first)}", sum(one is None for one in times))
    longest, bound = max((one for one in times if one is not None), default=0.0), WITHIN * slack
    kept = longest <= bound
    score.judged(PART, "decided again within", f"{longest:.1f} s", f"<= {bound:.1f} s", kept=kept)
