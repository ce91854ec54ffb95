"""Events that the vendor sends, and the partial readings that follow them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from decision_service.decide.snapshots import merged
from decision_service.domain.accounts import INCOME_KINDS, Kind
from decision_service.domain.needs import FetchPlan, WhenTransactions
from decision_service.domain.ports import Clock
from decision_service.domain.snapshot import Account, Read, Snapshot

_UPDATED = (Kind.EINCOMES, Kind.CONTRIBUTIONS, Kind.EMPLOYMENTS, Kind.INCOMES, Kind.LIABILITIES)
KIND_OF: Mapping[str, Kind] = {
    "IDENTITY_ADDED": Kind.IDENTITIES,
    "TRANSACTIONS_ADDED": Kind.TRANSACTIONS,
    "INSIGHT_ADDED": Kind.LINKS,
    "LINK_ADDED": Kind.LINKS,
    **{f"{kind.upper()}_{how}": kind for kind in _UPDATED for how in ("ADDED", "UPDATED")},
}
"""Which kind of data an event of this type has changed.

Types are the service's words, which are stored: an adapter gives each event of its vendor one of
them, or the vendor's own name for what means nothing here.
"""

OVERLAP = timedelta(days=35)
"""How far before the newest known transaction to read: platforms settle within a month."""


class EventAction(StrEnum):
    REVOKED = "revoked"
    CHANGED = "changed"
    ARRIVED = "arrived"
    NOTED = "noted"


class Event(msgspec.Struct, frozen=True):
    """One event: `digest` is the SHA-256 of its body, `kinds` what it says has changed.

    `added` is how many transactions it says are new; 0 where it does not say. `postponed` is when
    the first reading after it was not whole, None while none was.
    """

    id: str
    digest: str
    type: str
    user_id: str = ""
    source: str = ""
    kinds: tuple[Kind, ...] = ()
    added: int = 0
    postponed: datetime | None = None

    @property
    def meaning(self) -> EventAction:
        """The action asked for; none for an unknown type, or an event without a user."""
        return _MEANINGS.get(self.type, EventAction.NOTED) if self.user_id else EventAction.NOTED


_ARRIVALS = ("TASK_FINISHED", "ACCOUNT_SYNC_TASK_FINISHED", "ARCHIVE_ANALYZED", *KIND_OF)
_MEANINGS: Mapping[str, EventAction] = {
    **dict.fromkeys(("ACCOUNT_DISCONNECTED", "ARCHIVE_REVOKED"), EventAction.REVOKED),
    **{f"ACCOUNT_{what}": EventAction.CHANGED for what in ("CREATED", "CONNECTED", "FAILED")},
    **dict.fromkeys(_ARRIVALS, EventAction.ARRIVED),
}
NEEDED_TYPES = tuple(sorted(_MEANINGS))
"""The types that a webhook must be registered for."""

WITHDRAWALS = tuple(one for one in NEEDED_TYPES if _MEANINGS[one] is EventAction.REVOKED)
"""The types by which consent is withdrawn: they are handled before all others."""


class EventReader(Protocol):
    """How a vendor's events arrive, how they are signed, and what each says.

    Events arrive by POST at `path`. `types` are those that the service needs to be sent, `known`
    all that the vendor documents.
    """

    @property
    def path(self) -> str:
        """Where they arrive, beginning with /webhooks/."""

    @property
    def types(self) -> tuple[str, ...]:
        """The vendor's names of those to register for."""

    @property
    def known(self) -> frozenset[str]:
        """The types of `Event.type` that metrics name."""

    def signature_of(self, headers: Mapping[str, str]) -> str:
        """The signature among a request's headers; empty where there is none that could be one."""

    def signing_key(self, given: str, body: bytes, secrets: Sequence[bytes]) -> int | None:
        """The place of the secret that signed exactly these bytes; None where none did."""

    def read(self, body: bytes) -> Event | None:
        """The event in a signed body; None where it is none."""


class Receipt(StrEnum):
    """The result of recording an event; CONFLICT is another body under a known id."""

    NEW = "new"
    SEEN = "seen"
    CONFLICT = "conflict"


