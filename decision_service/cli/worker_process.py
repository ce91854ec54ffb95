"""A worker as its supervisor sees it, and the supervisor as a worker sees it.

Between them is a pair of sockets. The worker writes one line, its banner as JSON, when it serves;
the supervisor writes nothing. Each learns of the other's end, however it came, by the end of the
stream.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

_LONGEST_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class Worker:
    """One process; it serves from the moment that `banner` gives its lines."""

    number: int
    process: Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def banner(self) -> list[str] | None:
        """What it says once it serves; None where it ended before."""
        with suppress(ConnectionError):
            if line := await self.reader.readline():
                return [str(text) for text in json.loads(line)]
        return None

    async def ended(self) -> int:
        """Its exit code; negative where a signal ended it."""
        code = await self.process.wait()
        self.writer.close()
        return code

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it is still there."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)


def own_command() -> list[str]:
    """The command line that this process was started with."""
    return [sys.executable, *sys.orig_argv[1:]]


async def spawn(command: Sequence[str], number: int, environ: Mapping[str, str]) -> Worker:
    """Start a fresh process of this command as the worker of this number.

    It is no fork: the libraries underneath do not survive one. It has a session of its own, so that
    Ctrl-C reaches it through the supervisor alone. Raises OSError where no process can be made.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                *("--worker", str(number), "--link", str(theirs.fileno())),
                env=environ,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError:
            ours.close()
            raise
    reader, writer = await asyncio.open_connection(sock=ours, limit=_LONGEST_LINE)
    return Worker(number, process, reader, writer)


class Link:
    """The worker's end: tells that it serves, and learns when the supervisor is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._watching: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, descriptor: int) -> Link:
        """Take over the socket that the supervisor passed on; children do not inherit it."""
        os.set_inheritable(descriptor, False)
        return cls(*await asyncio.open_connection(sock=socket.socket(fileno=descriptor)))

    def watch(self, gone: Callable[[], None]) -> None:
        """Call `gone` when the supervisor has ended."""
        self._watching = asyncio.create_task(self._wait(gone))

    async def serving(self, banner: Sequence[str]) -> None:
        """Tell the supervisor that this worker serves."""
        with suppress(ConnectionError):
            self._writer.write(json.dumps([*banner]).encode() + b"\n")
            await self._writer.drain()

    async def _wait(self, gone: Callable[[], None]) -> None:
        with suppress(ConnectionError):
            await self._reader.read()
        gone()
