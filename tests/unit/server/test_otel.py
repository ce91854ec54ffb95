"""OpenTelemetry: which variables are taken, what is sent, and what a failed delivery does."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from decision_service.app.core import StartError, instrument
from decision_service.build import install_command
from decision_service.runtime.config import load
from decision_service.runtime.telemetry import NO_SPAN, NO_TRACER, SpanName, traced
from decision_service.server.transport import otel
from decision_service.server.transport.grpc import Instrumentation
from tests.fakes.observed import captured

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ON = load(environ={"DECISION_OPENTELEMETRY": "true"})


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        (
            "OTEL_EXPORTER_OTLP_TIMEOUT",
            "soon",
            "a variable of OpenTelemetry cannot be used: .*soon",
        ),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1", "a variable of OpenTelemetry .* positive integer"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zip", 'a variable .* "zip"'),
    ],
)
async def test_a_variable_that_cannot_be_used_ends_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    """One sentence with the name, the value and what it takes."""
    monkeypatch.setenv(name, value)
    async with AsyncExitStack() as stack:
        with pytest.raises(StartError, match=says):
            instrument(ON, stack)


@pytest.mark.long
def test_without_the_packages_one_sentence_says_how_to_get_them(tmp_path: Path) -> None:
    """The service imports none of them before the setting asks for it."""
    code = "import sys; sys.modules['opentelemetry.sdk'] = None"
    code += "; from decision_service.cli.main import run"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; sys.exit(run(['serve']))"],
        cwd=tmp_path,
        env=os.environ | {"DECISION_OPENTELEMETRY": "true"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert f"installed: {install_command('otel')}\n" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


async def test_without_the_setting_nothing_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of other programs' telemetry change nothing here."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    async with AsyncExitStack() as stack:
        assert instrument(load(environ={}), stack) == Instrumentation(NO_TRACER)


async def test_spans_are_switched_off_by_the_librarys_own_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The service looks at none of them: the SDK gives a tracer that records nothing."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    async with AsyncExitStack() as stack:
        with otel.open_telemetry("1.0", stack).tracer.start_as_current_span("call") as span:
            assert not span.is_recording()


def test_the_environment_says_more_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name and attributes win over the service's own."""
    own = otel.resource("1.2").attributes
    assert (own["service.name"], own["service.version"]) == ("decision-service", "1.2")
    assert own["service.instance.id"] != otel.resource("1.2").attributes["service.instance.id"]
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "loans")
    told = otel.resource("1.2").attributes
    assert (told["service.name"], told["deployment.environment.name"]) == ("loans", "test")


class Told(SpanExporter):
    """An exporter that comes to what it is given."""

    def __init__(self, *results: SpanExportResult) -> None:
        self.results = [*results]

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self.results.pop(0)


def test_each_change_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first batch that is not taken is a warning, the first that is taken again a note."""
    lines, taken, lost = captured(monkeypatch, otel), *SpanExportResult
    watched = otel.WatchedSpans(Told(taken, lost, lost, taken, taken))
    for _ in range(5):
        watched.export(())
    assert [line["log_level"] for line in lines] == ["warning", "info"]


class Stuck(SpanExporter):
    """An exporter that sends until it is shut down."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.ended.wait(60)
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self.ended.set()


async def test_the_end_does_not_wait_for_a_stuck_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is being sent is broken off after the time that the end may take."""
    monkeypatch.setattr(otel, "LINGER_SECONDS", 0.01)
    exporter = Stuck()
    provider = otel.provider_of(Resource({}), exporter)
    provider.get_tracer("test").start_span("call").end()
    await otel.end(provider, exporter)
    assert exporter.ended.is_set()


def test_a_call_that_is_not_sampled_has_no_spans() -> None:
    """Nor has work in the background, which is in no call."""
    tracer = TracerProvider(sampler=ALWAYS_OFF).get_tracer("test")
    with traced(tracer, SpanName.DECIDE) as outside:
        assert outside is NO_SPAN
    with tracer.start_as_current_span("call"), traced(tracer, SpanName.DECIDE) as inside:
        assert inside is NO_SPAN