class WaitingEvents(msgspec.Struct, frozen=True):
    """How many events are not done, and when the first of them came."""

    count: int
    oldest: datetime | None


class EventLog(Protocol):
    """The record of received events; every method raises StoreUnavailable."""

    async def receive(self, event: Event, now: datetime, *, quarantine: bool) -> Receipt:
        """Record a new event, with the quarantine of its user, durable on return.

        Of one that means nothing, id, digest and type are kept alone.
        """

    async def pending(self, limit: int, now: datetime, *, withdrawals: bool) -> Sequence[Event]:
        """Events that are not done, of users who have one that is due: withdrawals, or the others.

        The oldest come first. An event is due until it is postponed, and again from then on.
        """

    async def postpone(
        self, event_ids: Sequence[str], now: datetime, since: datetime, until: datetime
    ) -> bool:
        """Postpone a user's events together; False where none is due, as another process did it.

        `since` is when the first reading after them was not whole. Durable on return.
        """

    async def done(self, event_ids: Sequence[str]) -> None:
        """Mark events as done and remove the user ids from them."""


class ReceiveEvents(msgspec.Struct, frozen=True, eq=False):
    """Records events, notifies the event worker, and wakes decisions that wait for the user's data.

    Whatever changes what accounts there are, or withdraws consent, quarantines what was read.
    """

    log: EventLog
    clock: Clock
    notify: Callable[[], None]
    nudge: Callable[[str], None]

    async def __call__(self, event: Event) -> Receipt:
        """Record one event; raises StoreUnavailable, upon which the vendor repeats the event."""
        quarantine = event.meaning in (EventAction.REVOKED, EventAction.CHANGED)
        # Durable before the event is acknowledged, since the vendor sends it no more after that.
        receipt = await self.log.receive(event, self.clock.now(), quarantine=quarantine)
        if receipt is Receipt.NEW and event.meaning is not EventAction.NOTED:
            self.nudge(event.user_id)
            self.notify()
        return receipt


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
    """With a kind is read what may replace it; transactions since shortly before the newest."""
    linked = INCOME_KINDS | {Kind.TRANSACTIONS}
    if not change.kinds & linked:
        return FetchPlan(whole.kinds & change.kinds, people=whole.people)
    kinds = whole.kinds & (change.kinds | linked)
    known = old.transactions.records if old.transactions else ()
    if not known:
        return replace(whole, kinds=kinds)
    first = max(one.date for one in known) - OVERLAP
    return replace(
        whole,
        kinds=kinds,
        transactions_from=_no_earlier(whole.transactions_from, first),
        stand_in_from=_no_earlier(whole.stand_in_from, first),
    )


def _no_earlier(day: date | None, first: date) -> date | None:
    return None if day is None else max(day, first)


def applied(old: Snapshot, new: Snapshot, plan: FetchPlan, change: Increment) -> Snapshot | None:
    """The old reading merged with the partial one; None where everything must be read."""
    # What an account brought along, or took with it, is in kinds that were not read.
    if _connections(old.accounts) != _connections(new.accounts):
        return None
    kinds = plan.kinds
    if plan.transactions is not WhenTransactions.NEVER:
        kinds |= {Kind.TRANSACTIONS}
        joined = _joined(old.transactions, new.transactions)
        # Some of the announced ones are older than the days that were read.
        if _count(joined) - _count(old.transactions) < change.added:
            return None
        new = replace(new, transactions=joined)
    return merged(old, new, kinds)


def _joined(old: Read[Any] | None, new: Read[Any] | None) -> Read[Any] | None:
    if old is None or new is None or new.first_day is None:
        return new
    earlier = tuple(record for record in old.records if record.date < new.first_day)
    first = new.first_day if old.first_day is None else min(old.first_day, new.first_day)
    return replace(new, records=earlier + new.records, first_day=first)


def _count(read: Read[Any] | None) -> int:
    return 0 if read is None else len(read.records)


def _connections(accounts: Iterable[Account]) -> set[tuple[object, ...]]:
    return {(one.id, one.connection_status, one.connection_updated_at) for one in accounts}
