"""Reading a store beside the process that it belongs to: no lock, nothing is ever written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol, Self

from decision_service.pipeline.backtest.ports import KeyRange, RangeCounts, RecordedApplicant
from decision_service.pipeline.ports import PagePosition, StoredText
from decision_service.storage import faults
from decision_service.storage.address import SqliteFile, parse_store_url
from decision_service.storage.privacy import snapshots
from decision_service.storage.privacy.data_keys import DataKeys
from decision_service.storage.privacy.rewrapping import Readable, open_data_keys
from decision_service.storage.queries import backtest, texts
from decision_service.storage.queries.decisions import from_microseconds
from decision_service.storage.sqlite.database import read_sqlite


class ReadingDatabase(Readable, Protocol):
    """Runs functions of a connection that can only read."""

    async def aclose(self) -> None:
        """Close every connection."""


class StoreReader:
    """The `BacktestLog` of a store."""

    def __init__(self, database: ReadingDatabase, data_keys: DataKeys) -> None:
        self._database = database
        self._data_keys = data_keys

    @classmethod
    async def open(cls, url: str, data_keys: Path | None = None) -> Self:
        """Read the store that STORE_URL names, by a file of data keys; raises StoreRefused."""
        database = await _opened(url)
        try:
            with faults.opening(parse_store_url(url).shown):
                return cls(database, await open_data_keys(url, data_keys, database))
        except BaseException:
            await database.aclose()
            raise

    async def aclose(self) -> None:
        """Close every connection."""
        await self._database.aclose()

    async def text(self, digest: str) -> StoredText | None:
        return await self._database.read(partial(texts.by_digest, digest=digest))

    async def snapshot(self, user_id: str, snapshot_id: str) -> bytes | None:
        work = partial(snapshots.body, user_id=user_id, snapshot_id=snapshot_id)
        packed = await self._database.read(partial(work, data_keys=self._data_keys))
        return None if packed is None else await snapshots.unpack(packed)

    async def counts(self, product: str, chosen: KeyRange) -> RangeCounts:
        work = partial(backtest.counts, product=product, chosen=chosen)
        return await self._database.read(work)

    async def edges(self, product: str, chosen: KeyRange) -> tuple[datetime, datetime] | None:
        """When the first and the last decision of a range were made; None where there is none."""
        work = partial(backtest.edges, product=product, chosen=chosen)
        found = await self._database.read(work)
        return None if found is None else (from_microseconds(found[0]), from_microseconds(found[1]))

    async def applicants(
        self,
        product: str,
        chosen: KeyRange,
        window: datetime,
        after: PagePosition | None,
        limit: int,
    ) -> Sequence[RecordedApplicant]:
        work = partial(
            backtest.applicants,
            product=product,
            chosen=chosen,
            window=window,
            after=after,
            limit=limit,
        )
        return await self._database.read(work)


async def _opened(url: str) -> ReadingDatabase:
    address = parse_store_url(url)
    if isinstance(address, SqliteFile):
        return await read_sqlite(address)
    from decision_service.storage.postgres.database import read_postgres

    return await read_postgres(address)
