"""What the fault proxy does to the answers that come by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest_asyncio

from bench.reliability.proxy import FaultProxy, Way, proxied

BODY = b"the answer to "


@pytest_asyncio.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    """A proxy to a server that answers a connection's line with that line, and closes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = BODY + await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        with suppress(ConnectionError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, proxied(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy


async def ask(proxy: FaultProxy, line: bytes) -> bytes:
    """What comes back for a line until the connection ends; empty after a reset."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(line + b"\n")
    found = b""
    with suppress(ConnectionResetError):
        found = await reader.read(-1)
    writer.close()
    return found


async def test_answers_pass_unchanged(proxy: FaultProxy) -> None:
    """Without a fault the bytes are the server's."""
    assert (await ask(proxy, b"one")).endswith(BODY + b"one\n")


async def test_an_answer_is_cut_after_so_many_bytes(proxy: FaultProxy) -> None:
    """No more than the bytes asked for come through, then the connection ends in order."""
    proxy.set(Way.CUT, after=20)
    assert len(await ask(proxy, b"one")) == 20


async def test_a_reset_is_no_orderly_end(proxy: FaultProxy) -> None:
    """Nothing is read of an answer whose connection is reset."""
    proxy.set(Way.RESET, after=0)
    assert await ask(proxy, b"one") == b""
    assert proxy.met == 1


async def test_a_dripping_answer_is_whole(proxy: FaultProxy) -> None:
    """Byte by byte the same answer arrives."""
    proxy.set(Way.DRIP)
    assert (await ask(proxy, b"one")).endswith(BODY + b"one\n")


async def test_a_hole_swallows_everything(proxy: FaultProxy) -> None:
    """Nothing of the answer comes through."""
    proxy.set(Way.HOLE)
    assert await ask(proxy, b"one") == b""
    assert proxy.met == 1


async def test_two_answers_are_exchanged(proxy: FaultProxy) -> None:
    """Each of two connections gets what the other asked for."""
    proxy.set(Way.SWAP)
    first, second = await asyncio.gather(ask(proxy, b"one"), ask(proxy, b"two"))
    assert first.endswith(b"two\n")
    assert second.endswith(b"one\n")
