"""A TCP proxy before the vendor: delays, starves, cuts, swallows, resets and mixes up answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_CHUNK = 1 << 16


class Way(Enum):
    """What happens to the answers that come by."""

    PASS = "pass"
    LATE = "late"
    """Held back for `seconds`."""

    DRIP = "drip"
    """One byte every `seconds`."""

    CUT = "cut"
    """`after` bytes, then an orderly end of the connection."""

    RESET = "reset"
    """`after` bytes, then a reset."""

    HOLE = "hole"
    """Swallowed; the connection stays open."""

    SWAP = "swap"
    """Two answers exchanged between the connections that wait for them."""


@dataclass(slots=True)
class FaultProxy:
    """Carries connections to a port of this machine; `met` counts the answers that were hit."""

    target: int
    port: int = 0
    way: Way = Way.PASS
    after: int = 0
    seconds: float = 0.0
    met: int = 0
    _waiting: list[tuple[bytes, asyncio.Future[bytes]]] = field(default_factory=list)

    def set(self, way: Way, *, after: int = 0, seconds: float = 0.0) -> None:
        """From the next bytes on, on every connection."""
        self.way, self.after, self.seconds, self.met = way, after, seconds, 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection until either side ends it."""
        try:
            upstream, to_upstream = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        asking = asyncio.create_task(_pump(reader, to_upstream))
        try:
            with suppress(ConnectionError):
                await self._answers(upstream, writer)
        finally:
            asking.cancel()
            to_upstream.close()
            writer.close()

    async def _answers(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await upstream.read(_CHUNK):
            if self.way is Way.PASS:
                writer.write(data)
            elif not await self._hit(data, upstream, writer):
                return
            await writer.drain()

    async def _hit(
        self, data: bytes, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Do to an answer what is in force; False when its connection ends here."""
        self.met += 1
        match self.way:
            case Way.LATE:
                await asyncio.sleep(self.seconds)
                writer.write(data)
            case Way.DRIP:
                await self._drip(data, writer)
            case Way.SWAP:
                writer.write(await self._swapped(await _whole(data, upstream)))
            case Way.CUT | Way.RESET:
                writer.write((await _whole(data, upstream))[: self.after])
                await writer.drain()
                if self.way is Way.RESET:
                    writer.transport.abort()
                return False
        return True

    async def _drip(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        for at in range(len(data)):
            writer.write(data[at : at + 1])
            await writer.drain()
            await asyncio.sleep(self.seconds)

    async def _swapped(self, mine: bytes) -> bytes:
        if self._waiting:
            other, theirs = self._waiting.pop()
            theirs.set_result(mine)
            return other
        partner: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append((mine, partner))
        return await partner


async def _whole(data: bytes, upstream: asyncio.StreamReader) -> bytes:
    """An answer whose length its head tells, read to its end."""
    while b"\r\n\r\n" not in data:
        data += await upstream.read(_CHUNK)
    head, _, body = data.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    missing = (int(length[1]) if length else 0) - len(body)
    return data + (await upstream.readexactly(missing) if missing > 0 else b"")


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def proxied(target: int) -> AsyncIterator[FaultProxy]:
    """A proxy to a port of this machine, on a port of its own."""
    proxy = FaultProxy(target)
    connections: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        with suppress(asyncio.CancelledError):
            await proxy.carry(reader, writer)
        connections.discard(task)

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
