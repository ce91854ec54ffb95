"""The gRPC server: limits, interceptors, services, reflection, and an orderly stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

import grpc
import msgspec
import structlog
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from decision_service.decide.flow import Bulkhead
from decision_service.domain.ports import Clock
from decision_service.runtime.settings import Settings
from decision_service.runtime.telemetry import UserHash
from decision_service.server import (
    applicants,
    decisions,
    notices,
    outcomes,
    reviews,
    rollouts,
    rulesets,
)
from decision_service.server.auth import HEALTH_METHODS, Authenticator, FailedAuthentications
from decision_service.server.context import MESSAGE_LIMIT
from decision_service.server.event_loop import CallThreads, EventLoopInterceptor
from decision_service.server.health import NOT_SERVING, SERVING, HealthServicer
from decision_service.server.interceptors import (
    DESCRIPTIONS,
    READS,
    STEPS,
    ConcurrencyLimits,
    Interceptor,
    admitting,
    authenticating,
    mapping_errors,
    reading_context,
    recording,
)
from decision_service.server.json_calls import JsonCalls
from decision_service.server.metrics import Metrics
from decision_service.server.tls import AddressInUse, Certificates
from decision_service.server.wire import Methods, methods

REFLECTION_NAMES = ("grpc.reflection.v1.ServerReflection", reflection.SERVICE_NAME)
log = structlog.get_logger("decision_service.health")

STARTING = ("the service is starting",)
STOPPING = ("the service is stopping",)

METADATA_LIMIT = 16 * 1024  # of it the front hands on 8, and a certificate
_MODULES = (decisions, rulesets, rollouts, applicants, outcomes, notices, reviews)
SERVICES = tuple(module.SERVICE.full_name for module in _MODULES)
SPARE_CALLS = 512
"""Calls that are served beyond those that have a place or wait for one: health, and calls that are
refused with details. gRPC itself refuses further ones, with the code alone."""

OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.max_metadata_size", METADATA_LIMIT),
    ("grpc.absolute_max_metadata_size", METADATA_LIMIT),
    ("grpc.max_concurrent_streams", 256),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.max_connection_age_ms", 300_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
)
"""A connection that is old ends: clients then find further processes, and calls in progress have
time to end."""


class ServerDeps(msgspec.Struct, frozen=True):
    """What the interceptors need: who may call, how much at a time, and where it is written down.

    `seconds` is a monotonic clock. `further` are interceptors of other packages, such as
    OpenTelemetry's, outermost first: they wrap the service's own, on gRPC's threads, and see
    handlers that take an iterator of bytes.
    """

    authenticator: Authenticator
    limits: ConcurrencyLimits
    metrics: Metrics
    user_hash: UserHash
    seconds: Callable[[], float]
    further: tuple[grpc.ServerInterceptor, ...] = ()

    def interceptors(self) -> tuple[Interceptor, ...]:
        """Of gRPC calls and of JSON calls alike, the outermost first."""
        return (
            mapping_errors,
            reading_context,
            recording(self.user_hash, self.metrics),
            authenticating(FailedAuthentications(self.seconds, self.metrics.registry)),
            admitting(self.limits),
        )


def server_deps(
    settings: Settings, clock: Clock, further: tuple[grpc.ServerInterceptor, ...] = ()
) -> ServerDeps:
    """Callers, limits, metrics and the key of users in the log; raises CallersRefused."""
    return ServerDeps(
        authenticator=Authenticator(
            settings.auth_tokens_file, clock.now, settings.front_name or None
        ),
        limits=ConcurrencyLimits(
            work=Bulkhead(settings.max_in_flight),
            reads=Bulkhead(READS),
            steps=Bulkhead(STEPS),
            reflection=Bulkhead(DESCRIPTIONS),
        ),
        metrics=Metrics(),
        user_hash=UserHash(settings.log_hash_key.get_secret_value()),
        seconds=clock.monotonic,
        further=further,
    )


def certificates_of(settings: Settings) -> Certificates | None:
    """The server's certificate where it has one; raises CertificatesRefused."""
    cert, key = settings.tls_cert_file, settings.tls_key_file
    if cert is None or key is None:
        return None
    return Certificates(cert, key, settings.tls_client_ca_file)


def reflection_methods(services: Iterable[str]) -> Methods:
    """The method that describes these services, and the one of NAMES whose messages there are."""
    servicer = reflection.ReflectionServicer((*services, reflection.SERVICE_NAME))

    async def answer(requests: AsyncIterator[Any], context: Any) -> None:
        async for request in requests:
            for found in servicer.ServerReflectionInfo(iter((request,)), context):
                await context.write(found)

    handler: Any = grpc.stream_stream_rpc_method_handler(
        answer,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return {"ServerReflectionInfo": handler}


class RpcServer(msgspec.Struct):
    """A started server; `port` is the one it listens on (of use where 0 was asked for)."""

    server: grpc.Server
    health: HealthServicer
    port: int
    event_loop: EventLoopInterceptor
    json: JsonCalls
    threads: CallThreads
    reasons: tuple[str, ...] = STARTING
    stopping: bool = False
    _shortened: asyncio.Event = msgspec.field(default_factory=asyncio.Event)

    @property
    def is_serving(self) -> bool:
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
            self._announce()

    def _announce(self) -> None:
        self.health.explain(self.reasons)
        write = log.info if self.is_serving or self.stopping else log.warning
        status = "SERVING" if self.is_serving else "NOT_SERVING"
        write("health changed", status=status, reason="; ".join(self.reasons) or None)

    async def stop(self, delay: float, grace: float) -> None:
        """Report NOT_SERVING, wait `delay` seconds, then give calls in progress `grace` seconds."""
        if not self.stopping:
            self.stopping, self.reasons = True, STOPPING
            self.health.stopping()
            self._announce()
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
        await self.json.end(grace)
        await asyncio.to_thread(stopped.wait)
        await self.event_loop.idle()
        await asyncio.to_thread(self.threads.shutdown)


Services: TypeAlias = Mapping[ServiceDescriptor, object]
"""What answers the methods of each service."""


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
    most = deps.limits.calls + SPARE_CALLS
    threads = CallThreads(most + DESCRIPTIONS)
    chain, identify = deps.interceptors(), deps.authenticator.caller
    loop = EventLoopInterceptor(threads, identify, chain, HEALTH_METHODS)
    json = JsonCalls(most, identify, chain)
    server = grpc.server(
        threads,
        interceptors=[*deps.further, loop],
        options=(*OPTIONS, ("grpc.so_reuseport", int(options.shares_port))),
        maximum_concurrent_rpcs=most,
    )
    health = HealthServicer()
    for service, servicer in services.items():
        handlers = methods(service, servicer)
        server.add_registered_method_handlers(service.full_name, handlers)
        json.add(service, handlers)
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    if options.reflection:
        _add_reflection(server)
    started = RpcServer(server, health, _bind(server, options), loop, json, threads)
    started.set_health(STARTING)
    health.explain(STARTING)
    server.start()
    return started


def _add_reflection(server: grpc.Server) -> None:
    health_name = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
    for name in REFLECTION_NAMES:
        described_by = reflection_methods((*SERVICES, health_name))
        server.add_registered_method_handlers(name, described_by)


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
