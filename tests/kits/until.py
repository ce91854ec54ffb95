"""Waiting for what comes true by itself, however busy the machine is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, TypeVar

Found = TypeVar("Found")
PATIENCE = 300.0


async def until(
    look: Callable[[], Found | Awaitable[Found]],
    enough: Callable[[Any], object] = bool,
    pause: float = 0.02,
) -> Found:
    """Look until what is found is enough, and return it; TimeoutError after five minutes."""
    async with asyncio.timeout(PATIENCE):
        while True:
            seen = look()
            found = await seen if isawaitable(seen) else seen
            if enough(found):
                return found
            await asyncio.sleep(pause)
