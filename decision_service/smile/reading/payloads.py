"""Reads the kinds of a plan from one payload per used account.

The vendor puts an account's data points into one answer, so that one request replaces one per
kind. An account in error or in an attempt that was given up is asked as well: only what it gives
tells whether it ever delivered anything. Archives and uploads have no account and are not read
this way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from decision_service.domain.accounts import CONNECTED, DISCONNECTED
from decision_service.domain.kinds import Kind
from decision_service.domain.needs import FetchPlan
from decision_service.domain.snapshot import Account, Read
from decision_service.smile.errors import Contradiction, Fault, Gone, KeysRefused
from decision_service.smile.limits import Limits
from decision_service.smile.mapping.answers import Page, PayloadAnswer
from decision_service.smile.mapping.listings import LISTINGS
from decision_service.smile.mapping.pages import distinct
from decision_service.smile.reading.applicant import Applicant
from decision_service.smile.reading.builder import Findings
from decision_service.smile.reading.concurrency import together
from decision_service.smile.reading.kind_read import Part, since, without
from decision_service.smile.reading.lists import part_or_fault
from decision_service.smile.reading.transactions import first_day


class Payloads:
    """One payload per account, side by side; a list that the vendor cut is read whole."""

    def __init__(self, applicant: Applicant, plan: FetchPlan, limits: Limits) -> None:
        self._applicant = applicant
        self._limits = limits
        self._first_day = first_day(plan)

    async def read(self, findings: Findings) -> None:
        """Read every account that may have delivered, then put each kind together."""
        found: dict[str, dict[Kind, Part]] = {}
        kinds = findings.asked

        async def one(account: Account) -> None:
            found[account.id] = await self._account(account, kinds)

        read = [a for a in findings.accounts or () if a.connection_status != DISCONNECTED]
        if kinds:
            await together(one(account) for account in read)
        for kind in sorted(kinds):
            findings.parts[kind] = _joined(kind, [found[account.id][kind] for account in read])

    async def _account(self, account: Account, kinds: Iterable[Kind]) -> dict[Kind, Part]:
        try:
            answer = await self._applicant.payload(account.id)
        except KeysRefused:
            raise
        except Fault as fault:
            return {kind: _unread(fault, kind, account) for kind in kinds}
        return {kind: await self._kind(kind, answer, account.id) for kind in kinds}

    async def _kind(self, kind: Kind, answer: PayloadAnswer, account_id: str) -> Part:
        start = self._first_day if kind is Kind.TRANSACTIONS else None
        items = _items(answer, kind)
        if isinstance(items, Page) and items.next_cursor:
            return await part_or_fault(self._applicant, kind, start, account_id)
        listed = items.items if isinstance(items, Page) else items
        try:
            return since(_part(kind, listed or [], account_id, self._limits), start)
        except Fault as fault:
            return without(kind, fault, start)


def _items(answer: PayloadAnswer, kind: Kind) -> list[Any] | Page[Any]:
    if kind is Kind.IDENTITIES:
        return [answer.identity] if answer.identity else []
    if kind is Kind.LINKS:
        return [answer.insight] if answer.insight else []
    items: list[Any] | Page[Any] | None = getattr(answer, kind.value)
    return [] if items is None else items


def _part(kind: Kind, items: list[Any], account_id: str, limits: Limits) -> Part:
    listed = distinct(items, kind.value, limits)
    records = tuple(LISTINGS[kind].record(item, account_id) for item in listed.items)
    return Part(Read(records, duplicates=listed.duplicates), accounts=frozenset({account_id}))


def _unread(fault: Fault, kind: Kind, account: Account) -> Part:
    """What a payload that could not be read leaves of a kind.

    Of an account that is not connected, one that is not there tells that it delivered nothing;
    any other failure leaves open whether it did, so that nothing of the kind may be used.
    """
    if account.connection_status == CONNECTED:
        return Part(Read(faults=(fault.missing(kind, account.id),)))
    return Part() if isinstance(fault, Gone) else without(kind, fault)


def _joined(kind: Kind, parts: list[Part]) -> Part:
    """One kind over all accounts; a fault of the whole kind leaves nothing to use of it."""
    faults = tuple(fault for part in parts for fault in part.read.faults)
    start = next((part.read.first_day for part in parts if part.read.first_day), None)
    if any(fault.source is None for fault in faults):
        return Part(Read(faults=faults, first_day=start))
    records = {record.id: record for part in parts for record in part.read.records}
    if len(records) < sum(len(part.read.records) for part in parts):
        return without(kind, Contradiction(), start)
    duplicates = sum(part.read.duplicates for part in parts)
    accounts = frozenset[str]().union(*(part.accounts for part in parts))
    return Part(Read(tuple(records.values()), faults, duplicates, start), accounts=accounts)
