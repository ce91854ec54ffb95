"""Floods of strangers, each at a bounded rate: `python -m deploy.front.flood NAME PORT CA`.

Each tick it prints how much it has sent, and goes on until it is ended.
"""

from __future__ import annotations

import asyncio
import resource
import ssl
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

from deploy.front.frames import FLOODS as KINDS
from deploy.front.frames import Frames
from tests.e2e import wire
from tests.e2e.wire import frame

HOST = "127.0.0.1"
SOURCES = tuple(f"127.0.0.{number}" for number in range(2, 7))
"""Strangers' addresses; a flood comes from the first where it does not say more."""

PACKAGE = "/decision_service.api.v1.DecisionService"
LIST, CREATE = f"{PACKAGE}/ListDecisions", f"{PACKAGE}/CreateDecision"
HEALTH = "/grpc.health.v1.Health"
JSON = {"content-type": "application/json"}
MADE_UP = {"authorization": "Bearer x"}
BITS = 50_000_000
"""A second, of heads."""

FIELDS = 12_000
RATE = 300
"""Requests a second to each public path."""

GUESSES = 200
"""Calls with a made-up token a second from each address."""

CALLS = 400
"""Calls without a token a second at most, of those that are begun as others end."""

HALVES, SLOW, WATCHES, OPEN = 1_000, 300, 100, 100
TICK = 0.05
GREETING = (
    wire.PREFACE
    + frame(wire.SETTINGS, 0, 0, struct.pack(">HI", 4, (1 << 31) - 1))
    + frame(wire.WINDOW_UPDATE, 0, 0, struct.pack(">I", (1 << 31) - 1 - 65_535))
)
Opened = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Flood:
    """Where it goes, and the connections of a stranger."""

    def __init__(self, port: int, authority: str) -> None:
        self.sent = 0
        self._port = port
        self._tls = ssl.create_default_context(cafile=authority)

    async def connect(self, protocol: str = "", source: str = SOURCES[0]) -> Opened:
        """A connection from a stranger's address, in TLS where a protocol is named."""
        tls = self._tls if protocol else None
        if protocol:
            self._tls.set_alpn_protocols([protocol])
        return await asyncio.open_connection(HOST, self._port, ssl=tls, local_addr=(source, 0))

    async def again(self, one: Callable[[], Awaitable[None]]) -> None:
        """Do one thing over and over, whatever becomes of it."""
        while True:
            with suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError):
                await one()
            await asyncio.sleep(TICK)

    async def due(self, rate: float) -> AsyncIterator[int]:
        """How many are due at each tick, so that a second has `rate`."""
        clock, done = asyncio.get_running_loop().time, 0
        began = clock()
        while True:
            await asyncio.sleep(TICK)
            count = min(int((clock() - began) * rate) - done, int(rate))
            done += count
            yield count


def call(stream: int, path: str, message: bytes = b"", **further: str) -> bytes:
    """The frames of a call or a request."""
    headers = wire.request_headers(path, **further)
    body = message
    if headers["content-type"] == "application/grpc":
        body = b"\0" + struct.pack(">I", len(message)) + message
    block = wire.header_block(headers)
    return frame(wire.HEADERS, wire.END_HEADERS, stream, block) + frame(
        wire.DATA, wire.END_STREAM, stream, body
    )


async def heads(flood: Flood) -> None:
    """Eight connections with heads of so many small fields, all together at so many bits."""
    fields = b"\0\1a\1b" * FIELDS
    first = wire.header_block(wire.request_headers(LIST)) + fields[:16_000]
    parts = [fields[at : at + 16_000] for at in range(16_000, len(fields), 16_000)]

    async def one() -> None:
        reader, writer = await flood.connect("h2")
        writer.write(GREETING)
        stream = 1
        rate = BITS / 8 / 8 / (len(fields) + 200)
        try:
            async for count in flood.due(rate):
                for _ in range(count):
                    writer.write(frame(wire.HEADERS, wire.END_STREAM, stream, first))
                    for part in parts[:-1]:
                        writer.write(frame(wire.CONTINUATION, 0, stream, part))
                    writer.write(frame(wire.CONTINUATION, wire.END_HEADERS, stream, parts[-1]))
                    stream += 2
                    flood.sent += 1
                await writer.drain()
                if reader.at_eof():
                    return
        finally:
            writer.close()

    await asyncio.gather(*(flood.again(one) for _ in range(8)))


async def public(flood: Flood) -> None:
    """So many requests a second to each path that strangers reach."""
    asked = (
        ("/connect", b"", {":method": "GET", "content-type": "text/html"}),
        ("/connect/token", b'{"token": "t"}', JSON),
        ("/connect/check", b'{"token": "t"}', JSON),
        ("/webhooks/smile", b"{}", JSON | {"smile-signature": "0" * 128}),
        (CREATE, b"{}", JSON),
        (CREATE, b"", {}),
        (f"{HEALTH}/Check", b"", {}),
    )

    async def one(path: str, message: bytes, further: dict[str, str]) -> None:
        await _repeated(
            flood, SOURCES[0], RATE, lambda stream: call(stream, path, message, **further)
        )

    await asyncio.gather(*(flood.again(lambda given=given: one(*given)) for given in asked))


