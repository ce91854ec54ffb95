"""`grpc.health.v1`: Watch streams with a bound on their number and their time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, TypeAlias

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from decision_service.domain.errors import DeadlineMissed, Overloaded
from decision_service.server.context import CLIENT_SECONDS, Behaviour, RpcContext

STREAM_SECONDS = 60.0
"""How long a stream of answers (reflection) may stay open."""

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
MOST_WATCHES = 100
REASON = "health-reason"
"""Trailing metadata of a check: why the service does not serve, in ASCII."""

LONGEST_REASON = 1000
LIVENESS = "liveness"
"""A name of its own: SERVING while the process answers, whatever becomes of store and vendor."""

Status: TypeAlias = int


async def write(context: RpcContext, message: Any) -> None:
    """Send one message of a stream; the call of a client who does not read it in time is cancelled.

    No other status reaches such a client, since it would not read that either.
    """
    try:
        async with asyncio.timeout(CLIENT_SECONDS):
            await context.write(message)
    except TimeoutError:
        context.cancel()
        raise asyncio.CancelledError from None


def streamed(answers: Callable[[Any, RpcContext], AsyncIterator[Any]]) -> Behaviour:
    """A generator of replies as a behaviour that writes them."""

    async def call(requests: Any, context: RpcContext) -> None:
        try:
            async with asyncio.timeout(STREAM_SECONDS) as limit:
                async for answer in answers(requests, context):
                    await write(context, answer)
        except TimeoutError:
            if not limit.expired():
                raise
            raise DeadlineMissed(
                f"the stream was open for {STREAM_SECONDS:.0f} seconds: begin another"
            ) from None

    return call


class HealthServicer(health_pb2_grpc.HealthServicer):
    """The status of services, once (Check) or whenever it changes (Watch)."""

    def __init__(self) -> None:
        self._statuses: dict[str, Status] = {LIVENESS: SERVING}
        self._reason = ""
        self._stopping = False
        self._ending = False
        self._changed = asyncio.Event()
        self._watches = 0

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
        if self._watches >= MOST_WATCHES:
            raise Overloaded(f"{MOST_WATCHES} clients watch already: use Check")
        self._watches += 1
        try:
            await self._watch(request.service, context)
        finally:
            self._watches -= 1

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

    async def _watch(self, service: str, context: RpcContext) -> None:
        sent = None
        while not self._ending:
            changed = self._changed
            status = self._statuses.get(service, UNKNOWN)
            if status != sent:
                await write(context, health_pb2.HealthCheckResponse(status=status))
                sent = status
            else:
                await changed.wait()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
