"""Traces as a collector gets them, and a collector that is away or takes nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from decision_service.server import otel as delivery
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.collector import collecting, values
from tests.e2e.service import create, running
from tests.fakes.observed import captured
from tests.kits.until import until

GEORGE = sandbox_people()[0].user_id
ON = {"opentelemetry": "true"}
SOON = {
    "OTEL_BSP_SCHEDULE_DELAY": "20",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
}


def point_at(monkeypatch: pytest.MonkeyPatch, url: str, **variables: str) -> None:
    """Set the standard variables."""
    for name, value in (SOON | {"OTEL_EXPORTER_OTLP_ENDPOINT": url} | variables).items():
        monkeypatch.setenv(name, value)


async def test_a_collector_gets_the_spans_of_a_decision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over OTLP, by the standard variables alone; with who sends it, and nothing of the person."""
    with collecting() as collector:
        point_at(monkeypatch, collector.url, OTEL_SERVICE_NAME="loans")
        async with running(tmp_path, **ON) as live:
            decision = (await live.stub.CreateDecision(create(GEORGE))).decision
            await until(lambda: "decide" in collector.spans)
    spans = collector.spans
    assert {"gather", "factors", "evaluate", "commit", "GET /accounts"} <= spans.keys()
    assert spans["commit"].parent_span_id == spans["decide"].span_id
    told = values(spans["decide"].attributes)
    assert told["decision.id"] == decision.decision_id
    assert collector.resource["service.name"] == "loans"
    assert GEORGE not in collector.text


@contextmanager
def nobody() -> Iterator[str]:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextmanager
def silent() -> Iterator[str]:
    """A port where somebody listens and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.long
@pytest.mark.parametrize("place", [nobody, silent])
async def test_a_collector_that_takes_nothing_costs_one_line_and_no_decision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: object
) -> None:
    """Decisions go on, and that spans are dropped is said once."""
    lines = captured(monkeypatch, delivery)
    with place() as url:
        point_at(monkeypatch, url, OTEL_BSP_MAX_QUEUE_SIZE="5", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="5")
        async with running(tmp_path, **ON) as live:
            for _ in range(5):
                await live.stub.CreateDecision(create(GEORGE), timeout=5)
            await until(lambda: lines)
    assert [line["event"][:35] for line in lines] == ["the collector does not take spans, w"[:35]]
