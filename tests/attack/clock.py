"""The clock guard: resets by whoever may not, without a reason, and of a clock that is right."""

from __future__ import annotations

import grpc

from decision_service.api.v1 import clock_service_pb2 as pb
from decision_service.api.v1.clock_service_pb2_grpc import ClockServiceStub
from tests.attack.target import Result, Target, code

WHY = "an attack"


async def attack(target: Target) -> list[Result]:
    """Reset the guard in every way that is refused; the journal must stay empty."""
    stub = ClockServiceStub(target.channel)
    operator = target.callers["operator"]
    results = []
    for who in ("desk", "other"):
        shown = target.callers[who]
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
    results.append(("a reset without a token", unknown is grpc.StatusCode.UNAUTHENTICATED))
    for name, why in (("no reason", " "), ("a reason without end", "x" * 501)):
        refused = await code(stub.ResetClock(pb.ResetClockRequest(why=why), metadata=operator))
        held = refused is grpc.StatusCode.INVALID_ARGUMENT
        results.append((f"a reset with {name}", held))
    refused = await code(stub.ResetClock(pb.ResetClockRequest(why=WHY), metadata=operator))
    held = refused is grpc.StatusCode.FAILED_PRECONDITION
    results.append(("a reset of a clock that is right", held))
    shown = (await stub.GetClock(pb.GetClockRequest(), metadata=operator)).clock
    return [*results, ("the journal has no reset", not shown.resets and not shown.doubted)]
