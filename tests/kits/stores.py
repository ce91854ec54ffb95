"""Stores of a test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from decision_service.store.engine import SqliteFile
from decision_service.store.sqlite import migrate_sqlite
from decision_service.store.store import Store


def begun(path: Path) -> str:
    """The URL of a store in a file: one that is not there is copied, not made table by table."""
    if not path.exists():
        path.write_bytes(_empty())
        path.chmod(0o600)
    return f"sqlite:///{path}"


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[Store]:
    """A store that is closed whatever happens."""
    if url.startswith("sqlite"):
        begun(Path(url.removeprefix("sqlite:///")))
    async with opened_as_it_is(url, **options) as store:
        yield store


@asynccontextmanager
async def opened_as_it_is(url: str, **options: Any) -> AsyncIterator[Store]:
    """The same of a store that this may make."""
    store = await Store.open(url, **options)
    try:
        yield store
    finally:
        await store.aclose()


@cache
def _empty() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "store.db"
        migrate_sqlite(SqliteFile(file))
        return file.read_bytes()
