"""A stand-in for an OpenTelemetry collector on loopback: takes OTLP over gRPC, and keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as traces
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as traces_grpc
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """What was sent."""

    def __init__(self) -> None:
        self.url = ""
        self._traces: list[traces.ExportTraceServiceRequest] = []

    @property
    def spans(self) -> dict[str, Span]:
        """The spans by name, the last one of each."""
        return {
            span.name: span
            for request in self._traces
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }

    @property
    def resource(self) -> dict[str, str]:
        """Who sent the first spans."""
        return values(self._traces[0].resource_spans[0].resource.attributes)

    @property
    def text(self) -> str:
        """Everything that was sent."""
        return f"{self._traces}"

    def take_traces(self, request: Any, _: grpc.ServicerContext) -> Any:
        """Keep spans."""
        self._traces.append(request)
        return traces.ExportTraceServiceResponse()


def values(attributes: Any) -> dict[str, str]:
    pairs: list[KeyValue] = [*attributes]
    return {one.key: one.value.string_value for one in pairs}


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector until the end."""
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(2))
    of_traces = traces_grpc.TraceServiceServicer()
    of_traces.Export = collector.take_traces
    traces_grpc.add_TraceServiceServicer_to_server(of_traces, server)
    collector.url = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield collector
    finally:
        server.stop(0).wait()
