"""What watches calls and decisions from outside: OpenTelemetry where it is set, else nothing."""

from __future__ import annotations

from contextlib import AsyncExitStack

import grpc
import msgspec

from decision_service.build import engine_version
from decision_service.config import Settings
from decision_service.tracing import NO_TRACER, Tracer
from decision_service.wiring.errors import StartError


class Instrumentation(msgspec.Struct, frozen=True):
    """A tracer, and interceptors around the gRPC server's own, outermost first."""

    tracer: Tracer = NO_TRACER
    interceptors: tuple[grpc.ServerInterceptor, ...] = ()


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
    if opened is None:
        return Instrumentation()
    stack.push_async_callback(opened.aclose)
    return Instrumentation(opened.tracing.tracer, (opened.tracing.interceptor,))
