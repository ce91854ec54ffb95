"""Clients of the HTTP address who are silent or slow, and everybody else meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from decision_service.server import http as bounds
from decision_service.server import http as connections
from decision_service.server.http import MOST_CONNECTIONS, MOST_OF_A_KIND
from decision_service.server.webhooks import PATH, signature
from tests.e2e.service import Running, at_vendor, running
from tests.kits.until import until

SECRET = "one of the vendor's"
Opened = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def clients(live: Running, count: int, sent: bytes = b"") -> AsyncIterator[list[Opened]]:
    """So many connections, on each of which this was sent and nothing more comes."""
    at = urlsplit(live.service.http_url)
    opened = []
    async with AsyncExitStack() as stack:
        for _ in range(count):
            reader, writer = await asyncio.open_connection(at.hostname, at.port)
            stack.callback(writer.close)
            writer.write(sent)
            opened.append((reader, writer))
        yield opened


def post(signed: str) -> bytes:
    """The head of an event whose body is to come."""
    head = (
        f"POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\nsmile-signature: {signed}\r\n\r\n"
    )
    return head.encode()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """What came until the end; a reset, which unread bytes bring, is an end too."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


async def get(url: str) -> int:
    """The status of a page."""
    async with httpx2.AsyncClient() as client:
        return (await client.get(url)).status_code


async def event(live: Running) -> int:
    """The status that a genuine event gets."""
    body = json.dumps({"id": "et-1", "type": "USER_CREATED", "data": {"userId": "u"}}).encode()
    headers = {"smile-signature": signature(body, SECRET.encode())}
    async with httpx2.AsyncClient(base_url=live.service.http_url) as client:
        return (await client.post(PATH, content=body, headers=headers)).status_code


@pytest.mark.parametrize(
    "sent", [b"", b"GET /connect HTTP/1.1\r\nx-slow: "], ids=["silent", "slow"]
)
async def test_who_is_silent_keeps_nobody_out(shared: Running, sent: bytes) -> None:
    """As many connections as there may be: the longest silent ones end for those who ask."""
    async with clients(shared, MOST_CONNECTIONS + 9, sent) as silent:
        assert await get(f"{shared.service.http_url}/healthz") == 200
        assert await get(f"{shared.service.http_url}/connect") == 200
        assert await rest(silent[0][0]) == b""


async def test_a_client_that_takes_too_long_is_left(
    shared: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a head, a body that does not come, a connection that says no more after its request."""
    monkeypatch.setattr(connections, "CLIENT_SECONDS", 0.1)
    asked = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
    waiting = b"POST /connect/token HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n"
    for sent, answered in ((b"GET", b""), (waiting, b""), (asked, b"HTTP/1.1 200 OK")):
        async with clients(shared, 1, sent) as [(reader, _)]:
            assert (await rest(reader)).partition(b"\r\n")[0] == answered
    assert "http_connections_ended_total" in shared.service.core.metrics.text().decode()


async def test_a_request_ends_in_time(shared: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the page would take: its connection is broken off."""
    monkeypatch.setattr(bounds, "REQUEST_SECONDS", 0.1)
    sent = b"POST /connect/token HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n"
    async with clients(shared, 1, sent) as [(reader, _)]:
        assert await rest(reader) == b""


async def test_slow_events_keep_no_genuine_one_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unsigned one is refused by its head; the longest of too many signed ones ends."""
    settings = {"webhook_secrets": SECRET, "http_address": "127.0.0.1:0"}
    async with at_vendor(tmp_path, **settings) as (live, _):
        async with clients(live, 1, post("unsigned")) as [(reader, _)]:
            assert (await reader.readline()).split()[1] == b"401"
        monkeypatch.setattr(bounds, "UNSENT_SECONDS", 60.0)
        async with clients(live, MOST_OF_A_KIND, post("0" * 128)) as slow:
            await until(lambda: event(live), lambda status: status == 503)
            monkeypatch.setattr(bounds, "UNSENT_SECONDS", 0.0)
            assert await event(live) == 200
            assert await rest(slow[0][0]) == b""


async def test_health_and_metrics_have_an_address_of_their_own(tmp_path: Path) -> None:
    """Where one is set they are there, and pages and events are not."""
    async with running(tmp_path, admin_address="127.0.0.1:0") as live:
        urls: Any = live.service.http
        asked = ("healthz", "livez", "metrics")
        assert [await get(f"{urls.admin}/{path}") for path in asked] == [200, 200, 200]
        assert await get(f"{urls.admin}/connect") == 404
        assert await get(f"{urls.public}/connect") == 200
        assert [await get(f"{urls.public}/{path}") for path in asked] == [404, 404, 404]


async def test_a_request_for_no_path_is_no_fault(shared: Running) -> None:
    """`*` and an empty path are answered as what is not there."""
    for line in (b"GET *", b"OPTIONS *", b"GET ?x"):
        asked = line + b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        async with clients(shared, 1, asked) as [(reader, _)]:
            assert (await rest(reader)).split(b" ")[1] == b"404", line


async def test_a_body_of_two_lengths_ends_its_connection(shared: Running) -> None:
    """What a proxy may have read as a second request is not served."""
    first = b"POST /connect/check HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n"
    second = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"
    sent = first + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n" + second
    async with clients(shared, 1, sent) as [(reader, _)]:
        answers = await rest(reader)
    assert answers.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in answers
    assert answers.count(b"HTTP/1.1 ") == 1
