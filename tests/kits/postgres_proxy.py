"""Between a store and its PostgreSQL server: connections that break at a chosen moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.engine import make_url

_SOCKET = ".s.PGSQL.5432"
_COMMIT = b"COMMIT;"


class Cut(Enum):
    """What the proxy does to the next COMMIT that comes by."""

    NEVER = "never"
    BEFORE = "before"
    """The server never sees it."""
    AFTER = "after"
    """The server carries it out, and nobody hears of that."""


@dataclass(slots=True)
class Meter:
    """Counts the bytes of one direction, over all connections; lets `left` more through, if set."""

    seen: int = 0
    left: int | None = None

    def passing(self, data: bytes) -> tuple[bytes, bool]:
        """What of this may pass, and whether the connection is cut behind it; used up by a cut."""
        self.seen += len(data)
        if self.left is None:
            return data, False
        if len(data) <= self.left:
            self.left -= len(data)
            return data, False
        data, self.left = data[: self.left], None
        return data, True


class Proxy:
    """A socket like the server's; `cut` is used up by one COMMIT, `refusing` lets nobody in.

    The next `silent` connections are let in and get no answer.
    `forth` and `back` count what goes to the server and comes from it, and cut anywhere.
    """

    def __init__(self, server: Path) -> None:
        self._server = server
        self.cut = Cut.NEVER
        self.refusing = False
        self.silent = 0
        self.running: set[asyncio.Task[None]] = set()
        self.cuts = 0
        self.forth = Meter()
        self.back = Meter()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection, noted while it lasts."""
        task = asyncio.current_task()
        assert task is not None
        self.running.add(task)
        try:
            await self.serve(reader, writer)
        finally:
            self.running.discard(task)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it, or the cut does."""
        if self.refusing:
            writer.close()
            return
        if self.silent:
            self.silent -= 1
            with closing(writer):
                while await reader.read(1 << 16):
                    pass
            return
        upstream_reader, upstream_writer = await asyncio.open_unix_connection(self._server)
        back = asyncio.create_task(self._pump(upstream_reader, writer))
        try:
            await self._forth(reader, upstream_reader, upstream_writer, back)
        finally:
            back.cancel()
            upstream_writer.close()
            writer.close()

    async def _forth(
        self,
        reader: asyncio.StreamReader,
        answers: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
        back: asyncio.Task[None],
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                cut = self.cut if _COMMIT in data else Cut.NEVER
                if cut is Cut.NEVER:
                    data, done = self.forth.passing(data)
                    upstream.write(data)
                    if done:
                        await upstream.drain()
                        self.cuts += 1
                        return
                    continue
                self.cut = Cut.NEVER
                self.cuts += 1
                if cut is Cut.AFTER:
                    back.cancel()
                    with suppress(asyncio.CancelledError):
                        await back
                    upstream.write(data)
                    await answers.read(1)
                return

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                data, done = self.back.passing(data)
                writer.write(data)
                if done:
                    self.cuts += 1
                    break
        writer.close()


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy to the server of this URL, and the URL through it; the socket's path is short."""
    address = make_url(url)
    proxy = Proxy(Path(str(address.query["host"])) / _SOCKET)
    with TemporaryDirectory() as folder:
        server = await asyncio.start_unix_server(proxy.take, Path(folder) / _SOCKET)
        try:
            yield proxy, address.set(query={"host": folder}).render_as_string(hide_password=False)
        finally:
            server.close()
            await server.wait_closed()
            await asyncio.gather(*proxy.running, return_exceptions=True)
