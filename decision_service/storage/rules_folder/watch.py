"""Noticing that a rules folder has changed, once it is quiet again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from watchfiles import awatch

QUIET_MS = 300
"""How long nothing must change before a change counts: an editor's saves come in bursts."""

LONGEST_BURST_MS = 2000


async def changes(root: Path, stop: asyncio.Event) -> AsyncIterator[None]:
    """Yield after each burst of changes below a folder, until `stop` is set.

    A folder that goes away ends the stream; whoever watches begins again.
    """
    async for _ in awatch(
        root, step=QUIET_MS, debounce=LONGEST_BURST_MS, stop_event=stop, recursive=True
    ):
        yield
