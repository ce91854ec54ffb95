"""Reads the kinds of a plan from one payload per used account.

The vendor puts an account's data points into one answer, so that one request replaces one per
kind. An account in error, or whose linking was given up, is read as well: only its payload shows
whether the account ever delivered data. Archives and uploads have no account and no payload.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from decision_service.domain.accounts import CONNECTED, DISCONNECTED
from decision_service.domain.kinds import Kind
from decision_service.domain.needs import FetchPlan
from decision_service.domain.snapshot import Account, Read
from decision_service.smile.errors import ConflictingItems, Gone, KeysRefused, UpstreamFault
from decision_service.smile.limits import SmileLimits
from decision_service.smile.mapping.answers import PageAnswer, PayloadAnswer
from decision_service.smile.mapping.listings import KindListing
from decision_service.smile.mapping.pages import distinct
from decision_service.smile.reading.applicant import ApplicantReader
from decision_service.smile.reading.builder import SnapshotBuilder
from decision_service.smile.reading.concurrency import run_all
from decision_service.smile.reading.kind_read import KindRead, failed_kind, from_day
from decision_service.smile.reading.lists import kind_or_fault


class PayloadReader:
    """One payload per account, concurrently; a list that the vendor cut is read whole."""

    def __init__(self, reader: ApplicantReader, plan: FetchPlan, limits: SmileLimits) -> None:
        self._reader = reader
        self._limits = limits
        self._first_day = plan.first_day

    async def read(self, builder: SnapshotBuilder) -> None:
        """Read every account that may have delivered, then put each kind together."""
        found: dict[str, dict[Kind, KindRead]] = {}
        kinds = builder.asked

        async def one(account: Account) -> None:
            found[account.id] = await self._account(account, kinds)

        read = [a for a in builder.accounts or () if a.connection_status != DISCONNECTED]
        if kinds:
            await run_all(one(account) for account in read)
        for kind in sorted(kinds):
            builder.parts[kind] = _joined(kind, [found[account.id][kind] for account in read])

    async def _account(self, account: Account, kinds: Iterable[Kind]) -> dict[Kind, KindRead]:
        try:
            answer = await self._reader.payload(account.id)
        except KeysRefused:
            raise
        except UpstreamFault as fault:
            return {kind: _unread(fault, kind, account) for kind in kinds}
        return {kind: await self._kind(kind, answer, account.id) for kind in kinds}

    async def _kind(self, kind: Kind, answer: PayloadAnswer, account_id: str) -> KindRead:
        start = self._first_day if kind is Kind.TRANSACTIONS else None
        items = _items(answer, kind)
        if isinstance(items, PageAnswer) and items.next_cursor:
            return await kind_or_fault(self._reader, kind, start, account_id)
        listed = items.items if isinstance(items, PageAnswer) else items
        try:
            listing = self._reader.listings.kinds[kind]
            return from_day(_part(kind, listing, listed or [], account_id, self._limits), start)
        except UpstreamFault as fault:
            return failed_kind(kind, fault, start)


def _items(answer: PayloadAnswer, kind: Kind) -> list[Any] | PageAnswer[Any]:
    if kind is Kind.IDENTITIES:
        return [answer.identity] if answer.identity else []
    if kind is Kind.LINKS:
        return [answer.insight] if answer.insight else []
    items: list[Any] | PageAnswer[Any] | None = getattr(answer, kind.value)
    return [] if items is None else items


def _part(
    kind: Kind,
    listing: KindListing[Any, Any],
    items: list[Any],
    account_id: str,
    limits: SmileLimits,
) -> KindRead:
    listed = distinct(items, kind.value, limits)
    records = tuple(listing.record(item, account_id) for item in listed.items)
    return KindRead(Read(records, duplicates=listed.duplicates), accounts=frozenset({account_id}))


def _unread(fault: UpstreamFault, kind: Kind, account: Account) -> KindRead:
    """One kind of an account whose payload could not be read.

    Where an account that is not connected has no payload (404), the account delivered no data. Any
    other failure leaves open whether it did, so that no data of the kind may be used.
    """
    if account.connection_status == CONNECTED:
        return KindRead(Read(faults=(fault.missing(kind, account.id),)))
    return KindRead() if isinstance(fault, Gone) else failed_kind(kind, fault)


def _joined(kind: Kind, parts: list[KindRead]) -> KindRead:
    """One kind over all accounts; a fault of the whole kind leaves no records."""
    faults = tuple(fault for part in parts for fault in part.read.faults)
    start = next((part.read.first_day for part in parts if part.read.first_day), None)
    if any(fault.source is None for fault in faults):
        return KindRead(Read(faults=faults, first_day=start))
    records = {record.id: record for part in parts for record in part.read.records}
    if len(records) < sum(len(part.read.records) for part in parts):
        return failed_kind(kind, ConflictingItems(), start)
    duplicates = sum(part.read.duplicates for part in parts)
    accounts = frozenset[str]().union(*(part.accounts for part in parts))
    return KindRead(Read(tuple(records.values()), faults, duplicates, start), accounts=accounts)
