"""The service that most end-to-end tests share: one start for each test, in a folder of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.e2e.service import Running, running


@pytest_asyncio.fixture
async def live(tmp_path: Path) -> AsyncIterator[Running]:
    """A running service."""
    async with running(tmp_path) as started:
        yield started
