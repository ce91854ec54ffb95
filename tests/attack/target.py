"""What an attack is made on: a service with TLS, callers with roles, and how to reach both."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import httpx

from tests.e2e.team import Metadata

CALLERS: Mapping[str, tuple[str, ...]] = {
    "desk": ("onboard", "decide"),
    "other": ("onboard", "decide", "outcomes", "rules", "rollout"),
    "operator": ("operate",),
}
"""The callers that attacks use, by name, with their roles; `other` is the one that attacks."""

Result = tuple[str, bool]
"""What was tried, and whether it held."""


@dataclass(frozen=True, slots=True)
class Target:
    """A service: an open channel, the HTTP address, the authority of both, and shown tokens.

    `user_id` is a person with data.
    """

    channel: grpc.aio.Channel
    http_url: str
    authority: ssl.SSLContext
    callers: Mapping[str, Metadata]
    user_id: str

    @asynccontextmanager
    async def client(self, address: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
        """An HTTP client at one of the machine's loopback addresses."""
        transport = httpx.AsyncHTTPTransport(verify=self.authority, local_address=address)
        async with httpx.AsyncClient(
            base_url=self.http_url, transport=transport, timeout=20
        ) as client:
            yield client


async def code(call: Awaitable[Any]) -> grpc.StatusCode:
    """The status code of a call."""
    try:
        await call
    except grpc.RpcError as error:
        return error.code()  # type: ignore[no-any-return, attr-defined]  # of every call's error
    return grpc.StatusCode.OK


async def told(call: Awaitable[Any]) -> str:
    """All that a call is answered with: the code, the sentence, and every detail."""
    try:
        return str(await call)
    except grpc.RpcError as error:
        failed: Any = error
        trailing = sorted((key, value) for key, value in failed.trailing_metadata() or ())
        return f"{failed.code()} {failed.details()} {trailing}"
