"""A flood by a process of its own, as fast as the server takes it, while a context is open.

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
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from select import select

from bench.reliability.floods import FLOODS
from tests.e2e.wire import PREFACE, SETTINGS, frame

PAUSE = 0.01
"""Seconds before a connection that was closed is made anew."""

AT_ONCE = 1 << 16


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
    told = False
    while not _ended():
        with suppress(OSError), _connected(address, tls) as connection:
            if not told:
                sys.stdout.write("connected\n")
                sys.stdout.flush()
                told = True
            _send(connection, PREFACE + frame(SETTINGS, 0, 0))
            for chunk in FLOODS[name](method):
                _send(connection, chunk)
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


def _send(connection: socket.socket, data: bytes) -> None:
    """Send all of it, and take whatever comes meanwhile; raises OSError at the end."""
    for part in _parts(data):
        left = part
        while left:
            readable, writable, _ = select([connection, sys.stdin], [connection], [], 1.0)
            if sys.stdin in readable:
                raise ConnectionAbortedError
            with suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                if connection in readable and not connection.recv(AT_ONCE):
                    raise ConnectionResetError
            with suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                if writable:
                    left = left[connection.send(left) :]


def _parts(data: bytes) -> Iterator[memoryview]:
    whole = memoryview(data)
    return (whole[begin : begin + AT_ONCE] for begin in range(0, len(whole), AT_ONCE))


def _ended() -> bool:
    return bool(select([sys.stdin], [], [], 0)[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
