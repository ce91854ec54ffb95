"""Log lines never hold anything up."""

import io
import json
import logging
import os
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import structlog
import time_machine

from decision_service.edge.rpc.interceptors import access_log
from decision_service.edge.rpc.interceptors.access_log import log_call
from decision_service.telemetry import (
    CallLine,
    LogQueue,
    UserHash,
    call_log,
    configure_logging,
)

FULL = CallLine("GetDecision", "NOT_FOUND", 12.3, "NO", 'los"7', "0af7", "los", "9c1d")
SHORT = CallLine("GetDecision", "OK", 500.0)


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
    assert UserHash("k" * 65)("u-1") != UserHash("k" * 64)("u-1") != UserHash("k" * 66)("u-1")
    assert len(name) == 16
    assert "u-1" not in name
    assert UserHash("k")("u-2") != name


@pytest.mark.parametrize("call", [FULL, SHORT])
def test_a_calls_line_is_the_same_whoever_makes_it(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch, call: CallLine
) -> None:
    """The thread's JSON has the fields and values of any event's line."""
    monkeypatch.setattr(access_log, "log", structlog.get_logger())
    stream = Blocked()
    stream.gate.set()
    queue = LogQueue(stream)
    with structlog.contextvars.bound_contextvars(worker=2):
        log_call(call)
        taken = call_log("info", as_json=True, queue=queue, other=log_call)
    assert taken is not None
    taken(call)
    queue.close()
    theirs, ours = json.loads(written.getvalue()), json.loads(stream.taken)
    times = [datetime.fromisoformat(one.pop("timestamp")) for one in (theirs, ours)]
    assert timedelta() <= times[1] - times[0] < timedelta(minutes=1)
    assert ours == theirs
    assert ours["worker"] == 2


def test_times_of_calls_are_told_to_the_microsecond() -> None:
    """Whatever second came before, each line has its own."""
    stream = Blocked()
    stream.gate.set()
    queue = LogQueue(stream)
    with time_machine.travel(1_795_606_400.999999, tick=False):
        queue.call(SHORT)
    for instant in (1_795_606_401.0, 1_795_606_401.25, 5.000001):
        with time_machine.travel(instant, tick=False):
            queue.call(SHORT)
    queue.close()
    assert [json.loads(line)["timestamp"] for line in stream.taken.splitlines()] == [
        "2026-11-25T11:33:20.999999Z",
        "2026-11-25T11:33:21.000000Z",
        "2026-11-25T11:33:21.250000Z",
        "1970-01-01T00:00:05.000001Z",
    ]


def test_calls_beyond_the_bound_are_dropped_and_counted_like_lines() -> None:
    """They wait in the same queue."""
    stream = Blocked()
    queue = LogQueue(stream, most=1)
    queue.write("first\n")
    assert stream.entered.wait(10)
    queue.call(FULL)
    queue.call(SHORT)
    assert queue.dropped == 1
    stream.gate.set()
    queue.close()
    assert b"NOT_FOUND" in stream.taken


def test_nobody_makes_lines_of_calls_that_the_level_leaves_out() -> None:
    """Above info there is no log of calls; people read what all events are logged by."""
    queue = LogQueue(Blocked())
    assert call_log("warning", as_json=True, queue=queue, other=log_call) is None
    assert call_log("debug", as_json=False, queue=queue, other=log_call) is log_call
