"""A loan system's end of the wire, with replies left as the bytes they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from google.type.money_pb2 import Money
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from bench.reliability.history import Request
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import decision_service_pb2_grpc, ruleset_service_pb2_grpc

LOAN, ADVANCE = "personal-loan-ph", "gig-advance-ph"
CREATE = "/decision_service.api.v1.DecisionService/CreateDecision"
_QUICK = (
    ("grpc.initial_reconnect_backoff_ms", 20),
    ("grpc.min_reconnect_backoff_ms", 20),
    ("grpc.max_reconnect_backoff_ms", 100),
    ("grpc.use_local_subchannel_pool", 1),
)
MAYBE_RECORDED = frozenset(
    {
        "DEADLINE_EXCEEDED",
        "INTERNAL",
        "REQUEST_IN_PROGRESS",
        "REQUEST_ID_REUSED",
        "STORE_UNAVAILABLE",
    }
)


@dataclass(frozen=True, slots=True)
class Client:
    """A channel to one server and what can be asked over it."""

    channel: grpc.aio.Channel
    create: Any
    decisions: Any
    rulesets: Any

    async def decide(self, request: Request, timeout: float = 10.0) -> bytes:
        """The reply's bytes, once the server is there; raises grpc.RpcError."""
        reply: bytes = await self.create(request, timeout=timeout, wait_for_ready=True)
        return reply

    async def replay(self, decision_id: str) -> list[str]:
        """The fields in which a recomputed decision differs from its record."""
        request = service_pb.ReplayDecisionRequest(decision_id=decision_id)
        reply = await self.decisions.ReplayDecision(request, timeout=10)
        return list(reply.differing_fields)

    async def serving(self) -> bool:
        """Whether the server says that decisions can be made."""
        stub = health_pb2_grpc.HealthStub(self.channel)
        reply = await stub.Check(health_pb2.HealthCheckRequest(), timeout=10, wait_for_ready=True)
        return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Client]:
    """A client of the server at this address, which may come and go."""
    async with grpc.aio.insecure_channel(address, options=_QUICK) as channel:
        yield Client(
            channel,
            channel.unary_unary(CREATE, request_serializer=Request.SerializeToString),
            decision_service_pb2_grpc.DecisionServiceStub(channel),
            ruleset_service_pb2_grpc.RulesetServiceStub(channel),
        )


def loan(request_id: str, user_id: str, units: int = 20_000) -> Request:
    """An application that is decided."""
    money = Money(currency_code="PHP", units=units)
    return Request(
        request_id=request_id,
        user_id=user_id,
        product=LOAN,
        requested_amount=money,
        requested_term_months=6,
    )


def advance(request_id: str, user_id: str) -> Request:
    """An application outside the go-live (of the harness's own rules): NOT_ENROLLED."""
    return Request(request_id=request_id, user_id=user_id, product=ADVANCE)


def reason(error: grpc.RpcError) -> str:
    """The service's word for an error; empty where the transport failed and nobody spoke."""
    status = rpc_status.from_call(error)
    info = ErrorInfo()
    for detail in status.details if status is not None else ():
        if detail.Unpack(info):
            return str(info.reason)
    return ""


def nothing_recorded(error: grpc.RpcError) -> bool:
    """Whether the service itself said an error after which nothing is recorded."""
    said = reason(error)
    return bool(said) and said not in MAYBE_RECORDED
