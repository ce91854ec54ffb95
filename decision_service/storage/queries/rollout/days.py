"""The days of products, which approvals of all processes count one after another."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, func, select

_LOCK = select(func.pg_advisory_xact_lock(bindparam("lock")))


def hold_days(connection: Connection, products: Iterable[str]) -> None:
    """Hold the products' days until the transaction ends; of a SQLite file there is one writer."""
    if connection.dialect.name == "postgresql":
        for lock in sorted(_lock_of(product) for product in products):
            connection.execute(_LOCK, {"lock": lock})


def _lock_of(product: str) -> int:
    digest = hashlib.sha256(f"day of {product}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
