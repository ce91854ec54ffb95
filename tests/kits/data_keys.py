"""A thief with a copy of the database, and a process that is killed while it wraps keys."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, inspect, text

from decision_service.store import keys as wrapping
from decision_service.store.keys import DataKeys, open_data_keys, wrap_all
from decision_service.store.store import open_database

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

KEY, NONCE, TAG = 32, 12, 16

Row = tuple[str, tuple[bytes, ...]]

"""A table and the values of one of its rows."""


async def stolen_rows(url: str) -> list[Row]:
    database = await open_database(url)
    try:
        return await database.read(_every_row)
    finally:
        await database.aclose()


def decrypted(rows: Iterable[Row]) -> set[bytes]:
    """Whatever 32 bytes of any value open in any row, also by keys that were found so."""
    kept = [*rows]
    found, keys = set[bytes](), {key for _, row in kept for one in row for key in _windows(one)}
    while keys:
        new = {one for key in keys for one in _opened(AESGCM(key), kept)} - found
        found |= new
        keys = {key for one in new for key in _windows(one)}
    return found


def _every_row(connection: Connection) -> list[Row]:
    return [
        (table, tuple(_bytes(one) for one in row if one is not None))
        for table in inspect(connection).get_table_names()
        for row in connection.execute(text(f"SELECT * FROM {table}"))
    ]


def _opened(cipher: AESGCM, rows: Iterable[Row]) -> Iterator[bytes]:
    for table, row in rows:
        bodies = [one for one in row if len(one) > NONCE + TAG]
        bound = [b"", *row, *(f"key in {table} of ".encode() + one for one in row)]
        for body in bodies:
            for about in bound:
                try:
                    yield cipher.decrypt(body[:NONCE], body[NONCE:], about)
                except InvalidTag:
                    continue


def _windows(value: bytes) -> Iterator[bytes]:
    return (value[at : at + KEY] for at in range(len(value) - KEY + 1))


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


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
