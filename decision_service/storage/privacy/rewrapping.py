"""The data keys of a store: read at the start, and all users' keys wrapped by the newest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from decision_service.domain.errors import StoreUnavailable
from decision_service.storage.engine import Database
from decision_service.storage.privacy import wrapping
from decision_service.storage.privacy.data_keys import DATA_KEYS, DataKeys

T = TypeVar("T")


class Readable(Protocol):
    """A database, or a reader of one."""

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run read-only work; raises StoreUnavailable."""


async def open_data_keys(
    url: str, path: Path | None, database: Readable, *, make: bool = False
) -> DataKeys:
    """The data keys of a file; with `make` of the file beside SQLite, which is made at need.

    Raises KeysUnfit, also for a key that the store needs.
    """
    used = await database.read(wrapping.data_key_ids)
    beside = DATA_KEYS.beside(url) if make and path is None else None
    keys = await asyncio.to_thread(DATA_KEYS.open, path, used, beside)
    return DataKeys(path or beside, keys)


async def take_over(database: Database, data_keys: DataKeys) -> None:
    """Wrap what a file of one process still has plain, or by an older data key.

    Plain keys are taken out of its log too, unless another program reads it just now.
    """
    if database.shared or data_keys.newest is None:
        return
    await wrap_all(database, data_keys)
    with suppress(StoreUnavailable):
        await database.scrub()


async def wrap_all(database: Database, data_keys: DataKeys) -> int:
    """Wrap every user's key by the newest data key, some in each transaction; how many."""
    wrapped = 0
    while some := await database.write(partial(wrapping.wrap_some, data_keys=data_keys)):
        wrapped += some
    return wrapped
