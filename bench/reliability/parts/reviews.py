"""Reviews: one claim at a time, one end, and applications decided again when their data arrives."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Sequence
from typing import Any

import grpc
from google.type.money_pb2 import Money

from bench.reliability.bench import Bench, bench
from bench.reliability.client import loan
from bench.reliability.history import Request
from bench.reliability.score import Score
from bench.reliability.sender import SECRETS, event, post_all, signed
from bench.reliability.server import free_port
from bench.reliability.setting import Setting
from bench.reliability.vendor import person
from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import review_service_pb2 as pb
from decision_service.api.v1.review_service_pb2_grpc import ReviewServiceStub
from decision_service.simulator.faults.plan import Fault

PART = "reviews"
PEOPLE = 40
CLAIMED = 60
AT_ONCE = 20
WITHIN = 5.0
"""Seconds from the event that finishes a person's data to the decision made again."""

GIVEN_UP = 30.0
NO_CONTRIBUTIONS = Fault("status", "/contributions", settings={"status": 503})


async def run(setting: Setting, score: Score, seconds: float) -> None:
    """Refer people for want of data, let it arrive, then review and complete at once."""
    del seconds  # the people bound this part
    address = f"127.0.0.1:{free_port()}"
    settings = {"webhook_secrets": b",".join(SECRETS).decode(), "http_address": address}
    count = setting.options.scaled(PEOPLE, 8)
    async with bench(setting, PART, count, **settings) as on:
        on.vendor.app.faults.add(NO_CONTRIBUTIONS)
        asked = [loan(f"review-{n}", person("George", n)) for n in range(count)]
        first = [await _decided(on, request) for request in asked]
        on.vendor.app.faults.clear()
        times = await asyncio.gather(*(_again(on, address, n, one) for n, one in enumerate(first)))
        referred = [
            await _decided(on, loan(f"claim-{n}", person("Anisha", n)))
            for n in range(setting.options.scaled(CLAIMED, 8))
        ]
        stub = ReviewServiceStub(on.client.channel)
        found = [await _reviewed(stub, f"{_id(one)}-1") for one in referred]
    _report(score, first, times, found, setting.options.slack)


async def _decided(on: Bench, request: Request) -> decision_pb2.Decision:
    reply = service_pb.CreateDecisionResponse.FromString(await on.client.decide(request))
    return reply.decision


async def _again(
    on: Bench, address: str, number: int, first: decision_pb2.Decision
) -> float | None:
    """Seconds from the event to the second decision; None where there was none in time."""
    body = event(f"again-{number}", "TASK_FINISHED", first.user_id, datapoints=["CONTRIBUTIONS"])
    began = time.monotonic()
    await post_all(address, [signed(body)])
    request = service_pb.GetDecisionRequest(decision_id=first.decision_id)
    while time.monotonic() - began < GIVEN_UP:
        decision = (await on.client.decisions.GetDecision(request, timeout=10)).decision
        if decision.review.decided_again_as:
            return time.monotonic() - began
        await asyncio.sleep(0.05)
    return None


async def _reviewed(stub: Any, review_id: str) -> Sequence[str]:
    """The steps of a review that many claim and complete at once."""
    claim, complete = pb.ClaimReviewRequest(review_id=review_id), _completion(review_id)
    await asyncio.gather(*(_tried(stub.ClaimReview(claim)) for _ in range(AT_ONCE)))
    await asyncio.gather(*(_tried(stub.CompleteReview(complete)) for _ in range(AT_ONCE)))
    request = pb.GetReviewRequest(review_id=review_id)
    review = (await stub.GetReview(request, timeout=10)).review
    return [one.action for one in review.events]


async def _tried(call: Awaitable[Any]) -> None:
    try:
        await call
    except grpc.RpcError:
        return


def _completion(review_id: str) -> pb.CompleteReviewRequest:
    return pb.CompleteReviewRequest(
        review_id=review_id,
        request_id="complete",
        outcome="OUTCOME_APPROVE",
        approved_amount=Money(currency_code="PHP", units=10_000),
        reason="INCOME_CONFIRMED",
        explanation="The employer confirms the income.",
    )


def _id(decision: decision_pb2.Decision) -> str:
    return decision.decision_id.replace("dec_", "rev_")


def _report(
    score: Score,
    first: Sequence[decision_pb2.Decision],
    times: Sequence[float | None],
    found: Sequence[Sequence[str]],
    slack: float,
) -> None:
    referred = sum(one.outcome == decision_pb2.OUTCOME_REFER for one in first)
    score.none(PART, f"not referred without their data, of {len(first)}", len(first) - referred)
    score.none(PART, f"not decided again, of {len(first)}", sum(one is None for one in times))
    longest, bound = max((one for one in times if one is not None), default=0.0), WITHIN * slack
    kept = longest <= bound
    score.judged(PART, "decided again within", f"{longest:.1f} s", f"<= {bound:.1f} s", kept=kept)
    steps = [Counter(actions) for actions in found]
    twice = sum(one["COMPLETED"] > 1 for one in steps)
    never = sum(one["COMPLETED"] == 0 for one in steps)
    score.none(PART, f"reviews completed twice, of {len(found)}", twice)
    score.none(PART, f"reviews not completed, of {len(found)}", never)
