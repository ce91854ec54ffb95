"""Log lines never hold anything up."""

import io
import json
import logging
import os
import threading
from collections.abc import Iterator

import pytest
import structlog

from decision_service.telemetry import LogQueue, UserHash, configure_logging


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


def test_lines_beyond_the_bound_are_dropped_and_counted() -> None:
    """While the stream is blocked at most so many lines wait; the others are counted, in order."""
    stream = Blocked()
    lines = LogQueue(stream, most=3)
    lines.write("first\n")
    assert stream.entered.wait(10)
    for number in range(5):
        lines.write(f"{number}\n")
    assert lines.dropped == 2
    stream.gate.set()
    lines.close()
    assert stream.taken == b"first\n0\n1\n2\n"


def test_a_full_pipe_holds_nobody_up() -> None:
    """Megabytes into a pipe that nobody reads are taken or dropped at once."""
    reading, writing = os.pipe()
    with io.FileIO(writing, "w") as pipe:
        lines = LogQueue(pipe, most=100)
        for _ in range(1_000):
            lines.write("x" * 1_000 + "\n")
        assert lines.dropped >= 1_000 - 2 * 100
        os.close(reading)
        lines.close()


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """A stream that the log goes to, as JSON; the log is as before afterwards."""
    before, handlers = structlog.get_config(), logging.getLogger().handlers[:]
    stream = io.StringIO()
    configure_logging("info", as_json=True, stream=stream)
    yield stream
    structlog.configure(**before)
    logging.getLogger().handlers[:] = handlers


def test_libraries_are_logged_without_their_values(written: io.StringIO) -> None:
    """A library's line keeps its pattern, and loses its values, further lines and traceback."""
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
    assert len(name) == 16
    assert "u-1" not in name
