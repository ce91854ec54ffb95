"""One request id, one decision: repeated, reused, concurrent, abandoned."""

import asyncio
import uuid
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


def applied(**changes: Any) -> service_pb.CreateDecisionRequest:
    """A good application of George's, of which there is no other."""
    return create(GEORGE, application_id=f"A-{uuid.uuid4()}", **changes)


async def listed(live: Running, request: service_pb.CreateDecisionRequest) -> int:
    """How many decisions there are on an application."""
    asked = service_pb.ListDecisionsRequest(application_id=request.application_id, page_size=500)
    return len((await live.stub.ListDecisions(asked)).decisions)


async def test_the_same_request_gets_the_same_bytes(shared: Running) -> None:
    """A repetition is answered byte for byte, and decides nothing anew."""
    request = applied()
    first = await raw(shared)(request)
    request.wait_timeout.seconds = 5
    assert await raw(shared)(request) == first
    assert await listed(shared, request) == 1


async def test_a_uuid_is_one_id_however_it_is_written(live: Running) -> None:
    """In capitals and in braces it gets the same bytes; other ids are taken as they are."""
    request = applied()
    own = request.request_id
    first = await raw(live)(request)
    for request.request_id in (own.upper(), f"{{{own}}}", f"{{{own.upper()}}}"):
        assert await raw(live)(request) == first
    for request.request_id in (f"{{{own}", own.replace("-", ""), "R-1", "r-1"):
        decision = (await live.stub.CreateDecision(request)).decision
        assert decision.request_id == request.request_id
    assert await listed(live, request) == 5


async def test_another_view_is_the_same_request(shared: Running) -> None:
    """One decision, in the view that each call asks for: first or later, BASIC or FULL."""
    for first, second in ((BASIC, FULL), (FULL, BASIC)):
        request = applied(view=first)
        decided = (await shared.stub.CreateDecision(request)).decision
        request.view = second
        again = (await shared.stub.CreateDecision(request)).decision
        assert again.decision_id == decided.decision_id
        for view, answered in ((first, decided), (second, again)):
            asked = service_pb.GetDecisionRequest(decision_id=decided.decision_id, view=view)
            found = (await shared.stub.GetDecision(asked)).decision
            found.ClearField("income_months")  # of what is read back alone
            assert answered == found
            assert bool(answered.rule_traces) == (view == FULL)
        assert await listed(shared, request) == 1


async def test_another_content_is_refused_and_learns_nothing(shared: Running) -> None:
    """ALREADY_EXISTS names neither the first user nor its decision."""
    request = applied()
    reply = await shared.stub.CreateDecision(request)
    request.user_id = sandbox_people()[1].user_id
    refusal = await refused(shared.stub.CreateDecision(request))
    assert (refusal.code, refusal.info.reason) == (
        grpc.StatusCode.ALREADY_EXISTS,
        "REQUEST_ID_REUSED",
    )
    everything = refusal.message + str(refusal.info)
    assert GEORGE not in everything
    assert reply.decision.decision_id not in everything


async def test_concurrent_duplicates_are_decided_once(shared: Running) -> None:
    """Fifty callers at once get fifty equal replies from one evaluation and one gathering."""
    request = applied()
    replies = await asyncio.gather(*(raw(shared)(request) for _ in range(50)))
    assert len(set(replies)) == 1
    assert await listed(shared, request) == 1
    reply = service_pb.CreateDecisionResponse.FromString(replies[0])
    assert reply.decision.data_quality.upstream_calls == 7


async def test_concurrent_decisions_on_one_user_share_the_gathering(tmp_path: Path) -> None:
    """Ten different requests for one user at once cost the calls of one."""
    slow = Fault("slow", path="/accounts", settings={"seconds": 1.0})
    async with at_vendor(tmp_path, slow) as (live, _):
        replies = await asyncio.gather(*(live.stub.CreateDecision(applied()) for _ in range(10)))
    calls = sorted(reply.decision.data_quality.upstream_calls for reply in replies)
    assert calls == [0] * 9 + [7]


async def test_a_caller_who_gives_up_leaves_nothing_half_done(shared: Running) -> None:
    """After a cancelled call the same id is decided as if it were the first time."""
    request = applied()
    call = shared.stub.CreateDecision(request)
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    reply = await shared.stub.CreateDecision(request)
    assert reply.decision.request_id == request.request_id
    assert await listed(shared, request) == 1


async def test_too_little_time_is_refused_before_any_call(shared: Running) -> None:
    """With less than 300 ms left nothing is begun or recorded."""
    request = applied()
    with pytest.raises(grpc.RpcError) as error:
        await shared.stub.CreateDecision(request, timeout=0.2)
    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert await listed(shared, request) == 0
