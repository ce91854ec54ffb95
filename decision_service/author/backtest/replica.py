"""Reads a store while another process serves from it: recorded applicants by ranges of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec
import sqlalchemy as sa

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.author.backtest.sums import KnownLoan
from decision_service.domain.decision import Outcome, ReferKind
from decision_service.domain.ports import PagePosition, StoredEntry, StoredText
from decision_service.rollout.impact import Side
from decision_service.server.transport.wire import enum_name, money_from_message
from decision_service.store import errors as faults
from decision_service.store import rollouts as texts
from decision_service.store import snapshots
from decision_service.store.columns import from_microseconds, microseconds
from decision_service.store.decisions import OF_ENTRY, decisions, entry_of
from decision_service.store.engine import Readable, SqliteFile, parse_store_url
from decision_service.store.history import history
from decision_service.store.keys import DataKeys, open_data_keys
from decision_service.store.sqlite import read_sqlite

T = TypeVar("T")


class KeyRange(msgspec.Struct, frozen=True):
    """The decisions from `since` to before `before`."""

    since: datetime
    before: datetime


class RecordedApplicant(msgspec.Struct, frozen=True):
    entry: StoredEntry
    loan: KnownLoan | None = None


class RangeCounts(msgspec.Struct, frozen=True):
    """How many decisions a range has; the instants of the first and the last, None without any."""

    decided: int
    not_enrolled: int
    first: datetime | None = None
    last: datetime | None = None


_ROW = decisions.c
_NOT_ENROLLED = Outcome.NOT_ENROLLED.value
_PLACE = sa.tuple_(_ROW.created, _ROW.decision_id)
_EARLIER = decisions.alias("earlier").c
_REPEATED = sa.exists().where(
    _EARLIER.user_id == _ROW.user_id,
    # As an expression, since by the index of products SQLite would read all earlier decisions.
    _EARLIER.product + "" == _ROW.product,
    _EARLIER.outcome != _NOT_ENROLLED,
    _EARLIER.created >= sa.bindparam("window"),
    sa.tuple_(_EARLIER.created, _EARLIER.decision_id) < _PLACE,
)
IN_RANGE = (
    _ROW.product == sa.bindparam("product"),
    _ROW.created >= sa.bindparam("since"),
    _ROW.created < sa.bindparam("before"),
)
_LOANS = (history.c.overdue_loans, history.c.open_loans, history.c.repaid_loans, history.c.drawn)
_FIRSTS = (
    sa.select(*OF_ENTRY, *_LOANS)
    .outerjoin(history, history.c.decision_id == _ROW.decision_id)
    .where(*IN_RANGE, _ROW.outcome != _NOT_ENROLLED, ~_REPEATED)
    .order_by(_ROW.created, _ROW.decision_id)
    .limit(sa.bindparam("most"))
)
_AFTER = _FIRSTS.where(sa.tuple_(sa.bindparam("created"), sa.bindparam("decision_id")) < _PLACE)
_COUNTS = sa.select(
    sa.func.count().filter(_ROW.outcome != _NOT_ENROLLED),
    sa.func.count().filter(_ROW.outcome == _NOT_ENROLLED),
    sa.func.min(_ROW.created),
    sa.func.max(_ROW.created),
).where(*IN_RANGE)


def applicants(
    connection: sa.Connection,
    product: str,
    chosen: KeyRange,
    window: datetime,
    after: PagePosition | None,
    limit: int,
) -> Sequence[RecordedApplicant]:
    given: dict[str, Any] = {"window": microseconds(window), "most": limit}
    given |= range_of(product, chosen)
    if after is None:
        return [_applicant(row) for row in connection.execute(_FIRSTS, given)]
    reached = microseconds(after.created)
    given |= {"since": reached, "created": reached, "decision_id": after.decision_id}
    return [_applicant(row) for row in connection.execute(_AFTER, given)]


def counts(connection: sa.Connection, product: str, chosen: KeyRange) -> RangeCounts:
    decided, not_enrolled, *edges = connection.execute(_COUNTS, range_of(product, chosen)).one()
    instants = (None if edge is None else from_microseconds(edge) for edge in edges)
    return RangeCounts(decided, not_enrolled, *instants)


def range_of(product: str, chosen: KeyRange) -> dict[str, Any]:
    since = microseconds(chosen.since)
    before = microseconds(chosen.before)
    return {"product": product, "since": since, "before": before}


def _applicant(row: Sequence[Any]) -> RecordedApplicant:
    columns = row[: -len(_LOANS)]
    loans = row[-len(_LOANS) :]
    # Without any of these no loan was reported, or none was taken up.
    loan = KnownLoan(bad=bool(loans[0])) if any(loans) else None
    return RecordedApplicant(entry_of(columns), loan)


class StoreReader:
    """Applicants of a store; every method raises StoreUnavailable."""

    def __init__(self, database: Readable, data_keys: DataKeys) -> None:
        self._database = database
        self._data_keys = data_keys

    @classmethod
    async def open(cls, url: str, data_keys: Path | None = None) -> Self:
        """Read the store that STORE_URL names, by a file of data keys; raises StoreRefused."""
        database = await read_store(url)
        try:
            with faults.opening(parse_store_url(url).shown):
                return cls(database, await open_data_keys(url, data_keys, database))
        except BaseException:
            await database.aclose()
            raise

    async def aclose(self) -> None:
        await self._database.aclose()

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Run read-only work."""
        return await self._database.read(work)

    def side(self, reply: bytes) -> Side:
        """The outcome with amount, instalment and reasons of a recorded reply."""
        decision = service_pb.CreateDecisionResponse.FromString(reply).decision
        outcome = Outcome(enum_name(pb.Outcome.DESCRIPTOR, decision.outcome))
        kind = decision.refer_kind
        offer = decision.offer
        amount = None
        instalment = None
        if outcome is Outcome.APPROVE and decision.HasField("offer"):
            amount = money_from_message(offer.approved_amount).minor
            if "instalment" in offer.outputs and offer.outputs["instalment"].HasField("money"):
                instalment = money_from_message(offer.outputs["instalment"].money).minor
        return Side(
            outcome,
            ReferKind(enum_name(pb.ReferKind.DESCRIPTOR, kind)) if kind else None,
            amount,
            instalment=instalment,
            reduced=amount is not None and offer.kind == pb.OFFER_KIND_REDUCED,
            codes=tuple(reason.code for reason in decision.reasons),
        )

    async def text(self, digest: str) -> StoredText | None:
        return await self._database.read(partial(texts.by_digest, digest=digest))

    async def snapshot(self, user_id: str, snapshot_id: str) -> bytes | None:
        work = partial(snapshots.body, user_id=user_id, snapshot_id=snapshot_id)
        return await self._database.read(partial(work, data_keys=self._data_keys))

    async def counts(self, product: str, chosen: KeyRange) -> RangeCounts:
        return await self._database.read(partial(counts, product=product, chosen=chosen))

    async def applicants(
        self,
        product: str,
        chosen: KeyRange,
        window: datetime,
        after: PagePosition | None,
        limit: int,
    ) -> Sequence[RecordedApplicant]:
        """Applicants whose first decision since `window` is in the range; oldest first."""
        return await self._database.read(
            lambda connection: applicants(
                connection, product, chosen, window=window, after=after, limit=limit
            )
        )


async def read_store(url: str) -> Readable:
    """Raises StoreRefused."""
    address = parse_store_url(url)
    if isinstance(address, SqliteFile):
        return await read_sqlite(address)
    from decision_service.store.postgres import read_postgres

    return await read_postgres(address)
