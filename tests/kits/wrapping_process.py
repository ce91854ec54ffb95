"""A process of its own that wraps keys and is killed half way."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from pathlib import Path

from sqlalchemy import Connection

from decision_service.store import keys as wrapping
from decision_service.store.keys import DataKeys, open_data_keys, wrap_all
from decision_service.store.store import open_database

_SPAWNING = multiprocessing.get_context("forkserver")
_SPAWNING.set_forkserver_preload(["decision_service.store.store", "tests.kits.decision_log"])


def killed_while_wrapping(url: str, keys: Path, batch: int, batches: int) -> None:
    """Wrap so many batches and another one, within whose transaction the process is killed."""
    process = _SPAWNING.Process(target=_wrap, args=(url, keys, batch, batches))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def _wrap(url: str, keys: Path, batch: int, batches: int) -> None:
    asyncio.run(_wrapped(url, keys, batch, batches))


async def _wrapped(url: str, keys: Path, batch: int, batches: int) -> None:
    wrap_some, left = wrapping.wrap_some, batches

    def fatal(connection: Connection, data_keys: DataKeys) -> int:
        nonlocal left
        wrapped = wrap_some(connection, data_keys)
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return wrapped

    wrapping.BATCH, wrapping.wrap_some = batch, fatal
    database = await open_database(url)
    await wrap_all(database, await open_data_keys(url, keys, database))
