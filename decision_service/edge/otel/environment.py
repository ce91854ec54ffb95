"""OpenTelemetry's standard variables, as far as the service itself acts on them."""

from __future__ import annotations

import os
import uuid

from opentelemetry.sdk.resources import OTELResourceDetector, Resource

SERVICE_NAME = "decision-service"
_PROTOCOLS = (
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
)


class VariableRefused(Exception):
    """A variable that cannot be used; the message is one sentence that says what to do."""


def sends(signal: str) -> bool:
    """Whether a signal (`TRACES`, `METRICS`) is sent; raises VariableRefused."""
    name = f"OTEL_{signal}_EXPORTER"
    chosen = os.environ.get(name) or "otlp"
    if chosen not in ("otlp", "none"):
        raise VariableRefused(f"{name} is {chosen!r}: it takes otlp or none")
    return chosen == "otlp" and os.environ.get("OTEL_SDK_DISABLED", "").lower() != "true"


def check_protocol() -> None:
    """Raise VariableRefused where another protocol than gRPC is asked for."""
    for name in _PROTOCOLS:
        chosen = os.environ.get(name) or "grpc"
        if chosen != "grpc":
            raise VariableRefused(
                f"{name} is {chosen!r}: it takes grpc, which collectors expect on port 4317"
            )


def metrics_seconds() -> float:
    """Seconds between two readings of the metrics; raises VariableRefused."""
    name = "OTEL_METRIC_EXPORT_INTERVAL"
    text = os.environ.get(name) or "60000"
    if not text.isdecimal() or not int(text):
        raise VariableRefused(f"{name} is {text!r}: it takes whole milliseconds, such as 60000")
    return int(text) / 1000


def resource(version: str) -> Resource:
    """This process, by the variables and by what the service knows of itself."""
    own = {
        "service.name": SERVICE_NAME,
        "service.version": version,
        "service.instance.id": str(uuid.uuid4()),
    }
    return Resource.create(own).merge(OTELResourceDetector().detect())
