"""Callers at a pace of their own, over connections by hand.

A client library in Python would take as long for a call as the service takes to refuse it, and what
is to be measured would be its own queue.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle

from tests.e2e.wire import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    frame,
    header_block,
    request_headers,
)

_GOAWAY, _WINDOW_UPDATE, _INITIAL_WINDOW, _LARGEST = 7, 8, 4, 2**31 - 1
_AHEAD = 0.002
"""Seconds of calls that are sent together: the clock of an event loop is no finer."""


@dataclass(slots=True)
class Storm(asyncio.Protocol):
    """One connection; `made` gives the message of each call, `ended` hears of each that ends.

    A call that ends without a message was refused: `refusals` has when, and how long it took.
    """

    path: str
    made: Callable[[], bytes]
    decided: int = 0
    resets: int = 0
    broken: bool = False
    refusals: list[tuple[float, float]] = field(default_factory=list)
    open: dict[int, float] = field(default_factory=dict)
    closed_loop: bool = False
    _stream: int = 1
    _answered: set[int] = field(default_factory=set)
    _rest: bytes = b""
    _head: bytes = b""
    _transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin HTTP/2, with windows that never close."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._head = header_block(request_headers(self.path))
        settings = struct.pack(">HI", _INITIAL_WINDOW, _LARGEST)
        grown = struct.pack(">I", _LARGEST - 65_535)
        transport.write(
            PREFACE + frame(SETTINGS, 0, 0, settings) + frame(_WINDOW_UPDATE, 0, 0, grown)
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Calls that are open then stay so."""
        del exc
        self.broken = True

    def call(self, count: int = 1) -> None:
        """Begin so many calls."""
        assert self._transport is not None
        now, frames = time.monotonic(), []
        for _ in range(count):
            message, stream = self.made(), self._stream
            self._stream += 2
            self.open[stream] = now
            body = b"\0" + struct.pack(">I", len(message)) + message
            frames.append(frame(HEADERS, END_HEADERS, stream, self._head))
            frames.append(frame(DATA, END_STREAM, stream, body))
        self._transport.write(b"".join(frames))

    def data_received(self, data: bytes) -> None:
        """Take the frames that came."""
        data = self._rest + data
        place, end = 0, len(data)
        while end - place >= 9:
            length = int.from_bytes(data[place : place + 3])
            if end - place < 9 + length:
                break
            stream = int.from_bytes(data[place + 5 : place + 9]) & _LARGEST
            self._frame(data[place + 3], data[place + 4], stream, data, place + 9, length)
            place += 9 + length
        self._rest = data[place:]

    def _frame(
        self, kind: int, flags: int, stream: int, data: bytes, start: int, length: int
    ) -> None:
        if kind == DATA:
            self._answered.add(stream)
        elif kind == HEADERS and flags & END_STREAM:
            self._ended(stream)
        elif kind == RST_STREAM and stream in self.open:
            self.resets += 1
            self._ended(stream)
        elif kind in {SETTINGS, PING} and not flags & ACK:
            assert self._transport is not None
            body = data[start : start + length] if kind == PING else b""
            self._transport.write(frame(kind, ACK, 0, body))
        elif kind == _GOAWAY:
            self.broken = True

    def _ended(self, stream: int) -> None:
        began = self.open.pop(stream, None)
        if began is None:
            return
        if stream in self._answered:
            self._answered.discard(stream)
            self.decided += 1
        else:
            now = time.monotonic()
            self.refusals.append((now, now - began))
        if self.closed_loop:
            self.call()


async def carried(storms: Sequence[Storm], at_a_time: int, seconds: float) -> float:
    """Decisions a second of so many callers on each connection who wait for their answers."""
    before = decided(storms)
    for storm in storms:
        storm.closed_loop = True
        storm.call(at_a_time)
    await asyncio.sleep(seconds)
    made = decided(storms) - before
    for storm in storms:
        storm.closed_loop = False
    await calmed(storms)
    return made / seconds


async def calmed(storms: Sequence[Storm]) -> None:
    """Wait until every call has its answer."""
    while any(storm.open and not storm.broken for storm in storms):
        await asyncio.sleep(0.01)


async def blow(storms: Sequence[Storm], pace: float, seconds: float) -> None:
    """So many calls a second whatever comes of them, on the connections in turn."""
    began, sent, count = time.monotonic(), 0, int(pace * seconds)
    turns = cycle(storms)
    while sent < count and not all(storm.broken for storm in storms):
        due = min(count, int((time.monotonic() - began + _AHEAD) * pace))
        if due > sent:
            next(turns).call(due - sent)
            sent = due
        await asyncio.sleep(_AHEAD)


def decided(storms: Sequence[Storm]) -> int:
    """How many calls were answered with a message."""
    return sum(storm.decided for storm in storms)


@asynccontextmanager
async def connected(address: str, storms: Sequence[Storm]) -> AsyncIterator[None]:
    """Connect them, and break the connections off in the end, with the calls that are open."""
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        for storm in storms:
            transport, _ = await loop.create_connection(partial(_same, storm), host, int(port))
            stack.callback(transport.abort)
        yield


def _same(storm: Storm) -> Storm:
    return storm
