"""OpenTelemetry as it is set up by the standard variables: provider, interceptor, exporters."""

from __future__ import annotations

import asyncio
import logging
import threading

import grpc
import msgspec
from opentelemetry.exporter.otlp.proto.grpc.exporter import InvalidCompressionValueException
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.grpc import server_interceptor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import Sampler

from decision_service.edge.otel.delivery import WatchedSpans
from decision_service.edge.otel.environment import (
    VariableRefused,
    check_protocol,
    resource,
    sends_spans,
)
from decision_service.edge.otel.sampling import ParentOrShare, head_sampling
from decision_service.edge.rpc.access import UNOBSERVED
from decision_service.tracing import Tracer

LINGER_SECONDS = 2.0
"""How long the end of the service waits for spans that are still to be sent."""


class Tracing(msgspec.Struct, frozen=True):
    """A provider of spans, the interceptor of calls and the tracer that use it."""

    provider: TracerProvider
    interceptor: grpc.ServerInterceptor
    tracer: Tracer

    @classmethod
    def of(cls, provider: TracerProvider, sampled: ParentOrShare | None = None) -> Tracing:
        """Health checks and reflection, which platforms ask for all the time, have no spans.

        Nor have calls that are not `sampled`, where it is given.
        """

        def wanted(details: grpc.HandlerCallDetails) -> bool:
            if details.method.startswith(UNOBSERVED):
                return False
            return sampled is None or sampled(details)

        return cls(
            provider,
            server_interceptor(tracer_provider=provider, filter_=wanted),
            provider.get_tracer("decision_service"),
        )


class OpenTelemetry(msgspec.Struct, frozen=True):
    """What sends spans."""

    tracing: Tracing
    exporter: SpanExporter

    async def aclose(self) -> None:
        """Send the last spans, for at most two seconds, and nothing more."""
        sending = threading.Thread(target=self.tracing.provider.shutdown, daemon=True)
        sending.start()
        await asyncio.to_thread(sending.join, LINGER_SECONDS)
        self.exporter.shutdown()


def open_telemetry(version: str) -> OpenTelemetry | None:
    """Set up by the environment, None where that switches spans off; raises VariableRefused."""
    check_protocol()
    if not sends_spans():
        return None
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # `Delivery` says it once
    own = resource(version)
    try:
        exporter = WatchedSpans(OTLPSpanExporter())
    except (InvalidCompressionValueException, ValueError) as error:
        raise _unusable(error) from None
    return OpenTelemetry(_tracing(own, exporter), exporter)


def _tracing(own: Resource, exporter: SpanExporter) -> Tracing:
    sampled, sampler = head_sampling()
    try:
        return Tracing.of(provider_of(own, exporter, sampler), sampled)
    except ValueError as error:
        raise _unusable(error) from None


def _unusable(error: Exception) -> VariableRefused:
    return VariableRefused(f"a variable of OpenTelemetry cannot be used: {error}")


def provider_of(
    own: Resource, exporter: SpanExporter, sampler: Sampler | None = None
) -> TracerProvider:
    """A provider that batches spans; events, which may hold tracebacks, are left out.

    At most `OTEL_BSP_MAX_QUEUE_SIZE` (2,048) spans wait; the oldest are dropped.
    """
    limits = SpanLimits(max_events=0)
    provider = TracerProvider(sampler, own, shutdown_on_exit=False, span_limits=limits)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
