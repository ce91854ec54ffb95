"""Streams of replies: each message within its time, and the stream within its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from decision_service.domain.errors import DeadlineMissed
from decision_service.edge.rpc.context import CLIENT_SECONDS, Behaviour, RpcContext

STREAM_SECONDS = 60.0
"""How long a stream of answers (reflection) may stay open."""


async def write(context: RpcContext, message: Any) -> None:
    """Send one message of a stream; the call of a client who does not read it in time is cancelled.

    No other status reaches such a client, since it would not read that either.
    """
    try:
        async with asyncio.timeout(CLIENT_SECONDS):
            await context.write(message)
    except TimeoutError:
        context.cancel()
        raise asyncio.CancelledError from None


def streamed(answers: Callable[[Any, RpcContext], AsyncIterator[Any]]) -> Behaviour:
    """A generator of replies as a behaviour that writes them."""

    async def call(requests: Any, context: RpcContext) -> None:
        try:
            async with asyncio.timeout(STREAM_SECONDS) as limit:
                async for answer in answers(requests, context):
                    await write(context, answer)
        except TimeoutError:
            if not limit.expired():
                raise
            raise DeadlineMissed(
                f"the stream was open for {STREAM_SECONDS:.0f} seconds: begin another"
            ) from None

    return call
