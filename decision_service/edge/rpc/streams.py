"""What stands around every method: the parts that each layer wraps in the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

from decision_service.domain.errors import DeadlineMissed
from decision_service.edge.rpc.call_info import Context

Behaviour: TypeAlias = Callable[[Any, Context], Awaitable[Any]]
"""Takes a request, or an iterator of them, and gives the reply; streams write by themselves."""

READ_SECONDS = 10.0
"""How long a client may leave what was sent to it unread."""

STREAM_SECONDS = 60.0
"""How long a stream of answers (reflection) may stay open."""


async def write(context: Context, message: Any) -> None:
    """Send one message of a stream; a client who does not read it in time is left.

    Nothing can be told to such a client, since it would not read that either.
    """
    try:
        async with asyncio.timeout(READ_SECONDS):
            await context.write(message)
    except TimeoutError:
        context.cancel()
        raise asyncio.CancelledError from None


def streamed(answers: Callable[[Any, Context], AsyncIterator[Any]]) -> Behaviour:
    """A generator of answers as a behaviour that writes them."""

    async def call(requests: Any, context: Context) -> None:
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
