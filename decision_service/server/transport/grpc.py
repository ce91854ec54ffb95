"""The gRPC server: limits, interceptors, services, reflection, and an orderly stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

import grpc
import msgspec
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2
from starlette.types import ASGIApp

from decision_service.api.v1 import (
    applicant_service_pb2,
    decision_service_pb2,
    event_service_pb2,
    notice_service_pb2,
    outcome_service_pb2,
    review_service_pb2,
    rollout_service_pb2,
    ruleset_service_pb2,
    status_service_pb2,
)
from decision_service.decide.flow import Bulkhead
from decision_service.domain.ports import Clock
from decision_service.runtime.settings import Settings
from decision_service.runtime.telemetry import NO_TRACER, Tracer, UserHash
from decision_service.server.transport.auth import (
    GONE,
    HEALTH_METHODS,
    Authenticator,
    FailedAuthentications,
)
from decision_service.server.transport.context import MESSAGE_LIMIT
from decision_service.server.transport.event_loop import CallThreads, EventLoopInterceptor
from decision_service.server.transport.health import Health
from decision_service.server.transport.interceptors import (
    DESCRIPTIONS,
    READS,
    STEPS,
    WAITS,
    ConcurrencyLimits,
    Handler,
    Interceptor,
    admitting,
    authenticating,
    mapping_errors,
    reading_context,
    recording,
)
from decision_service.server.transport.json_calls import JsonCalls
from decision_service.server.transport.metrics import Metrics
from decision_service.server.transport.tls import AddressInUse, Certificates
from decision_service.server.transport.wire import Methods, methods

REFLECTION_NAMES = ("grpc.reflection.v1.ServerReflection", reflection.SERVICE_NAME)

METADATA_LIMIT = 16 * 1024  # of it the front hands on 8, and a certificate
_FILES = (
    decision_service_pb2,
    ruleset_service_pb2,
    rollout_service_pb2,
    applicant_service_pb2,
    outcome_service_pb2,
    notice_service_pb2,
    review_service_pb2,
    status_service_pb2,
    event_service_pb2,
)
SERVICES = tuple(
    service.full_name for file in _FILES for service in file.DESCRIPTOR.services_by_name.values()
)
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


class Instrumentation(msgspec.Struct, frozen=True):
    """A tracer, and what is around gRPC's own interceptors, outermost first, and around HTTP."""

    tracer: Tracer = NO_TRACER
    interceptors: tuple[grpc.ServerInterceptor, ...] = ()
    around_http: Callable[[ASGIApp], ASGIApp] = lambda app: app


class ServerDeps(msgspec.Struct, frozen=True):
    """What the interceptors need: who may call, how much at a time, and where it is written down.

    `seconds` is a monotonic clock. `further` are interceptors of other packages, such as
    OpenTelemetry's, outermost first: they wrap the service's own, on gRPC's threads, and see
    handlers that take an iterator of bytes. `health` is what the server serves as well.
    """

    authenticator: Authenticator
    limits: ConcurrencyLimits
    metrics: Metrics
    user_hash: UserHash
    seconds: Callable[[], float]
    further: tuple[grpc.ServerInterceptor, ...] = ()
    health: Health = msgspec.field(default_factory=lambda: Health(SERVICES))

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
            waits=Bulkhead(WAITS),
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
    cert = settings.tls_cert_file
    key = settings.tls_key_file
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


class GoneMethods(grpc.GenericRpcHandler):
    """Answers a call of a method of an earlier release with what to use instead.

    gRPC asks it for methods that are not registered. As of every unknown method no token is asked.
    """

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        sentence = GONE.get(handler_call_details.method)
        if sentence is None:
            return None

        def refuse(_request: bytes, context: grpc.ServicerContext) -> None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, sentence)

        return grpc.unary_unary_rpc_method_handler(refuse)


class RpcServer(msgspec.Struct, frozen=True):
    """A started server; `port` is the one it listens on (of use where 0 was asked for)."""

    server: grpc.Server
    health: Health
    port: int
    event_loop: EventLoopInterceptor
    json: JsonCalls
    threads: CallThreads
    _shortened: asyncio.Event = msgspec.field(default_factory=asyncio.Event)

    async def stop(self, delay: float, grace: float) -> None:
        """Report NOT_SERVING, wait `delay` seconds, then give calls in progress `grace` seconds."""
        self.health.stop()
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


async def start(
    settings: Settings, deps: ServerDeps, certificates: Certificates | None, services: Services
) -> RpcServer:
    """Bind, start and return a server that still reports NOT_SERVING; raises AddressInUse."""
    most = deps.limits.calls + SPARE_CALLS
    threads = CallThreads(most + DESCRIPTIONS)
    chain = deps.interceptors()
    identify = deps.authenticator.caller
    loop = EventLoopInterceptor(
        threads, identify, chain, open_to_all=HEALTH_METHODS, left_alone=GONE
    )
    json = JsonCalls(most, identify, chain, hosts=settings.hosts_of_json)
    server = grpc.server(
        threads,
        interceptors=[*deps.further, loop],
        options=(*OPTIONS, ("grpc.so_reuseport", int(settings.reuse_port))),
        maximum_concurrent_rpcs=most,
    )
    for service, servicer in services.items():
        handlers = methods(service, servicer)
        server.add_registered_method_handlers(service.full_name, handlers)
        json.add(service, handlers)
    server.add_generic_rpc_handlers((GoneMethods(),))
    health_pb2_grpc.add_HealthServicer_to_server(deps.health, server)
    if settings.describes_itself:
        health_name = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
        for name in REFLECTION_NAMES:
            described_by = reflection_methods((*SERVICES, health_name))
            server.add_registered_method_handlers(name, described_by)
    port = _bind(server, settings.grpc_address, certificates)
    server.start()
    return RpcServer(server, deps.health, port, event_loop=loop, json=json, threads=threads)


def _bind(server: grpc.Server, address: str, certificates: Certificates | None) -> int:
    try:
        if certificates is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, certificates.credentials())
    except RuntimeError:
        raise AddressInUse(
            f"{address} cannot be bound: another program uses it or it is not this machine's; "
            "stop that program or set DECISION_GRPC_ADDRESS to another address"
        ) from None
