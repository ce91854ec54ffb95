"""Turns: work on one user goes one after another in this process, work on others side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec


class _Line(msgspec.Struct):
    lock: asyncio.Lock
    waiting: int = 0


class Turns:
    """One lock for each user who is being decided on; first come, first served.

    Decisions of other processes are kept apart by the commit. Without turns, many at once on one
    user would each be decided as often as others come first.
    """

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    def __len__(self) -> int:
        """Return how many users there is a lock for."""
        return len(self._lines)

    @asynccontextmanager
    async def of(self, user_id: str) -> AsyncIterator[bool]:
        """Wait for the user's turn, until the block ends; whether others had theirs before."""
        line = self._lines.setdefault(user_id, _Line(asyncio.Lock()))
        waited = line.waiting > 0
        line.waiting += 1
        try:
            async with line.lock:
                yield waited
        finally:
            line.waiting -= 1
            if not line.waiting:
                del self._lines[user_id]
