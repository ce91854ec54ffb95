"""Partial readings after an event: only the changed kinds and dates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from decision_service.domain.kinds import INCOME_KINDS, Kind
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.snapshot import Account, Read, Snapshot
from decision_service.pipeline.snapshots.cache import merged
from decision_service.pipeline.snapshots.events import Event

OVERLAP = timedelta(days=35)
"""How far before the newest known transaction to read: platforms settle within a month."""


class Increment(msgspec.Struct, frozen=True):
    """Changes named by events; no kinds means all. `added` counts new transactions."""

    kinds: frozenset[Kind] = frozenset()
    added: int = 0


EVERYTHING = Increment()


def change_of(events: Sequence[Event]) -> Increment:
    """The union of several events' changes; an event without kinds concerns all kinds."""
    if not all(event.kinds for event in events):
        return EVERYTHING
    kinds = frozenset(kind for event in events for kind in event.kinds)
    return Increment(kinds, sum(event.added for event in events))


def plan_of(change: Increment, whole: FetchPlan, old: Snapshot) -> FetchPlan:
    """The part of a plan that reads these kinds; what stands in for another is read with it.

    Of transactions only those since shortly before the newest that is known.
    """
    linked = INCOME_KINDS | {Kind.TRANSACTIONS}
    if not change.kinds & linked:
        return FetchPlan(whole.kinds & change.kinds, people=whole.people)
    kinds = whole.kinds & (change.kinds | linked)
    newest = _newest(old)
    if newest is None:
        return replace(whole, kinds=kinds)
    first = newest - OVERLAP
    return replace(
        whole,
        kinds=kinds,
        transactions_from=_later(whole.transactions_from, first),
        stand_in_from=_later(whole.stand_in_from, first),
    )


def applied(old: Snapshot, new: Snapshot, plan: FetchPlan, change: Increment) -> Snapshot | None:
    """The old reading merged with the partial one; None where everything must be read.

    That is so where an account was connected or lost meanwhile, and where fewer transactions are
    new than the events told of: then some of them are older than what was read.
    """
    if _connections(old.accounts) != _connections(new.accounts):
        return None
    kinds = plan.kinds
    if plan.transactions is not WhenTransactions.NEVER:
        kinds |= {Kind.TRANSACTIONS}
        joined = _joined(old.transactions, new.transactions)
        if _count(joined) - _count(old.transactions) < change.added:
            return None
        new = msgspec.structs.replace(new, transactions=joined)
    return merged(old, new, kinds)


def _joined(old: Read[Any] | None, new: Read[Any] | None) -> Read[Any] | None:
    """The old records before the first day of the new ones, and these."""
    if old is None or new is None or new.first_day is None:
        return new
    earlier = tuple(record for record in old.records if record.date < new.first_day)
    first = new.first_day if old.first_day is None else min(old.first_day, new.first_day)
    return msgspec.structs.replace(new, records=earlier + new.records, first_day=first)


def _count(read: Read[Any] | None) -> int:
    return 0 if read is None else len(read.records)


def _newest(snapshot: Snapshot) -> date | None:
    read = snapshot.transactions
    return None if read is None else max((one.date for one in read.records), default=None)


def _later(wanted: date | None, first: date) -> date | None:
    return None if wanted is None else max(wanted, first)


def _connections(accounts: Iterable[Account]) -> set[tuple[object, ...]]:
    return {(one.id, one.connection_status, one.connection_updated_at) for one in accounts}
