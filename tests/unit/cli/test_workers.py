"""Keeping worker processes, tried with a worker that does nothing but live and die."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.worker_process import Worker, spawn
from decision_service.cli.workers import Plan, Workers, reserved

STUB = """
import json, os, signal, socket, sys
folder, argv = sys.argv[1], sys.argv
number = argv[argv.index("--worker") + 1]
link = socket.socket(fileno=int(argv[argv.index("--link") + 1]))
def note(text):
    with open(os.path.join(folder, "log"), "a") as file:
        file.write(f"{text} {number} {os.getpid()}\\n")
if os.path.exists(os.path.join(folder, f"refuse-{number}")):
    note("refused")
    sys.exit(2)
stubborn = os.path.exists(os.path.join(folder, "stubborn"))
def stop(*_):
    note("asked")
    if not stubborn:
        sys.exit(0)
signal.signal(signal.SIGTERM, stop)
note("serves")
link.sendall(json.dumps(["a", "z"]).encode() + b"\\n")
while link.recv(1):
    pass
note("orphaned")
"""


class Stage:
    """Workers of the stub, and what those wrote down."""

    def __init__(self, folder: Path, count: int = 2, grace: float = 0.0) -> None:
        self.folder = folder
        self.said: list[list[str]] = []
        script = folder / "stub.py"
        script.write_text(STUB)
        interpreter = folder / "python"
        interpreter.symlink_to(sys.executable)
        command = [str(interpreter), "-S", str(script), str(folder)]
        plan = Plan(command, os.environ, count, grace, first_pause=0.02)
        self.starts = 0
        self.no_room: list[int] = []
        self.workers = Workers(plan, self.said.append, self.start)

    async def start(
        self, command: Sequence[str], number: int, environ: Mapping[str, str]
    ) -> Worker:
        """Start a process, but for the starts, counted from 1, for which there is no room."""
        self.starts += 1
        if self.starts in self.no_room:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        return await spawn(command, number, environ)

    def notes(self, word: str) -> list[tuple[str, int]]:
        """Number and pid of each note that begins with a word, in order."""
        with suppress(FileNotFoundError):
            lines = [line.split() for line in (self.folder / "log").read_text().splitlines()]
            return [(number, int(pid)) for said, number, pid in lines if said == word]
        return []

    async def noted(self, word: str, count: int) -> list[tuple[str, int]]:
        """The notes of a word once there are so many."""
        while len(found := self.notes(word)) < count:
            await asyncio.sleep(0.005)
        return found


@asynccontextmanager
async def running(stage: Stage) -> AsyncIterator[asyncio.Task[int]]:
    """Keep the workers while the block runs, then end them."""
    task = asyncio.create_task(stage.workers.run())
    try:
        yield task
    finally:
        stage.workers.hurry()
        if not task.done():
            stage.workers.stop()
            await task


async def test_the_banner_is_said_once_when_all_serve(tmp_path: Path) -> None:
    """It is the first worker's, with the number of workers before its last line."""
    stage = Stage(tmp_path, count=3)
    async with running(stage):
        while not stage.said:
            await asyncio.sleep(0.005)
        assert sorted(number for number, _ in stage.notes("serves")) == ["1", "2", "3"]
    assert stage.said == [["a", "  workers 3", "z"]]


async def test_a_dead_worker_is_replaced(tmp_path: Path) -> None:
    """A killed one comes back under its number with a new process; the other is left alone."""
    stage = Stage(tmp_path)
    async with running(stage):
        (_, first), (_, second) = await stage.noted("serves", 2)
        os.kill(first, signal.SIGKILL)
        number, pid = (await stage.noted("serves", 3))[2]
        assert number == "1"
        assert pid not in (first, second)
        assert stage.notes("asked") == []


async def test_a_worker_that_cannot_start_is_tried_again(tmp_path: Path) -> None:
    """Once the service runs, one that refuses to start is started until it does."""
    (tmp_path / "refuse-2").touch()
    stage = Stage(tmp_path)
    async with running(stage):
        await stage.noted("refused", 2)
        (tmp_path / "refuse-2").unlink()
        assert [number for number, _ in await stage.noted("serves", 2)] == ["1", "2"]


async def test_a_service_that_cannot_start_ends_with_its_code(tmp_path: Path) -> None:
    """The first worker's refusal is the supervisor's; no other worker repeats it."""
    for number in (1, 2):
        (tmp_path / f"refuse-{number}").touch()
    stage = Stage(tmp_path)
    assert await stage.workers.run() == 2
    assert [number for number, _ in stage.notes("refused")] == ["1"]
    assert stage.said == []


