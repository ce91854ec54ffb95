"""Turns: work on one user goes one after another in this process, work on others side by side."""

from __future__ import annotations

import asyncio

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

    def of(self, user_id: str) -> Turn:
        """A block that has the user's turn; it says whether others had theirs before."""
        return Turn(self._lines, user_id)


class Turn:
    """Waits for a user's turn, and has it until the block ends."""

    def __init__(self, lines: dict[str, _Line], user_id: str) -> None:
        self._lines = lines
        self._user_id = user_id

    async def __aenter__(self) -> bool:
        """Wait for the turn; whether others had theirs before."""
        line = self._lines.setdefault(self._user_id, _Line(asyncio.Lock()))
        waited = line.waiting > 0
        line.waiting += 1
        try:
            await line.lock.acquire()
        except BaseException:
            self._leave(line)
            raise
        return waited

    async def __aexit__(self, *_: object) -> None:
        """Let the next one have the turn."""
        line = self._lines[self._user_id]
        line.lock.release()
        self._leave(line)

    def _leave(self, line: _Line) -> None:
        line.waiting -= 1
        if not line.waiting:
            del self._lines[self._user_id]
