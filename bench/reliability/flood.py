"""A flood by a process of its own, as fast as a gigabit link and the server take it.

Run as `python -m bench.reliability.flood NAME ADDRESS METHOD [CA]`: it prints a line once its first
connection is made, and ends with its stdin. A connection that the server closes is made anew.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from select import select

from bench.reliability.floods import FLOODS
from tests.e2e.wire import PREFACE, SETTINGS, frame

PAUSE = 0.01
"""Seconds before a connection that was closed is made anew."""

AT_ONCE = 1 << 16
BYTES_PER_SECOND = 125e6
"""No client in a network sends faster for long; over loopback one would, and gRPC read ahead."""

BURST_SECONDS = 0.002


@asynccontextmanager
async def flooding(
    name: str, address: str, method: str, ca: Path | None = None
) -> AsyncIterator[None]:
    """Flood a server; over TLS where the file with its authority is named."""
    told = (name, address, method, *([str(ca)] if ca else []))
    command = (sys.executable, "-m", __name__, *told)
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        yield
    finally:
        process.stdin.close()
        await process.wait()


def main(name: str, address: str, method: str, ca: str = "") -> None:
    """Flood until stdin ends."""
    tls = None
    if ca:
        tls = ssl.create_default_context(cafile=ca)
        tls.set_alpn_protocols(["h2"])
    sender, told = Sender(), False
    while not _ended():
        with suppress(OSError), _connected(address, tls) as connection:
            if not told:
                sys.stdout.write("connected\n")
                sys.stdout.flush()
                told = True
            sender.send(connection, PREFACE + frame(SETTINGS, 0, 0))
            for chunk in FLOODS[name](method):
                sender.send(connection, chunk)
        time.sleep(PAUSE)


def _connected(address: str, tls: ssl.SSLContext | None) -> socket.socket:
    host, _, port = address.rpartition(":")
    with ExitStack() as stack:
        made = stack.enter_context(socket.create_connection((host, int(port)), timeout=5.0))
        if tls is not None:
            made = stack.enter_context(tls.wrap_socket(made, server_hostname=host))
        made.setblocking(False)
        stack.pop_all()
        return made


@dataclass(slots=True)
class Sender:
    """Sends at the pace of the link, which makes nothing up that it was kept from."""

    _free: float = 0.0
    """When what was sent has left (time.monotonic)."""

    def send(self, connection: socket.socket, data: bytes) -> None:
        """Send all of it, and take whatever comes meanwhile; raises OSError at the end."""
        left = memoryview(data)
        while left:
            readable, writable, _ = select([connection, sys.stdin], [connection], [], 1.0)
            if sys.stdin in readable:
                raise ConnectionAbortedError
            with suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                if connection in readable and not connection.recv(AT_ONCE):
                    raise ConnectionResetError
            with suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                if writable:
                    sent = connection.send(left[:AT_ONCE])
                    left = left[sent:]
                    self._pace(sent)

    def _pace(self, sent: int) -> None:
        now = time.monotonic()
        self._free = max(self._free, now - BURST_SECONDS) + sent / BYTES_PER_SECOND
        if self._free > now:
            time.sleep(self._free - now)


def _ended() -> bool:
    return bool(select([sys.stdin], [], [], 0)[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
