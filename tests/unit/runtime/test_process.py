"""What runs beside the deciding: new ids, log lines, background tasks."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from decision_service.runtime.clock import Ids
from decision_service.runtime.logs import LogQueue, configure_logging
from decision_service.runtime.tasks import Supervisor
from decision_service.runtime.telemetry import UserHash

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from structlog.typing import FilteringBoundLogger

NOW = datetime(2026, 11, 25, tzinfo=UTC)
INSTANTS = st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


@given(INSTANTS)
def test_a_decision_id_is_a_ulid_of_its_millisecond(created: datetime) -> None:
    """Its instant is the decision's, cut to the millisecond."""
    read = ULID.from_str(Ids().decision_id(created).removeprefix("dec_"))
    whole = timedelta(microseconds=created.microsecond % 1000)
    assert read.milliseconds == (created - whole - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        milliseconds=1
    )


def test_a_decision_id_tells_nothing_of_the_next() -> None:
    """Of a thousand ids of one instant all 80 random bits vary; none is counted on from another."""
    ids = Ids()
    made = [ULID.from_str(ids.decision_id(NOW)[4:]) for _ in range(1_000)]
    behind = [int.from_bytes(one.bytes[6:]) for one in made]
    ones, zeros = varied(behind)
    assert (ones, zeros & (1 << 80) - 1) == ((1 << 80) - 1, (1 << 80) - 1)
    assert min(abs(a - b) for a, b in pairwise(behind)) > 1 << 32


def test_a_request_id_is_a_uuid_of_this_millisecond() -> None:
    """It is of version 7, later ones are greater, and all bits vary of the random part."""
    began = time.time_ns() // 1_000_000
    made = [uuid.UUID(Ids().request_id()) for _ in range(1_000)]
    ended = time.time_ns() // 1_000_000
    assert {(one.version, one.variant) for one in made} == {(7, uuid.RFC_4122)}
    assert all(began <= one.int >> 80 <= ended for one in made)
    assert made == sorted({*made})
    ones, zeros = varied([one.int for one in made])
    assert (ones & (1 << 32) - 1, zeros & (1 << 32) - 1) == ((1 << 32) - 1, (1 << 32) - 1)


def varied(numbers: list[int]) -> tuple[int, int]:
    """The bits that are one in some number, and those that are zero in some."""
    ones, zeros = 0, 0
    for number in numbers:
        ones, zeros = ones | number, zeros | ~number
    return ones, zeros


@pytest.mark.parametrize("new", [Ids().request_id, partial(Ids().decision_id, NOW)])
def test_no_id_is_made_twice(new: Callable[[], str]) -> None:
    """Not by threads that ask at the same time, nor by a forked child and its parent."""
    with ThreadPoolExecutor(8) as threads:
        made = [*threads.map(lambda _: new(), range(1_000))]
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, " ".join(new() for _ in range(100)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    made += [*os.read(reading, 8_000).decode().split(), *(new() for _ in range(200))]
    os.close(reading)
    os.close(writing)
    assert len(set(made)) == len(made) == 1_300


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


class Work:
    """A task that says when it runs, and ends as it is told to."""

    def __init__(self) -> None:
        self.runs: asyncio.Queue[asyncio.Task[None]] = asyncio.Queue()
        self.end: Callable[[], Awaitable[None]] = asyncio.Event().wait

    async def run(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.runs.put_nowait(task)
        await self.end()


async def no_rest(_: float) -> None:
    """Let others run."""
    await asyncio.sleep(0)


async def fail() -> None:
    """End with an error."""
    raise ValueError("a person's data")


async def returns() -> None:
    """End without an error."""


async def test_a_cancelled_task_runs_again_and_is_counted() -> None:
    """Cancelling the task itself starts it anew; one failure leaves the service well."""
    supervisor, work = Supervisor(lambda: 0.0, no_rest), Work()
    supervisor.supervise("watcher", work.run)
    (await work.runs.get()).cancel()
    await work.runs.get()
    assert supervisor.restarts == {"watcher": 1}
    assert supervisor.unwell == ()
    await supervisor.aclose()


@pytest.mark.parametrize("end", [fail, returns])
async def test_three_failures_in_a_row_make_the_service_unwell(
    end: Callable[[], Awaitable[None]],
) -> None:
    """A task that raises or returns three times in a row is named."""
    supervisor, work = Supervisor(lambda: 0.0, no_rest), Work()
    work.end = end
    supervisor.supervise("sweeper", work.run)
    for _ in range(3):
        assert supervisor.unwell == ()
        await work.runs.get()
    work.end = asyncio.Event().wait
    await work.runs.get()
    assert supervisor.unwell == ("sweeper",)
    await supervisor.aclose()


async def test_a_steady_run_forgives_earlier_failures() -> None:
    """A run of a minute sets the count of failures back before its own end is counted."""
    times = iter([0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 90.0, 90.0])
    supervisor, work = Supervisor(lambda: next(times), no_rest), Work()
    work.end = fail
    supervisor.supervise("sweeper", work.run)
    for _ in range(4):
        await work.runs.get()
    work.end = asyncio.Event().wait
    await work.runs.get()
    assert supervisor.restarts == {"sweeper": 4}
    assert supervisor.unwell == ()
    await supervisor.aclose()


async def test_rests_grow_and_are_bounded() -> None:
    """Between failures in a row a task rests 1, 2, 4 … and at most 30 seconds."""
    rests: list[float] = []
    enough = asyncio.Event()

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        if len(rests) == 7:
            enough.set()
            await asyncio.Event().wait()

    supervisor = Supervisor(lambda: 0.0, rest)
    supervisor.supervise("sweeper", fail)
    await enough.wait()
    assert rests == [1, 2, 4, 8, 16, 30, 30]
    await supervisor.aclose()


async def test_closing_ends_every_task() -> None:
    """After the end nothing runs any more."""
    supervisor, work = Supervisor(lambda: 0.0, no_rest), Work()
    supervisor.supervise("watcher", work.run)
    task = await work.runs.get()
    await supervisor.aclose()
    assert task.done()
    assert supervisor.restarts == {"watcher": 0}
