"""Reading the vendor only under the request's lease: once among all processes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from decision_service.domain.needs import FetchPlan
from decision_service.domain.snapshot import KnownCount, Provider
from decision_service.pipeline.ports import FetchResult, SnapshotSource, StoredEntry


class DecidedElsewhere(Exception):
    """Another process has decided the request meanwhile; this is its decision."""

    def __init__(self, entry: StoredEntry) -> None:
        super().__init__()
        self.entry = entry


class LeasedSource:
    """The vendor as a source that takes the request's lease before the first vendor call."""

    def __init__(self, source: SnapshotSource, claim: Callable[[], Awaitable[None]]) -> None:
        self._source = source
        self._claim = claim

    async def gather(
        self,
        user_id: str,
        plan: FetchPlan,
        *,
        as_of: datetime,
        stop_at: float,
        wait_until: float,
        known: Sequence[KnownCount],
        fallback: Mapping[str, Provider],
    ) -> FetchResult:
        """As the source's; raises the errors of the claim as well."""
        await self._claim()
        return await self._source.gather(
            user_id,
            plan,
            as_of=as_of,
            stop_at=stop_at,
            wait_until=wait_until,
            known=known,
            fallback=fallback,
        )
