"""Journey 9: nobody's friend, from the internet to what answers without a name."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import httpx2
import pytest

from tests.attack.areas import AREAS
from tests.attack.target import Found, attacked
from tests.e2e.service import create, refused, running
from tests.e2e.team import Team
from tests.journeys.kit import GEORGE

OF_OPERATORS = ("healthz", "livez", "metrics")


async def test_a_stranger_reaches_a_page_that_is_locked_down_and_nothing_else(
    tmp_path: Path,
) -> None:
    """No decision, no figure, no token; the page has no inline script, no frame around it, no copy
    in a cache. Health and metrics have an address of their own."""
    team = Team(tmp_path)
    team.hire("los", "decide")
    async with running(tmp_path, auth_tokens_file=str(team.path)) as live:
        urls = live.service.http
        told = await refused(live.stub.CreateDecision(create(GEORGE)))
        assert told.code is grpc.StatusCode.UNAUTHENTICATED
        async with httpx2.AsyncClient(base_url=urls.public) as client:

            async def get(url: str) -> int:
                return (await client.get(url)).status_code

            assert [await get(f"/{path}") for path in OF_OPERATORS] == [404, 404, 404]
            assert [await get(f"{urls.admin}/{path}") for path in OF_OPERATORS] == [200, 200, 200]
            assert await get(f"{urls.admin}/connect") == 404
            assert await get("/connect/secrets.txt") == 404
            stranger = await client.post("/connect/token", json={"token": "not ours"})
            assert (stranger.status_code, "Ask for a new one" in stranger.text) == (403, True)
            page = await client.get("/connect?token=abc")
        is_locked_down(page)
        for line in (b"GET *", b"OPTIONS *", b"GET ?x"):
            assert await answered(live.service.http_url, line) == b"404", line


def is_locked_down(page: httpx2.Response) -> None:
    """The connect page runs its own files alone, and tells nothing to anybody."""
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in page.headers  # over TLS alone
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "abc" not in page.text
    assert page.text.count("<script") == page.text.count("<script src=") == 2
    for inline in ("<style", " style=", " onclick=", "javascript:"):
        assert inline not in page.text


async def answered(url: str, line: bytes) -> bytes:
    """The status of a request for no path."""
    at = urlsplit(url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(line + b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    status = (await reader.read()).split(b" ")[1]
    writer.close()
    return status


@pytest.mark.long
@pytest.mark.parametrize("url", ["sqlite", "postgresql"], indirect=True)
async def test_every_attempt_of_every_area_is_held_off(url: str, tmp_path: Path) -> None:
    """Bad credentials, link tokens, other callers' people; a lender is served meanwhile."""
    async with attacked(tmp_path, url) as target:
        for name, area in AREAS.items():
            found = Found(name)
            await area(target, found)
            assert not found.short, "\n".join(found.lines())
