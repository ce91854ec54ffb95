"""Spans for OpenTelemetry: set up by its standard variables; needs the packages of the extra
`otel`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import uuid
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial

import grpc
import msgspec
import structlog
from opentelemetry.exporter.otlp.proto.grpc.exporter import InvalidCompressionValueException
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.grpc import server_interceptor
from opentelemetry.propagate import extract
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, StatusCode, Tracer
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from decision_service.server.transport.auth import METHODS, UNOBSERVED
from decision_service.server.transport.grpc import Instrumentation

log = structlog.get_logger("decision_service.opentelemetry")
SERVICE_NAME = "decision-service"
_SERVER_ERROR = 500
VARIABLE_REFUSED = (InvalidCompressionValueException, ValueError)
"""What the library raises for a variable that it cannot use."""

LINGER_SECONDS = 2.0
"""How long the end of the service waits for spans that are still to be sent."""


class WatchedSpans(SpanExporter):
    """A span exporter whose delivery is watched; a line of the log when that changes."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; waits at most as long as `OTEL_EXPORTER_OTLP_TIMEOUT` says."""
        result = self._exporter.export(spans)
        taken = result is SpanExportResult.SUCCESS
        if taken and self._failing:
            log.info("the collector takes spans again")
        elif not taken and not self._failing:
            log.warning(
                "the collector does not take spans, which are dropped meanwhile; decisions go on: "
                "look at OTEL_EXPORTER_OTLP_ENDPOINT and at the collector"
            )
        self._failing = not taken
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def resource(version: str) -> Resource:
    """This process, by the variables and by what the service knows of itself."""
    own = {
        "service.name": SERVICE_NAME,
        "service.version": version,
        "service.instance.id": str(uuid.uuid4()),
    }
    return Resource.create(own).merge(OTELResourceDetector().detect())


class JsonSpans(msgspec.Struct, frozen=True):
    """An application whose JSON calls have spans, by the names of gRPC's."""

    tracer: Tracer
    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in METHODS:
            await self.app(scope, receive, send)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        with self.tracer.start_as_current_span(
            scope["path"][1:],
            extract(headers),
            SpanKind.SERVER,
            {"rpc.system": "connect_rpc"},
            record_exception=False,  # a message or a traceback may hold data
        ) as span:

            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= _SERVER_ERROR:
                        span.set_status(StatusCode.ERROR)
                await send(message)

            await self.app(scope, receive, sent)


def instrumentation(provider: TracerProvider) -> Instrumentation:
    """Health checks and reflection, which platforms ask for all the time, have no spans."""

    def wanted(details: grpc.HandlerCallDetails) -> bool:
        return not details.method.startswith(UNOBSERVED)

    tracer = provider.get_tracer("decision_service")
    interceptor = server_interceptor(tracer_provider=provider, filter_=wanted)
    return Instrumentation(tracer, (interceptor,), partial(JsonSpans, tracer))


async def end(provider: TracerProvider, exporter: SpanExporter) -> None:
    """Send the last spans, for at most two seconds, and nothing more."""
    sending = threading.Thread(target=provider.shutdown, daemon=True)
    sending.start()
    await asyncio.to_thread(sending.join, LINGER_SECONDS)
    exporter.shutdown()


def open_telemetry(version: str, stack: AsyncExitStack) -> Instrumentation:
    """Set up by the library's variables and ended by the stack.

    Raises one of VARIABLE_REFUSED for a variable that the library cannot use.
    """
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # `WatchedSpans` says it once
    own = resource(version)
    exporter = WatchedSpans(OTLPSpanExporter())
    provider = provider_of(own, exporter)
    stack.push_async_callback(end, provider, exporter)
    return instrumentation(provider)


def provider_of(own: Resource, exporter: SpanExporter) -> TracerProvider:
    """A provider that batches spans; events, which may hold tracebacks, are left out.

    At most `OTEL_BSP_MAX_QUEUE_SIZE` (2,048) spans wait; the oldest are dropped.
    """
    limits = SpanLimits(max_events=0)
    provider = TracerProvider(None, own, shutdown_on_exit=False, span_limits=limits)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
