"""What a target answers: codes, all that is told, and clients at other loopback addresses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import httpx2

from tests.attack.target import Target
from tests.kits.until import until

Result = tuple[str, bool]
"""What was tried, and whether it held."""


@asynccontextmanager
async def client_at(target: Target, address: str) -> AsyncIterator[httpx2.AsyncClient]:
    """An HTTP client at one of the machine's loopback addresses."""
    transport = httpx2.AsyncHTTPTransport(verify=target.trust(), local_address=address)
    url = target.http_url
    async with httpx2.AsyncClient(base_url=url, transport=transport, timeout=20) as client:
        yield client


async def code(call: Awaitable[Any]) -> grpc.StatusCode:
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
