"""The gRPC server: limits, services, health, reflection, and an orderly stop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

import grpc
import msgspec
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

from decision_service.domain.errors import Overloaded
from decision_service.edge.rpc.access import HEALTH_METHODS
from decision_service.edge.rpc.call_threads import CallThreads
from decision_service.edge.rpc.interceptors.admission import DESCRIPTIONS
from decision_service.edge.rpc.interceptors.event_loop import EventLoopInterceptor
from decision_service.edge.rpc.open_calls import OpenCalls
from decision_service.edge.rpc.server_deps import ServerDeps
from decision_service.edge.rpc.services import (
    applicants,
    clock,
    decisions,
    notices,
    outcomes,
    reflection,
    reviews,
    rollouts,
    rulesets,
)
from decision_service.edge.rpc.services.applicants import ApplicantUseCases
from decision_service.edge.rpc.services.clock import ClockUseCases
from decision_service.edge.rpc.services.decisions import UseCases
from decision_service.edge.rpc.services.health import NOT_SERVING, SERVING, HealthServicer
from decision_service.edge.rpc.services.notices import NoticeUseCases
from decision_service.edge.rpc.services.outcomes import OutcomeUseCases
from decision_service.edge.rpc.services.reviews import ReviewUseCases
from decision_service.edge.rpc.services.rollouts import RolloutUseCases
from decision_service.edge.rpc.services.rulesets import RulesetUseCases
from decision_service.edge.rpc.status import call_status, status_of
from decision_service.edge.tls import AddressInUse, Certificates

log = structlog.get_logger("decision_service.health")

STARTING = ("the service is starting",)
STOPPING = ("the service is stopping",)

MESSAGE_LIMIT = 64 * 1024
METADATA_LIMIT = 8 * 1024
SERVICES = (
    decisions.SERVICE,
    rulesets.SERVICE,
    rollouts.SERVICE,
    applicants.SERVICE,
    outcomes.SERVICE,
    notices.SERVICE,
    clock.SERVICE,
    reviews.SERVICE,
)
SPARE_CALLS = 256
"""Calls of known callers accepted beyond those that have a place, and as many that are refused with
details. gRPC itself refuses further ones, with the code alone."""

OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.max_metadata_size", METADATA_LIMIT),
    ("grpc.absolute_max_metadata_size", METADATA_LIMIT),
    ("grpc.max_concurrent_streams", 256),
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 2),
    ("grpc.server.max_pending_requests", 2_000),
    ("grpc.server.max_pending_requests_hard_limit", 4_000),
    ("grpc.max_connection_age_ms", 300_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
)
"""A connection that does not get ready, does not answer, or floods is closed by the transport.

