"""Requests to the vendor: when they count, bodies before they are parsed, spans."""

from __future__ import annotations

import asyncio
import gzip

import httpx2
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from decision_service.domain.errors import UserUnknown
from decision_service.domain.values import DataReason
from decision_service.runtime.telemetry import SpanName, traced
from decision_service.smile.client import Request, check_media_type, read_body
from decision_service.smile.errors import TransientFault, UpstreamFault
from decision_service.smile.limits import SmileLimits
from decision_service.smile.source import SmileSource
from tests.kits.cases import cases
from tests.unit.smile.items import USER
from tests.unit.smile.vendor import EINCOMES, _Chunks, ask, ok, opened, streamed
from tests.unit.smile.virtual import VirtualClock, run


class SlowToConnect(httpx2.AsyncBaseTransport):
    """Reports progress as httpcore does; the first connections take 0.6 seconds to be made."""

    def __init__(self, slow):
        self.arrived = []
        self._slow = slow

    async def handle_async_request(self, request):
        trace = request.extensions["trace"]
        await trace("connection.connect_tcp.started", {})
        if self._slow:
            self._slow -= 1
            await asyncio.sleep(0.6)
        await trace("connection.connect_tcp.complete", {})
        await trace("http11.send_request_body.complete", {})
        self.arrived.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.3)
        return streamed(ok({"items": []}))

    def transport(self):
        return self


async def test_a_request_counts_from_when_it_has_left():
    """Requests delayed by their connections hold the next ones back from when they arrived."""
    vendor = SlowToConnect(slow=2)
    async with opened(vendor, requests_per_second=2) as source:
        await asyncio.gather(*(source.refresh_providers() for _ in range(4)))
    arrived = sorted(vendor.arrived)
    assert arrived[2] - arrived[0] >= 1.0
    assert arrived[2] - arrived[0] < 1.2


def response(body, **headers):
    """An unread response with this body."""
    return httpx2.Response(200, headers=headers, stream=_Chunks(body))


def read(body, most=4096, **headers):
    """The body as the adapter takes it."""
    return run(read_body(response(body, **headers), most))


@pytest.mark.parametrize("content_type", cases("smile/body")["good"])
def test_json_in_utf8_is_taken(content_type):
    """`application/json` is taken, whatever its parameters, as long as it is UTF-8."""
    check_media_type(httpx2.Headers({"content-type": content_type}))


@pytest.mark.parametrize("headers", cases("smile/body")["bad"])
def test_everything_else_is_a_bad_body(headers):
    """Another type, charset or encoding is UPSTREAM_BAD_BODY, and is not asked for again."""
    with pytest.raises(UpstreamFault) as found:
        check_media_type(httpx2.Headers(headers))
    assert found.value.code is DataReason.UPSTREAM_BAD_BODY
    assert not isinstance(found.value, TransientFault)


def test_a_body_of_just_the_bound_is_read():
    """A body may be exactly as long as the bound, plain or gzipped."""
    body = b"x" * 4096
    assert read(body) == body
    assert read(gzip.compress(body), **{"content-encoding": "gzip"}) == body


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_longer_body_is_too_large(encoding):
    """One byte over the bound, counted after decompression, is DATA_TOO_LARGE."""
    body = b"x" * 4097
    body = gzip.compress(body) if encoding == "gzip" else body
    with pytest.raises(UpstreamFault) as found:
        read(body, **{"content-encoding": encoding})
    assert found.value.code is DataReason.DATA_TOO_LARGE


def test_broken_gzip_is_a_bad_body():
    """Bytes that are no gzip although the header says so are UPSTREAM_BAD_BODY."""
    with pytest.raises(TransientFault) as found:
        read(b"not gzip at all", **{"content-encoding": "gzip"})
    assert found.value.code is DataReason.UPSTREAM_BAD_BODY


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