async def test_a_process_that_cannot_be_made_is_tried_again(tmp_path: Path) -> None:
    """A system without room for one more process costs a pause, not the workers that serve."""
    stage = Stage(tmp_path)
    stage.no_room = [3, 4]
    async with running(stage):
        (_, first), _ = await stage.noted("serves", 2)
        os.kill(first, signal.SIGKILL)
        assert (await stage.noted("serves", 3))[2][0] == "1"
        assert stage.starts == 5
        assert stage.notes("orphaned") == []


async def test_a_command_that_is_not_there_ends_the_start(tmp_path: Path) -> None:
    """Where not even the first process can be made there is nothing to wait for."""
    stage = Stage(tmp_path)
    (tmp_path / "python").unlink()
    assert await stage.workers.run() == Exit.USAGE


async def test_stopping_drains_all_and_starts_none(tmp_path: Path) -> None:
    """Each worker is asked once; the exit code is 0."""
    stage = Stage(tmp_path, count=3)
    async with running(stage) as task:
        await stage.noted("serves", 3)
        stage.workers.stop()
        assert await task == 0
        assert sorted(number for number, _ in stage.notes("asked")) == ["1", "2", "3"]
        assert len(stage.notes("serves")) == 3


async def test_a_worker_that_does_not_stop_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When its grace is over it is killed, and the supervisor ends all the same."""
    monkeypatch.setattr("decision_service.cli.workers.KILL_MARGIN", 0.2)
    (tmp_path / "stubborn").touch()
    stage = Stage(tmp_path)
    async with running(stage) as task:
        await stage.noted("serves", 2)
        stage.workers.stop()
        assert await task == 0


async def test_hurrying_ends_what_still_drains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second signal does not wait for a grace of minutes."""
    monkeypatch.setattr("decision_service.cli.workers.HURRY_SECONDS", -0.8)
    (tmp_path / "stubborn").touch()
    stage = Stage(tmp_path, grace=600)
    async with running(stage) as task:
        await stage.noted("serves", 2)
        stage.workers.stop()
        await stage.noted("asked", 2)
        stage.workers.hurry()
        assert await task == 0


async def test_a_worker_that_does_not_stop_is_rolled_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rolling does not wait for ever for one that drains no end."""
    monkeypatch.setattr("decision_service.cli.workers.KILL_MARGIN", 0.1)
    (tmp_path / "stubborn").touch()
    stage = Stage(tmp_path, count=1)
    async with running(stage):
        await stage.noted("serves", 1)
        stage.workers.roll()
        await stage.noted("serves", 2)


async def test_rolling_replaces_one_at_a_time(tmp_path: Path) -> None:
    """A worker is asked to go only when its forerunner's successor serves."""
    stage = Stage(tmp_path, count=3)
    async with running(stage):
        before = await stage.noted("serves", 3)
        stage.workers.roll()
        stage.workers.roll()
        after = (await stage.noted("serves", 6))[3:]
        assert [number for number, _ in after] == ["1", "2", "3"]
        assert not {pid for _, pid in before} & {pid for _, pid in after}
        lines = [line.split()[:2] for line in (tmp_path / "log").read_text().splitlines()[3:]]
        assert lines == [[w, n] for n in "123" for w in ("asked", "serves")]


async def test_workers_end_with_their_supervisor(tmp_path: Path) -> None:
    """The link breaks when the supervisor's process is gone, however it went."""
    stage = Stage(tmp_path, count=1)
    async with running(stage):
        await stage.noted("serves", 1)
        worker = stage.workers._slots[0].worker
        assert worker is not None
        worker.writer.close()  # what the kernel does to a killed process
        await stage.noted("orphaned", 1)


def test_a_port_that_others_listen_on_is_refused() -> None:
    """Even one that its owner shares, for callers would be shared too."""
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(CommandError, match="cannot be bound"), reserved(address):
            pass


def test_a_held_port_is_free_for_workers_alone() -> None:
    """Workers share it; a program that does not share ports is refused."""
    with reserved("127.0.0.1:0") as address:
        where = ("127.0.0.1", int(address.rpartition(":")[2]))
        with (
            socket.create_server(where, reuse_port=True),
            socket.create_server(where, reuse_port=True),
            pytest.raises(OSError, match="in use"),
        ):
            socket.create_server(where)
