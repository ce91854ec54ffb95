"""OpenTelemetry's standard variables, as far as the service itself acts on them."""

from __future__ import annotations

import os
import uuid

from opentelemetry.sdk.resources import OTELResourceDetector, Resource

SERVICE_NAME = "decision-service"
_PROTOCOLS = (
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
)


class VariableRefused(Exception):
    """A variable that cannot be used; the message is one sentence that says what to do."""


def sends_spans() -> bool:
    """Whether spans are sent; raises VariableRefused, also where metrics are to be sent."""
    metrics = os.environ.get("OTEL_METRICS_EXPORTER") or "none"
    if metrics != "none":
        raise VariableRefused(
            f"OTEL_METRICS_EXPORTER is {metrics!r}: metrics are not sent: have the collector "
            "scrape /metrics, and leave the variable out"
        )
    name = "OTEL_TRACES_EXPORTER"
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


def resource(version: str) -> Resource:
    """This process, by the variables and by what the service knows of itself."""
    own = {
        "service.name": SERVICE_NAME,
        "service.version": version,
        "service.instance.id": str(uuid.uuid4()),
    }
    return Resource.create(own).merge(OTELResourceDetector().detect())
