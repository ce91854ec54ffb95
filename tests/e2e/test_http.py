"""Which paths are at which address of HTTP."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import httpx2

from tests.e2e.service import Running


async def test_health_and_metrics_have_an_address_of_their_own(shared: Running) -> None:
    """Pages and events are not there, nor they among these."""
    urls, asked = shared.service.http, ("healthz", "livez", "metrics")
    async with httpx2.AsyncClient() as client:

        async def get(url: str) -> int:
            return (await client.get(url)).status_code

        assert [await get(f"{urls.admin}/{path}") for path in asked] == [200, 200, 200]
        assert await get(f"{urls.admin}/connect") == 404
        assert await get(f"{urls.public}/connect") == 200
        assert [await get(f"{urls.public}/{path}") for path in asked] == [404, 404, 404]


async def test_a_request_for_no_path_is_no_fault(shared: Running) -> None:
    """`*` and an empty path are answered as what is not there."""
    at = urlsplit(shared.service.http_url)
    for line in (b"GET *", b"OPTIONS *", b"GET ?x"):
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        writer.write(line + b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert (await reader.read()).split(b" ")[1] == b"404", line
        writer.close()
