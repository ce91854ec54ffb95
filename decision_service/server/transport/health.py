"""`grpc.health.v1`: whether decisions are made, why not, and whether the process answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

from decision_service.server.transport.context import RpcContext

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
REASON = "health-reason"
"""Trailing metadata of a check: why the service does not serve, in ASCII."""

LONGEST_REASON = 1000
DECISIONS = "decision_service.api.v1.DecisionService"
LIVENESS = "liveness"
"""A name of its own: SERVING while the process answers, whatever becomes of store and vendor."""

STARTING = ("the service is starting",)
STOPPING = ("the service is stopping",)

log = structlog.get_logger("decision_service.health")


class Health(health_pb2_grpc.HealthServicer):
    """The state of all services, once (Check) or whenever it changes (Watch).

    `reasons` say why nothing is served, none while it is; `undecided` why the service of decisions
    alone does not serve, as before the first release of rules.
    """

    def __init__(self, services: Iterable[str]) -> None:
        self.reasons: tuple[str, ...] = STARTING
        self.undecided = ""
        self.stopping = False
        self._services = ("", *services)
        self._ending = False
        self._changed = asyncio.Event()

    @property
    def is_serving(self) -> bool:
        return not self.reasons

    async def Check(  # noqa: N802 - the name is the protocol's
        self, request: health_pb2.HealthCheckRequest, context: RpcContext
    ) -> health_pb2.HealthCheckResponse:
        """The status now, why in trailing metadata; NOT_FOUND for a service that is not here."""
        status = self._status_of(request.service)
        reasons = self.reasons
        if status == UNKNOWN:
            context.end(grpc.StatusCode.NOT_FOUND, "there is no such service here")
        elif request.service == DECISIONS and self.undecided:
            reasons = (*reasons, self.undecided)
        if reasons:
            text = " ".join("; ".join(reasons).split())
            shown = text.encode("ascii", "backslashreplace").decode()[:LONGEST_REASON]
            context.info.trailing.append((REASON, shown))
        return health_pb2.HealthCheckResponse(status=status)

    async def List(self, _request: Any, _: RpcContext) -> Any:  # noqa: N802 - as above
        one = health_pb2.HealthCheckResponse
        names = (LIVENESS, *self._services)
        found = {name: one(status=self._status_of(name)) for name in names}
        return health_pb2.HealthListResponse(statuses=found)  # type: ignore[attr-defined]  # newer than the stubs

    async def Watch(  # noqa: N802 - the name is the protocol's
        self, request: health_pb2.HealthCheckRequest, context: RpcContext
    ) -> None:
        """Stream the status and its changes until the client leaves or the server stops."""
        sent = None
        while True:
            changed = self._changed
            status = self._status_of(request.service)
            if status != sent:
                await context.write(health_pb2.HealthCheckResponse(status=status))
                sent = status
            elif self._ending:  # only now: who watches sees NOT_SERVING first
                return
            else:
                await changed.wait()

    def set(self, reasons: Iterable[str] = ()) -> None:
        """Be NOT_SERVING for these reasons, SERVING without any; logs every change.

        Without effect once the server is stopping.
        """
        if not self.stopping:
            self._take(tuple(reasons))

    def decide(self, why_not: str = "") -> None:
        """Serve decisions, or not for a reason, while everything else is served."""
        if why_not != self.undecided:
            self.undecided = why_not
            if why_not:
                log.warning("no decisions are made", why=why_not)
            else:
                log.info("decisions are made")
            self._wake()

    def stop(self) -> None:
        if not self.stopping:
            self.stopping = True
            self._take(STOPPING)

    def end_watches(self) -> None:
        """End every open Watch stream, now and from now on."""
        self._ending = True
        self._wake()

    def _take(self, reasons: tuple[str, ...]) -> None:
        if reasons == self.reasons:
            return
        self.reasons = reasons
        write = log.info if self.is_serving or self.stopping else log.warning
        status = "SERVING" if self.is_serving else "NOT_SERVING"
        write("health changed", status=status, reason="; ".join(reasons) or None)
        self._wake()

    def _status_of(self, service: str) -> int:
        if service == LIVENESS:
            return SERVING
        if service not in self._services:
            return UNKNOWN
        if service == DECISIONS and self.undecided:
            return NOT_SERVING
        return SERVING if self.is_serving else NOT_SERVING

    def _wake(self) -> None:
        changed = self._changed
        self._changed = asyncio.Event()
        changed.set()
