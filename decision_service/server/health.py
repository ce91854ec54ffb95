"""`grpc.health.v1`: the status of services, why it is so, and whether the process answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, TypeAlias

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from decision_service.server.context import RpcContext

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
REASON = "health-reason"
"""Trailing metadata of a check: why the service does not serve, in ASCII."""

LONGEST_REASON = 1000
LIVENESS = "liveness"
"""A name of its own: SERVING while the process answers, whatever becomes of store and vendor."""

Status: TypeAlias = int


class HealthServicer(health_pb2_grpc.HealthServicer):
    """The status of services, once (Check) or whenever it changes (Watch)."""

    def __init__(self) -> None:
        self._statuses: dict[str, Status] = {LIVENESS: SERVING}
        self._reason = ""
        self._stopping = False
        self._ending = False
        self._changed = asyncio.Event()

    async def Check(  # noqa: N802 - the name is the protocol's
        self, request: health_pb2.HealthCheckRequest, context: RpcContext
    ) -> health_pb2.HealthCheckResponse:
        """The status now, why in trailing metadata; NOT_FOUND for a service that is not here."""
        status = self._statuses.get(request.service)
        if status is None:
            context.end(grpc.StatusCode.NOT_FOUND, "there is no such service here")
        if self._reason:
            context.info.trailing.append((REASON, self._reason))
        return health_pb2.HealthCheckResponse(status=status)

    async def List(self, request: Any, context: RpcContext) -> Any:  # noqa: N802 - as above
        del request, context
        one = health_pb2.HealthCheckResponse
        found = {name: one(status=status) for name, status in self._statuses.items()}
        return health_pb2.HealthListResponse(statuses=found)  # type: ignore[attr-defined]  # newer than the stubs

    async def Watch(  # noqa: N802 - the name is the protocol's
        self, request: health_pb2.HealthCheckRequest, context: RpcContext
    ) -> None:
        """Stream the status and its changes until the client leaves or the server stops."""
        sent = None
        while True:
            changed = self._changed
            status = self._statuses.get(request.service, UNKNOWN)
            if status != sent:
                await context.write(health_pb2.HealthCheckResponse(status=status))
                sent = status
            elif self._ending:  # only now: who watches sees NOT_SERVING first
                return
            else:
                await changed.wait()

    def set(self, service: str, status: Status) -> None:
        """Change a service's status; without effect once the server is stopping."""
        if not self._stopping and self._statuses.get(service) != status:
            self._statuses[service] = status
            self._wake()

    def explain(self, reasons: Iterable[str]) -> None:
        """Say in further checks why the service does not serve; nothing where it does."""
        text = " ".join("; ".join(reasons).split())
        self._reason = text.encode("ascii", "backslashreplace").decode()[:LONGEST_REASON]

    def stopping(self) -> None:
        """Say NOT_SERVING for everything but liveness, from now on."""
        for service in self._statuses.keys() - {LIVENESS}:
            self.set(service, NOT_SERVING)
        self._stopping = True

    def end_watches(self) -> None:
        """End every open Watch stream, now and from now on."""
        self._ending = True
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
