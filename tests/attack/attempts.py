"""What these attacks need of a target, and what they make of its answers."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import grpc
import httpx

from tests.e2e.team import Metadata, Team
from tests.kits.until import until

Result = tuple[str, bool]
"""What was tried, and whether it held."""


class Target(Protocol):
    """A service with TLS and tokens; `lender` and `other` both have the roles decide and onboard.

    Attacks are made as `other` on what `lender` made.
    """

    team: Team
    lender: Metadata
    other: Metadata

    @property
    def http_url(self) -> str:
        """The HTTP address."""

    def trust(self) -> ssl.SSLContext:
        """A client's TLS that trusts the service's authority."""

    def channel(self) -> AbstractAsyncContextManager[grpc.aio.Channel]:
        """A channel on a connection of its own."""


@asynccontextmanager
async def client_at(target: Target, address: str) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client at one of the machine's loopback addresses."""
    transport = httpx.AsyncHTTPTransport(verify=target.trust(), local_address=address)
    url = target.http_url
    async with httpx.AsyncClient(base_url=url, transport=transport, timeout=20) as client:
        yield client


async def code(call: Awaitable[Any]) -> grpc.StatusCode:
    """The status code of a call."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def known(call: Callable[[], Awaitable[Any]]) -> None:
    """Wait until a caller that was just let in is known to the service."""

    async def answer() -> grpc.StatusCode:
        return await code(call())

    await until(answer, lambda one: one is not grpc.StatusCode.UNAUTHENTICATED)


async def told(call: Awaitable[Any]) -> str:
    """All that a call is answered with: the code, the sentence, and every detail."""
    try:
        return str(await call)
    except grpc.aio.AioRpcError as error:
        trailing = sorted((key, str(value)) for key, value in error.trailing_metadata() or ())
        return f"{error.code()} {error.details()} {trailing}"
