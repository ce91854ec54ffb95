"""Silent and slow HTTP clients: health, metrics, pages and genuine events go on beside them."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

import httpx2

from decision_service.server.http import UNSENT_SECONDS
from decision_service.server.webhooks import PATH, signature
from tests.attack.found import Found
from tests.attack.target import GEORGE, SECRET, Target

ROUNDS = 5
TRIES = 3
"""Where all places are taken by requests that have just come, one comes again."""

SIGNED = "0" * 128
_BUSY = 503


async def run(target: Target, found: Found) -> None:
    """More of each than there are places, none of whom says more than this."""
    for name, count, sent in (
        ("silent connections", 300, b""),
        ("slow heads", 300, b"GET /healthz HTTP/1.1\r\nx-slow: "),
        ("unsigned bodies that do not come", 100, _post(PATH, "smile-signature: none")),
        ("signed bodies that do not come", 100, _post(PATH, f"smile-signature: {SIGNED}")),
        ("bodies of link tokens that do not come", 100, _post("/connect/token", "x: y")),
    ):
        async with _clients(target, count, sent):
            for _ in range(ROUNDS):
                await _ask(target, found, name)
    ended = await target.metric("http_connections_ended_total")
    found.figures.append(f"{ended:.0f} connections broken off")


async def _ask(target: Target, found: Found, beside: str) -> None:
    async with target.web() as client:
        for path in ("/healthz", "/metrics", "/connect"):
            found.equal(f"{path} beside {beside}", await _status(client, path), 200)
        body = json.dumps(
            {"id": f"et-{uuid.uuid4().hex}", "type": "USER_CREATED", "data": {"userId": GEORGE}}
        ).encode()
        headers = {"smile-signature": signature(body, SECRET.encode())}
        status = await _status(client, PATH, body, headers)
        found.equal(f"an event beside {beside}", status, 200)


async def _status(
    client: httpx2.AsyncClient,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> int | str:
    method = "GET" if body is None else "POST"
    for _ in range(TRIES):
        try:
            answer = await client.request(method, path, content=body, headers=headers)
        except httpx2.TransportError as error:
            return type(error).__name__
        if answer.status_code != _BUSY:
            break
        await asyncio.sleep(UNSENT_SECONDS)
    return answer.status_code


@asynccontextmanager
async def _clients(target: Target, count: int, sent: bytes) -> AsyncIterator[None]:
    """So many connections, on each of which this was sent and nothing more comes."""
    at = urlsplit(target.http_url)
    async with AsyncExitStack() as stack:
        for _ in range(count):
            opened = asyncio.open_connection(at.hostname, at.port, ssl=target.trust())
            _, writer = await opened
            stack.callback(writer.close)
            writer.write(sent)
        yield


def _post(path: str, header: str) -> bytes:
    """The head of a request whose body is to come."""
    lines = (f"POST {path} HTTP/1.1", "host: x", "content-length: 900", header)
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()
