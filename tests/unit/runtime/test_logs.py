"""Log lines never hold anything up."""

import io
import json
import logging
import os
import threading
from pathlib import Path

import structlog
from structlog.typing import FilteringBoundLogger

from decision_service.runtime.logs import LogQueue, configure_logging
from decision_service.runtime.telemetry import UserHash


class Blocked(io.RawIOBase):
    """A stream that nobody reads until it is opened, and then little by little."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.gate = threading.Event(), threading.Event()
        self.taken = b""

    def write(self, content: memoryview) -> int:
        self.entered.set()
        self.gate.wait()
        self.taken += bytes(content[:3])
        return min(3, len(content))


def logging_to(handler: logging.Handler, *, level: str = "info") -> FilteringBoundLogger:
    """A logger whose lines are JSON and go to this handler."""
    configure_logging(level, as_json=True, handler=handler)
    return structlog.get_logger("test").bind()


def test_lines_beyond_the_bound_are_dropped_and_counted() -> None:
    """While the stream is blocked at most so many lines wait; the others are counted, in order."""
    stream = Blocked()
    lines = LogQueue(stream, most=3)
    log = logging_to(lines)
    log.info("first")
    assert stream.entered.wait(10)
    for number in range(5):
        log.info(str(number))
    assert lines.dropped == 2
    stream.gate.set()
    lines.stop()
    events = [json.loads(line)["event"] for line in stream.taken.splitlines()]
    assert events == ["first", "0", "1", "2"]


def test_a_full_pipe_holds_nobody_up() -> None:
    """Megabytes into a pipe that nobody reads are taken or dropped at once."""
    reading, writing = os.pipe()
    with io.FileIO(writing, "w") as pipe:
        lines = LogQueue(pipe, most=100)
        log = logging_to(lines)
        for _ in range(1_000):
            log.info("x" * 1_000)
        assert lines.dropped >= 1_000 - 2 * 100
        os.close(reading)
        lines.stop()


def test_a_stream_that_takes_nothing_costs_lines_alone(tmp_path: Path) -> None:
    """Lines for a full disk or a closed stream are counted, and the next ones are tried."""
    closed = io.FileIO(tmp_path / "log", "w")
    closed.close()
    with io.FileIO("/dev/full", "w") as full:
        for stream in (full, closed):
            lines = LogQueue(stream)
            log = logging_to(lines)
            log.info("first")
            log.info("second")
            lines.stop()
            assert lines.dropped == 2


def test_the_level_leaves_lines_out() -> None:
    """Above info there is no log of calls."""
    stream = Blocked()
    stream.gate.set()
    lines = LogQueue(stream)
    log = logging_to(lines, level="warning")
    log.info("call")
    log.warning("alarm", alarm="RULES_DIFFER", reason=None)
    lines.stop()
    (line,) = map(json.loads, stream.taken.splitlines())
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "alarm", "level": "warning", "alarm": "RULES_DIFFER"}


def test_libraries_are_logged_without_their_values() -> None:
    """A library's line keeps its pattern, and loses its values, further lines and traceback."""
    written = io.StringIO()
    logging_to(logging.StreamHandler(written))
    try:
        raise ValueError("canary")
    except ValueError:
        logging.getLogger("asyncio").exception("Task failed for %s\nfuture: canary", "canary")
    line = json.loads(written.getvalue())
    assert (line["library"], line["error"]) == ("asyncio", "ValueError")
    assert line["says"] == "Task failed for %s"
    assert "canary" not in written.getvalue()


def test_users_are_named_by_a_keyed_hash() -> None:
    """The same key gives the same name, another or none another; the id is not in it."""
    name = UserHash("k")("u-1")
    assert UserHash("k")("u-1") == name != UserHash("other")("u-1")
    assert UserHash()("u-1") != UserHash()("u-1")
    assert UserHash("k" * 65)("u-1") != UserHash("k" * 64)("u-1") != UserHash("k" * 66)("u-1")
    assert len(name) == 16
    assert "u-1" not in name
    assert UserHash("k")("u-2") != name
