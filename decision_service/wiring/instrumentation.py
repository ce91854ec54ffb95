"""What watches calls and decisions from outside: OpenTelemetry where it is set, else nothing."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

import grpc
import msgspec
from prometheus_client import CollectorRegistry

from decision_service.build import engine_version
from decision_service.config import Settings
from decision_service.tracing import NO_TRACER, Tracer
from decision_service.wiring.errors import StartError


class Instrumentation(msgspec.Struct, frozen=True):
    """A tracer, interceptors, and what sends metrics.

    `interceptors` stand around the gRPC server's own, outermost first. `send_metrics` runs for ever
    and takes the registry and the wall clock.
    """

    tracer: Tracer = NO_TRACER
    interceptors: tuple[grpc.ServerInterceptor, ...] = ()
    send_metrics: (
        Callable[[CollectorRegistry, Callable[[], datetime]], Coroutine[Any, Any, None]] | None
    ) = None


def instrument(settings: Settings, stack: AsyncExitStack) -> Instrumentation:
    """OpenTelemetry as the settings say, ended by the stack; raises StartError."""
    if not settings.opentelemetry:
        return Instrumentation()
    try:
        from decision_service.edge.otel.environment import VariableRefused
        from decision_service.edge.otel.start import open_telemetry  # of the extra, slow to import
    except ModuleNotFoundError as error:
        raise StartError(
            f"DECISION_OPENTELEMETRY=true needs the package of {error.name}, which is not "
            "installed: pip install 'decision-service[otel]'"
        ) from None
    try:
        opened = open_telemetry(engine_version())
    except VariableRefused as error:
        raise StartError(str(error)) from None
    stack.push_async_callback(opened.aclose)
    sender = None if opened.metrics is None else opened.metrics.run
    if opened.tracing is None:
        return Instrumentation(send_metrics=sender)
    return Instrumentation(opened.tracing.tracer, (opened.tracing.interceptor,), sender)
