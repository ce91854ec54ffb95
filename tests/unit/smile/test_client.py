"""When a request counts against the vendor's limit."""

import asyncio

import httpx2

from tests.unit.smile.gathering import opened
from tests.unit.smile.vendor import ok, streamed


class SlowToConnect(httpx2.AsyncBaseTransport):
    """Reports progress as httpcore does; the first connections take 0.6 seconds to be made."""

    def __init__(self, slow):
        self.arrived = []
        self._slow = slow

    async def handle_async_request(self, request):
        trace = request.extensions["trace"]
        await trace("connection.connect_tcp.started", {})
        if self._slow:
            self._slow -= 1
            await asyncio.sleep(0.6)
        await trace("connection.connect_tcp.complete", {})
        await trace("http11.send_request_body.complete", {})
        self.arrived.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.3)
        return streamed(ok({"items": []}))

    def transport(self):
        return self


async def test_a_request_counts_from_when_it_has_left():
    """Requests delayed by their connections hold the next ones back from when they arrived."""
    vendor = SlowToConnect(slow=2)
    async with opened(vendor, requests_per_second=2) as source:
        await asyncio.gather(*(source.refresh_providers() for _ in range(4)))
    arrived = sorted(vendor.arrived)
    assert arrived[2] - arrived[0] >= 1.0
    assert arrived[2] - arrived[0] < 1.2