async def tokens(flood: Flood) -> None:
    """So many gRPC calls a second with a made-up token from each of five addresses."""
    await _guessed(flood, lambda stream: call(stream, CREATE, b"", **MADE_UP))


async def tokens_in_json(flood: Flood) -> None:
    """The same as JSON."""
    await _guessed(flood, lambda stream: call(stream, CREATE, b"{}", **MADE_UP, **JSON))


async def _guessed(flood: Flood, made: Callable[[int], bytes]) -> None:
    async def one(source: str) -> None:
        await _repeated(flood, source, GUESSES, made)

    await asyncio.gather(*(flood.again(lambda given=given: one(given)) for given in SOURCES))


async def _repeated(flood: Flood, source: str, rate: float, made: Callable[[int], bytes]) -> None:
    """One connection with so many calls a second, whose answers are read and forgotten."""
    reader, writer = await flood.connect("h2", source)
    writer.write(GREETING)
    draining = asyncio.create_task(_drained(reader))
    stream = 1
    try:
        async for count in flood.due(rate):
            for _ in range(count):
                writer.write(made(stream))
                stream += 2
                flood.sent += 1
            await writer.drain()
            if draining.done():
                return
    finally:
        draining.cancel()
        writer.close()


async def handshakes(flood: Flood) -> None:
    """So many connections with half a ClientHello, each begun again when it is ended."""

    async def one() -> None:
        reader, writer = await flood.connect()
        writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        flood.sent += 1
        try:
            await reader.read()
        finally:
            writer.close()

    await asyncio.gather(*(flood.again(one) for _ in range(HALVES)))


async def slow(flood: Flood) -> None:
    """Heads and bodies of which a byte comes in a second."""

    async def one(head: bytes) -> None:
        reader, writer = await flood.connect("http/1.1")
        try:
            writer.write(head)
            flood.sent += 1
            while not reader.at_eof():
                await asyncio.sleep(1)
                writer.write(b"x")
                await writer.drain()
        finally:
            writer.close()

    head = b"POST /webhooks/smile HTTP/1.1\r\nhost: x\r\nsmile-signature: " + b"0" * 128
    body = head + b"\r\ncontent-length: 4000\r\n\r\n"
    await asyncio.gather(
        *(flood.again(lambda given=given: one(given)) for given in (head, body) * (SLOW // 2))
    )


async def frames(flood: Flood) -> None:
    """A connection of each kind of frame, all together at so many bits."""

    async def one(kind: Frames) -> None:
        reader, writer = await flood.connect("h2")
        writer.write(GREETING)
        draining = asyncio.create_task(_drained(reader))
        chunks = kind(LIST)
        owed = 0
        try:
            async for count in flood.due(BITS / 8 / len(KINDS)):
                owed += count
                while owed > 0 and not draining.done():
                    chunk = next(chunks)
                    owed -= len(chunk)
                    writer.write(chunk)
                    flood.sent += 1
                    await writer.drain()
                if draining.done():
                    return
        finally:
            draining.cancel()
            writer.close()

    await asyncio.gather(*(flood.again(lambda kind=kind: one(kind)) for kind in KINDS.values()))


async def watches(flood: Flood) -> None:
    """So many streams of health, begun again as they end."""
    await _refilled(flood, f"{HEALTH}/Watch", WATCHES)


async def calls(flood: Flood) -> None:
    """So many open calls without a token, begun again as they end."""
    await _refilled(flood, CREATE, OPEN)


async def _refilled(flood: Flood, path: str, most: int) -> None:
    async def one() -> None:
        reader, writer = await flood.connect("h2")
        writer.write(GREETING)
        connection, stream, ended = wire.Wire(reader, writer), 1, asyncio.Semaphore(most)

        async def read() -> None:
            while (got := await connection.read()) is not None:
                if got.kind == wire.RST_STREAM or (
                    got.kind in {wire.HEADERS, wire.DATA} and got.flags & wire.END_STREAM
                ):
                    ended.release()

        reading = asyncio.create_task(read())
        try:
            async for count in flood.due(CALLS):
                for _ in range(count):
                    if ended.locked():
                        break
                    await ended.acquire()
                    writer.write(call(stream, path))
                    stream += 2
                    flood.sent += 1
                await writer.drain()
                if reading.done():
                    return
        finally:
            reading.cancel()
            writer.close()

    await flood.again(one)


async def _drained(reader: asyncio.StreamReader) -> None:
    while await reader.read(1 << 16):
        pass


FLOODS = {
    one.__name__: one
    for one in (
        heads, frames, public, tokens, tokens_in_json, handshakes, slow, watches, calls,
    )
}  # fmt: skip


async def main(name: str, port: str, authority: str) -> None:
    """Flood until it is ended."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    flood = Flood(int(port), authority)
    running = asyncio.create_task(FLOODS[name](flood))
    while not running.done():
        await asyncio.sleep(1)
        print(flood.sent, flush=True)
    running.result()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
