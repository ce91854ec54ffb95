"""One request id, one decision: repeated, reused, concurrent, abandoned."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.standin.faults import Fault
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import Running, at_vendor, create, refused

GEORGE = sandbox_people()[0].user_id
BASIC, FULL = pb.DECISION_VIEW_BASIC, pb.DECISION_VIEW_FULL
METHOD = "/decision_service.api.v1.DecisionService/CreateDecision"


def raw(live: Running) -> Callable[..., Any]:
    """CreateDecision with the reply left as bytes."""
    return live.channel.unary_unary(
        METHOD, request_serializer=service_pb.CreateDecisionRequest.SerializeToString
    )


async def listed(live: Running) -> int:
    """How many decisions there are."""
    reply = await live.stub.ListDecisions(service_pb.ListDecisionsRequest(page_size=500))
    return len(reply.decisions)


async def test_the_same_request_gets_the_same_bytes(live: Running) -> None:
    """A repetition is answered byte for byte, and decides nothing anew."""
    request = create(GEORGE)
    first = await raw(live)(request)
    request.wait_timeout.seconds = 5
    assert await raw(live)(request) == first
    assert await listed(live) == 1


async def test_a_uuid_is_one_id_however_it_is_written(live: Running) -> None:
    """In capitals and in braces it gets the same bytes; other ids are taken as they are."""
    request = create(GEORGE)
    uuid = request.request_id
    first = await raw(live)(request)
    for request.request_id in (uuid.upper(), f"{{{uuid}}}", f"{{{uuid.upper()}}}"):
        assert await raw(live)(request) == first
    for request.request_id in (f"{{{uuid}", uuid.replace("-", ""), "R-1", "r-1"):
        decision = (await live.stub.CreateDecision(request)).decision
        assert decision.request_id == request.request_id
    assert await listed(live) == 5


async def test_another_view_is_the_same_request(live: Running) -> None:
    """One decision, in the view that each call asks for: first or later, BASIC or FULL."""
    for first, second in ((BASIC, FULL), (FULL, BASIC)):
        request = create(GEORGE, view=first)
        decided = (await live.stub.CreateDecision(request)).decision
        request.view = second
        again = (await live.stub.CreateDecision(request)).decision
        assert again.decision_id == decided.decision_id
        for view, answered in ((first, decided), (second, again)):
            asked = service_pb.GetDecisionRequest(decision_id=decided.decision_id, view=view)
            assert answered == (await live.stub.GetDecision(asked)).decision
            assert bool(answered.rule_traces) == (view == FULL)
    assert await listed(live) == 2


async def test_another_content_is_refused_and_learns_nothing(live: Running) -> None:
    """ALREADY_EXISTS names neither the first user nor its decision."""
    request = create(GEORGE)
    reply = await live.stub.CreateDecision(request)
    request.user_id = sandbox_people()[1].user_id
    told = await refused(live.stub.CreateDecision(request))
    assert (told.code, told.info.reason) == (
        grpc.StatusCode.ALREADY_EXISTS,
        "REQUEST_ID_REUSED",
    )
    everything = told.message + str(told.info)
    assert GEORGE not in everything
    assert reply.decision.decision_id not in everything


async def test_concurrent_duplicates_are_decided_once(live: Running) -> None:
    """Fifty callers at once get fifty equal replies from one evaluation and one gathering."""
    request = create(GEORGE)
    replies = await asyncio.gather(*(raw(live)(request) for _ in range(50)))
    assert len(set(replies)) == 1
    assert await listed(live) == 1
    reply = service_pb.CreateDecisionResponse.FromString(replies[0])
    assert reply.decision.data_quality.upstream_calls == 7


async def test_concurrent_decisions_on_one_user_share_the_gathering(tmp_path: Path) -> None:
    """Ten different requests for one user at once cost the calls of one."""
    slow = Fault("slow", path="/accounts", settings={"seconds": 1.0})
    async with at_vendor(tmp_path, slow) as (live, _):
        replies = await asyncio.gather(
            *(live.stub.CreateDecision(create(GEORGE)) for _ in range(10))
        )
    calls = sorted(reply.decision.data_quality.upstream_calls for reply in replies)
    assert calls == [0] * 9 + [7]


async def test_a_caller_who_gives_up_leaves_nothing_half_done(live: Running) -> None:
    """After a cancelled call the same id is decided as if it were the first time."""
    request = create(GEORGE)
    call = live.stub.CreateDecision(request)
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    reply = await live.stub.CreateDecision(request)
    assert reply.decision.request_id == request.request_id
    assert await listed(live) == 1


async def test_too_little_time_is_refused_before_any_call(shared: Running) -> None:
    """With less than 300 ms left nothing is begun or recorded."""
    before = await listed(shared)
    with pytest.raises(grpc.RpcError) as error:
        await shared.stub.CreateDecision(create(GEORGE), timeout=0.2)
    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert await listed(shared) == before