So is one that is old: gRPC refuses a call with too many headers, but reads on for as long as they
come. Clients are asked to change to a new connection, and calls in progress have time to end. Of
calls that nobody has begun to serve gRPC cancels some at random, known callers' too, from 2,000 on:
those of seven full connections that come at once are served.
"""


class RpcServer(msgspec.Struct):
    """A started server; `port` is the one it listens on (of use where 0 was asked for)."""

    server: grpc.Server
    health: HealthServicer
    port: int
    event_loop: EventLoopInterceptor
    calls: OpenCalls
    threads: CallThreads
    reasons: tuple[str, ...] = STARTING
    stopping: bool = False
    _shortened: asyncio.Event = msgspec.field(default_factory=asyncio.Event)

    @property
    def is_serving(self) -> bool:
        """Whether decisions are taken; `reasons` say why not."""
        return not self.reasons

    def set_health(self, reasons: Iterable[str] = ()) -> None:
        """Report NOT_SERVING for these reasons, SERVING without any; logs every change.

        Without effect once the server is stopping.
        """
        if self.stopping:
            return
        before, self.reasons = self.reasons, tuple(reasons)
        for service in ("", *SERVICES):
            self.health.set(service, SERVING if self.is_serving else NOT_SERVING)
        if self.reasons != before:
            self._tell()

    def _tell(self) -> None:
        self.health.explain(self.reasons)
        write = log.info if self.is_serving or self.stopping else log.warning
        status = "SERVING" if self.is_serving else "NOT_SERVING"
        write("health changed", status=status, reason="; ".join(self.reasons) or None)

    async def stop(self, delay: float, grace: float) -> None:
        """Report NOT_SERVING, wait `delay` seconds, then give calls in progress `grace` seconds."""
        if not self.stopping:
            self.stopping, self.reasons = True, STOPPING
            self.health.stopping()
            self._tell()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._shortened.wait(), delay)
        self.health.end_watches()
        await self._end(grace)

    async def shorten_grace(self, grace: float) -> None:
        """While stopping: accept no more calls, and give those in progress `grace` seconds."""
        self._shortened.set()
        await self._end(grace)

    async def _end(self, grace: float) -> None:
        """Stop; the shortest of several graces counts."""
        stopped = self.server.stop(grace)
        await asyncio.to_thread(stopped.wait)
        await self.event_loop.idle()
        await asyncio.to_thread(self.threads.shutdown)


class Services(msgspec.Struct, frozen=True):
    """What a server serves."""

    decisions: UseCases
    rulesets: RulesetUseCases
    rollouts: RolloutUseCases
    applicants: ApplicantUseCases
    outcomes: OutcomeUseCases
    notices: NoticeUseCases
    clock: ClockUseCases
    reviews: ReviewUseCases


class ListenOptions(msgspec.Struct, frozen=True):
    """Where a server listens, what it needs, and whether it describes itself.

    With `shares_port` several processes may listen on one port, all of which must set it.
    """

    address: str
    deps: ServerDeps
    certificates: Certificates | None = None
    reflection: bool = True
    shares_port: bool = False


async def start(options: ListenOptions, services: Services) -> RpcServer:
    """Bind, start and return a server that still reports NOT_SERVING; raises AddressInUse."""
    deps = options.deps
    calls = OpenCalls(deps.limits.calls + SPARE_CALLS, deps.seconds)
    most = calls.most + SPARE_CALLS
    threads = CallThreads(most + DESCRIPTIONS)
    full, identify = call_status(status_of(Overloaded(_FULL))), deps.authenticator.caller
    loop = EventLoopInterceptor(threads, calls, full, identify, HEALTH_METHODS)
    server = grpc.server(
        threads,
        interceptors=[*deps.further, loop, *deps.interceptors()],
        options=(*OPTIONS, ("grpc.so_reuseport", int(options.shares_port))),
        maximum_concurrent_rpcs=most,
    )
    health = HealthServicer()
    _add(server, services, health, described=options.reflection)
    started = RpcServer(server, health, _bind(server, options), loop, calls, threads)
    started.set_health(STARTING)
    health.explain(STARTING)
    server.start()
    return started


_FULL = "more calls are open than are served: retry"


def _add(
    server: grpc.Server, services: Services, health: HealthServicer, *, described: bool
) -> None:
    for service, methods in (
        (decisions.SERVICE, decisions.methods(decisions.DecisionServicer(services.decisions))),
        (rulesets.SERVICE, rulesets.methods(rulesets.RulesetServicer(services.rulesets))),
        (rollouts.SERVICE, rollouts.methods(rollouts.RolloutServicer(services.rollouts))),
        (applicants.SERVICE, applicants.methods(applicants.ApplicantServicer(services.applicants))),
        (notices.SERVICE, notices.methods(notices.NoticeServicer(services.notices))),
        (outcomes.SERVICE, outcomes.methods(outcomes.OutcomeServicer(services.outcomes))),
        (clock.SERVICE, clock.methods(clock.ClockServicer(services.clock))),
        (reviews.SERVICE, reviews.methods(reviews.ReviewServicer(services.reviews))),
    ):
        server.add_registered_method_handlers(service, methods)
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    if described:
        health_name = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
        for name in reflection.NAMES:
            methods = reflection.methods((*SERVICES, health_name))
            server.add_registered_method_handlers(name, methods)


def _bind(server: grpc.Server, options: ListenOptions) -> int:
    address, certificates = options.address, options.certificates
    try:
        if certificates is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, certificates.credentials())
    except RuntimeError:
        raise AddressInUse(
            f"{address} cannot be bound: another program uses it or it is not this machine's; "
            "stop that program or set DECISION_GRPC_ADDRESS to another address"
        ) from None
