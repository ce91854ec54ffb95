"""Stores of a test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from decision_service.store.store import Store


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[Store]:
    """A store that is closed whatever happens."""
    store = await Store.open(url, **options)
    try:
        yield store
    finally:
        await store.aclose()
