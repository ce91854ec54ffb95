"""The clock guard: resets by whoever may not, without a reason, and of a clock that is right."""

from __future__ import annotations

import grpc

from decision_service.api.v1 import clock_service_pb2 as pb
from decision_service.api.v1.clock_service_pb2_grpc import ClockServiceStub
from tests.attack.answers import Result, code, known
from tests.attack.found import Found
from tests.attack.target import Target

WHY = "an attack"


async def run(target: Target, found: Found) -> None:
    """Reset the guard in every way that is refused; the journal must stay empty."""
    async with target.channel() as channel:
        stub = ClockServiceStub(channel)
        for part in (_without_the_role, _as_operator):
            found.results(await part(target, stub))


async def _without_the_role(target: Target, stub: ClockServiceStub) -> list[Result]:
    results = []
    for who, shown in (("the lender", target.lender), ("another", target.other)):
        for name, call in (
            (
                "a reset",
                stub.ResetClock(pb.ResetClockRequest(why=WHY), metadata=shown),
            ),
            ("a look", stub.GetClock(pb.GetClockRequest(), metadata=shown)),
        ):
            held = await code(call) is grpc.StatusCode.PERMISSION_DENIED
            results.append((f"{name} without the role, by {who}", held))
    unknown = await code(stub.ResetClock(pb.ResetClockRequest(why=WHY)))
    return [*results, ("a reset without a token", unknown is grpc.StatusCode.UNAUTHENTICATED)]


async def _as_operator(target: Target, stub: ClockServiceStub) -> list[Result]:
    """As a caller that may reset, and is known within seconds."""
    operator, results = target.team.hire("operator", "operate"), []
    look = pb.GetClockRequest()
    await known(lambda: stub.GetClock(look, metadata=operator))
    for name, why in (("no reason", " "), ("a reason without end", "x" * 501)):
        refused = await code(stub.ResetClock(pb.ResetClockRequest(why=why), metadata=operator))
        held = refused is grpc.StatusCode.INVALID_ARGUMENT
        results.append((f"a reset with {name}", held))
    refused = await code(stub.ResetClock(pb.ResetClockRequest(why=WHY), metadata=operator))
    held = refused is grpc.StatusCode.FAILED_PRECONDITION
    results.append(("a reset of a clock that is right", held))
    shown = (await stub.GetClock(look, metadata=operator)).clock
    return [*results, ("the journal has no reset", not shown.resets and not shown.doubted)]
