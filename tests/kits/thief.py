"""Somebody who has a copy of the database and the program, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, inspect, text

from decision_service.store.store import open_database

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
