"""A real service on loopback, for tests: embedded vendor, SQLite file, gRPC."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import httpx2
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.type.money_pb2 import Money as MoneyMessage
from grpc_status import rpc_status

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import decision_service_pb2_grpc
from decision_service.app.vendor import Vendor
from decision_service.app.wiring import Service, start
from decision_service.domain.ports import Clock
from decision_service.runtime.config import load
from decision_service.server.transport.grpc import Instrumentation
from decision_service.standin.faults import Fault
from decision_service.standin.server import Simulator, build_app, serve
from tests.fakes.in_memory import forgetful_copy
from tests.kits.stores import begun

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = "personal-loan-ph"
_TEMPORARY = TemporaryDirectory()


@dataclass(frozen=True, slots=True)
class Running:
    """A started service with a channel and a stub."""

    service: Service
    channel: grpc.aio.Channel
    stub: Any


def environ(folder: Path, **settings: str) -> dict[str, str]:
    """Settings of a service that keeps everything in one folder."""
    return {
        "DECISION_GRPC_ADDRESS": "127.0.0.1:0",
        "DECISION_HTTP_ADDRESS": "127.0.0.1:0",
        "DECISION_ADMIN_ADDRESS": "127.0.0.1:0",
        "DECISION_STORE_URL": f"sqlite:///{folder / 'decisions.db'}",
        "DECISION_RULES_DIR": str(_forgetful_rules()),
        "DECISION_DRAIN_GRACE": "1s",
    } | {f"DECISION_{name.upper()}": value for name, value in settings.items()}


@cache
def _forgetful_rules() -> Path:
    """The shipped rules for tests that decide on one person often, until the process ends."""
    return forgetful_copy(ROOT / "rules", Path(_TEMPORARY.name) / "rules")


@asynccontextmanager
async def running(
    folder: Path,
    instrumentation: Instrumentation | None = None,
    clock: Clock | None = None,
    vendor: Vendor | None = None,
    **settings: str,
) -> AsyncIterator[Running]:
    """Start a service, and stop it in order."""
    if "store_url" not in settings:
        begun(folder / "decisions.db")
    chosen = load(environ=environ(folder, **settings))
    service = await start(chosen, instrumentation=instrumentation, clock=clock, vendor=vendor)
    try:
        async with grpc.aio.insecure_channel(service.address) as channel:
            yield Running(service, channel, decision_service_pb2_grpc.DecisionServiceStub(channel))
    finally:
        await service.stop()


def create(user_id: str, **changes: Any) -> service_pb.CreateDecisionRequest:
    """A good application of a user, changed."""
    fields: dict[str, Any] = {
        "request_id": str(uuid.uuid4()),
        "user_id": user_id,
        "product": PRODUCT,
        "requested_amount": MoneyMessage(currency_code="PHP", units=20_000),
        "requested_term_months": 6,
    }
    return service_pb.CreateDecisionRequest(**(fields | changes))


def outcome(decision: pb.Decision) -> str:
    """The outcome's word."""
    return pb.Outcome.Name(decision.outcome).removeprefix("OUTCOME_")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error status with its details."""

    code: grpc.StatusCode
    message: str
    info: ErrorInfo
    fields: dict[str, str]
    retry: float | None


def refusal(error: grpc.RpcError) -> Refusal:
    """Read a status and its details."""
    status = rpc_status.from_call(error)
    assert status is not None, "every error of the service carries google.rpc.Status"
    info, bad, retry = ErrorInfo(), BadRequest(), RetryInfo()
    infos = [detail.Unpack(info) for detail in status.details]
    assert sum(infos) == 1, "exactly one ErrorInfo"
    delay = None
    for detail in status.details:
        detail.Unpack(bad)
        if detail.Unpack(retry):
            delay = retry.retry_delay.ToTimedelta().total_seconds()
    fields = {violation.field: violation.description for violation in bad.field_violations}
    if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
        assert info.metadata["field"] == next(iter(fields)), "ErrorInfo names the first field"
    return Refusal(error.code(), error.details() or "", info, fields, delay)


def as_recorded(found: pb.Decision) -> pb.Decision:
    """A decision without what is of its reading alone."""
    kept = pb.Decision()
    kept.CopyFrom(found)
    for name in ("income_months", "outcome_in_force", "approved_amount_in_force"):
        kept.ClearField(name)
    return kept


async def refused(call: Awaitable[Any]) -> Refusal:
    with pytest.raises(grpc.RpcError) as error:
        await call
    return refusal(error.value)


async def metrics(live: Running) -> dict[str, float]:
    """Every sample that the admin address shows."""
    async with httpx2.AsyncClient() as client:
        reply = await client.get(f"{live.service.http.admin}/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    lines = (line for line in reply.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def own_rules(folder: Path) -> Path:
    """A copy of the shipped rules that a test may edit and decide by on one person often."""
    return forgetful_copy(ROOT / "rules", folder / "rules")


@dataclass(frozen=True)
class Gated:
    """A stand-in whose answers wait for a gate."""

    app: Simulator
    gate: asyncio.Event

    @property
    def closing(self) -> asyncio.Event:
        return self.app.closing

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self.gate.wait()
        await self.app(scope, receive, send)


@asynccontextmanager
async def at_vendor(
    folder: Path, *faults: Fault, gate: asyncio.Event | None = None, **settings: str
) -> AsyncIterator[tuple[Running, Simulator]]:
    """A service on a stand-in of the test's own, with its faults and its meter.

    With a `gate` nothing is answered before it is set.
    """
    app = build_app(api_key="k", api_secret="s", faults=faults)
    served: Any = app if gate is None else Gated(app, gate)
    vendor = {"smile_mode": "sandbox", "smile_api_key": "k", "smile_api_secret": "s"}
    async with (
        serve(served) as base_url,
        running(
            folder, **{**vendor, "smile_base_url": base_url, "drain_delay": "0s", **settings}
        ) as live,
    ):
        yield live, app
