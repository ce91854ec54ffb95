"""The vendor's end of its webhooks: posts over connections that are kept, as fast as they go."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from decision_service.smile.events import PATH, SIGNATURE, signature

SECRETS = (b"the newer canary secret", b"the older canary secret")
AT_ONCE = 8
PAUSE = 0.02
"""Seconds until an event that was not taken is sent again."""

Post = tuple[bytes, bytes]
"""A signature's header and a body."""


def event(number: str, event_type: str, user_id: str, **data: Any) -> bytes:
    """The body of an event."""
    content = {
        "id": f"et-{number}",
        "version": "v1",
        "type": event_type,
        "createdAt": "2026-11-24T04:00:00Z",
        "data": {"userId": user_id, **data},
    }
    return json.dumps(content).encode()


def signed(body: bytes, secret: bytes = SECRETS[0]) -> Post:
    """The event as the vendor sends it."""
    return signature(body, secret).encode(), body


@dataclass(frozen=True, slots=True)
class Sender:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def post(self, header: bytes, body: bytes) -> int:
        """The status of the answer."""
        head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n{SIGNATURE}: "
        self.writer.write(head.encode() + header + b"\r\n\r\n" + body)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        await self.reader.readexactly(length)
        return int(answer.split()[1])


@asynccontextmanager
async def sending(address: str) -> AsyncIterator[Sender]:
    """Connect to host:port."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Sender(reader, writer)
    finally:
        writer.close()


async def deliver(address: Callable[[], str], post: Post) -> None:
    """Post an event until it is taken: a receiver that is busy or dead is tried again."""
    status = 0
    while status != 200:
        try:
            async with sending(address()) as sender:
                status = await sender.post(*post)
        except (OSError, EOFError):
            status = 0
        if status != 200:
            await asyncio.sleep(PAUSE)


async def post_all(address: str, posts: Sequence[Post]) -> list[int]:
    """The status of each post, several at a time."""
    statuses = [0] * len(posts)
    waiting = iter(enumerate(posts))

    async def some() -> None:
        async with sending(address) as sender:
            for number, post in waiting:
                statuses[number] = await sender.post(*post)

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))
    return statuses
