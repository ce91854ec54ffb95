"""What a span tells of a request to the vendor, and what the vendor is told of the span."""

from __future__ import annotations

import httpx2
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from decision_service.domain.errors import UserUnknown
from decision_service.runtime.telemetry import SpanName, traced
from decision_service.smile.client import Request
from decision_service.smile.limits import SmileLimits
from decision_service.smile.source import SmileSource
from tests.unit.smile.gathering import EINCOMES, ask
from tests.unit.smile.items import USER
from tests.unit.smile.virtual import VirtualClock


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/accounts", "/accounts"),
        ("/users/9f86d081", "/users/{id}"),
        ("/accounts/a%2Fb", "/accounts/{id}"),
    ],
)
def test_a_template_names_nobody(path: str, template: str) -> None:
    """The second part of a path is an id."""
    assert Request(path).template == template


async def test_a_request_that_fails_has_a_span_and_the_vendor_no_trace() -> None:
    """Status, template and class of the error; no header tells the vendor of the trace."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer, heard = provider.get_tracer("test"), list[httpx2.Headers]()

    def answer(request: httpx2.Request) -> httpx2.Response:
        heard.append(request.headers)
        return httpx2.Response(404)

    source = SmileSource(
        "http://vendor.test/v1",
        "key",
        "secret",
        VirtualClock(),
        limits=SmileLimits(),
        transport=httpx2.MockTransport(answer),
        tracer=tracer,
    )
    refused = pytest.raises(UserUnknown)
    with tracer.start_as_current_span("call"), traced(tracer, SpanName.GATHER), refused:
        await ask(source, EINCOMES)
    await source.aclose()
    asked = [one for one in exporter.get_finished_spans() if one.name.startswith("GET")]
    assert asked
    assert {one.attributes["http.response.status_code"] for one in asked} == {404}
    assert {one.attributes["error.type"] for one in asked} == {"Gone"}
    assert USER not in str([(one.name, dict(one.attributes)) for one in asked])
    assert not [headers for headers in heard if "traceparent" in headers]
