"""OpenTelemetry at a running service: the tree of spans, and what no attribute may hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import grpc
import httpx2
import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, format_trace_id

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.server import interceptors as access_log
from decision_service.server.otel import instrumentation
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import PRODUCT, at_vendor, create, outcome, running
from tests.fakes.observed import captured

PEOPLE = sandbox_people()
GEORGE = PEOPLE[0].user_id
CREATE = "decision_service.api.v1.DecisionService/CreateDecision"
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = (("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"),)
PERSONAL = [word for one in PEOPLE for word in (one.user_id, one.name, one.email, one.phone)]
OURS = ["customer-canary", "application-canary", "20000", "20,000"]


class Recorded:
    """Spans kept in memory, and the instrumentation that makes them."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.instrumentation = instrumentation(provider)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    def below(self, name: str) -> list[str]:
        """The names of the spans directly below the one with this name, in the order of begin."""
        [parent] = [one.context.span_id for one in self.spans if one.name.strip("/") == name]
        inner = [one for one in self.spans if one.parent and one.parent.span_id == parent]
        return [one.name for one in sorted(inner, key=lambda one: one.start_time or 0)]


def texts(spans: Sequence[ReadableSpan]) -> Iterator[str]:
    """Everything that the spans say."""
    for span in spans:
        yield f"{span.name} {dict(span.attributes)} {span.status.description}"
        yield from (f"{event.name} {dict(event.attributes)}" for event in span.events)


async def test_a_decision_is_a_tree_of_spans_in_its_callers_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Call, decide, gather with each vendor request, factors, evaluate, commit; nobody's data."""
    lines, recorded = captured(monkeypatch, access_log), Recorded()
    request = create(
        GEORGE,
        customer_ref="customer-canary",
        application_id="application-canary",
        view=pb.DECISION_VIEW_FULL,
    )
    async with at_vendor(tmp_path, instrumentation=recorded.instrumentation) as (live, vendor):
        decision = (await live.stub.CreateDecision(request, metadata=PARENT)).decision
    assert recorded.below(CREATE) == ["decide"]
    assert recorded.below("decide") == ["gather", "factors", "evaluate", "commit"]
    asked = recorded.below("gather")
    assert asked[0] == "GET /accounts"
    assert len(asked) == len([one for one in vendor.meter.calls if GEORGE in one.query])
    assert {format_trace_id(one.context.trace_id) for one in recorded.spans} == {TRACE}
    [decide] = [one for one in recorded.spans if one.name == "decide"]
    assert dict(decide.attributes) == {
        "decision.id": decision.decision_id,
        "decision.product": PRODUCT,
        "decision.version": decision.ruleset_ref.version,
        "decision.arm": decision.assignment.arm,
        "decision.outcome": outcome(decision),
    }
    [accounts] = [one for one in recorded.spans if one.name == "GET /accounts"]
    assert accounts.kind is SpanKind.CLIENT
    assert dict(accounts.attributes) == {
        "http.request.method": "GET",
        "url.template": "/accounts",
        "server.address": "127.0.0.1",
        "http.response.status_code": 200,
    }
    told = "\n".join(texts(recorded.spans))
    assert [word for word in (*PERSONAL, *OURS) if word and word in told] == []
    assert [line["trace_id"] for line in lines if line["event"] == "call"] == [TRACE]


async def test_an_error_ends_its_spans_without_a_word_of_the_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown user shows as classes and codes; a repeated decision is one span; health none."""
    lines, recorded = captured(monkeypatch, access_log), Recorded()
    async with running(tmp_path, recorded.instrumentation) as live:
        for request in (create("juana-canary"), create(GEORGE, product="canary")):
            with pytest.raises(grpc.RpcError):
                await live.stub.CreateDecision(request)
        told = "\n".join(texts(recorded.spans))
        failed = {one.name: one for one in recorded.spans if one.status.status_code.value == 2}
        made = len(recorded.spans)
        again = create(GEORGE)
        await live.stub.CreateDecision(again)
        first = len(recorded.spans)
        await live.stub.CreateDecision(again)
        assert len(recorded.spans) == first + 1
    assert "canary" not in told
    assert {"gather", "decide"} <= failed.keys()
    assert failed["gather"].attributes["error.type"] == "UserUnknown"
    assert failed["decide"].status.status_code is StatusCode.ERROR
    assert made < first
    traces = {format_trace_id(one.context.trace_id) for one in recorded.spans}
    assert {line["trace_id"] for line in lines if line["event"] == "call"} == traces


async def test_a_json_call_has_the_spans_of_a_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its caller's trace and by the same name; an unknown path has none."""
    lines, recorded = captured(monkeypatch, access_log), Recorded()
    async with (
        running(tmp_path, recorded.instrumentation) as live,
        httpx2.AsyncClient(base_url=live.service.http_url, headers=PARENT) as client,
    ):
        made = await client.post(f"/{CREATE}", json=MessageToDict(create(GEORGE)))
        await client.post(f"/{CREATE}canary", json={})
    assert made.status_code == 200
    assert recorded.below(CREATE) == ["decide"]
    assert {format_trace_id(one.context.trace_id) for one in recorded.spans} == {TRACE}
    assert "canary" not in "\n".join(texts(recorded.spans))
    assert [line["trace_id"] for line in lines if line["event"] == "call"] == [TRACE]
