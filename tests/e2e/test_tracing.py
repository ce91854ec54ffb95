"""OpenTelemetry's public interceptor on the server: a span for each call, with how it ended."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry.instrumentation.grpc import server_interceptor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, format_trace_id

from decision_service.simulator.people.sandbox.people import sandbox_people
from tests.e2e.service import create, running

GEORGE = sandbox_people()[0].user_id
CREATE = "/decision_service.api.v1.DecisionService/CreateDecision"
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = (("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"),)


async def test_each_call_has_a_span_with_its_status(tmp_path: Path) -> None:
    """A decision, an error and a stream that ends; a caller's trace goes on."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    interceptor = server_interceptor(tracer_provider=provider)
    async with running(tmp_path, interceptors=[interceptor]) as live:
        await live.stub.CreateDecision(create(GEORGE), metadata=PARENT)
        with pytest.raises(grpc.RpcError):
            await live.stub.CreateDecision(create(GEORGE, product="none-such"))
        watch = health_pb2_grpc.HealthStub(live.channel).Watch(health_pb2.HealthCheckRequest())
        await watch.read()
        live.service.rpc.health.end_watches()
        assert await watch.read() is grpc.aio.EOF
    spans = made, refused, _ = exporter.get_finished_spans()
    codes = [grpc.StatusCode[name].value[0] for name in ("OK", "NOT_FOUND", "OK")]
    assert [one.attributes["rpc.grpc.status_code"] for one in spans] == codes
    assert [one.name for one in spans] == [CREATE, CREATE, "/grpc.health.v1.Health/Watch"]
    assert {one.kind for one in spans} == {SpanKind.SERVER}
    assert format_trace_id(made.context.trace_id) == TRACE
    assert format_trace_id(refused.context.trace_id) != TRACE
