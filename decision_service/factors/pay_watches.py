"""What readings of an account, one after the other, showed of its pay."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta

from msgspec.structs import replace

from decision_service.domain.accounts import CONNECTED, DISCONNECTED
from decision_service.domain.snapshot import Account, PayWatch, Snapshot
from decision_service.factors.payroll import is_pay, last_day_of
from decision_service.factors.usage import synced_at

LONGEST_PAUSE = timedelta(days=16)
"""Between two readings; after a longer pause nothing says when a period came."""
MOST_SIGHTS = 24
"""Of one account: a year of half months."""


def watched(snapshot: Snapshot, before: Snapshot | None) -> Snapshot:
    """A reading with what it and the ones before it showed of each account's pay.

    An account whose payroll was not read, or not without a fault, keeps what was known of it; of
    one that was disconnected nothing is kept.
    """
    known = {watch.source: watch for watch in (before.watches if before else ())}
    found = []
    for account in sorted(snapshot.accounts, key=lambda one: one.id):
        if account.connection_status == DISCONNECTED:
            continue
        watch = known.get(account.id)
        synced = synced_at(account, snapshot)
        if synced is not None and _is_whole(snapshot, account):
            watch = _seen(account.id, _ends(snapshot, account), synced, old=watch)
        if watch is not None:
            found.append(watch)
    return replace(snapshot, watches=tuple(found))


def _is_whole(snapshot: Snapshot, account: Account) -> bool:
    read = snapshot.incomes
    if read is None or account.connection_status != CONNECTED:
        return False
    # A fault that names no account may be of this one.
    return all(fault.source not in (None, account.id) for fault in read.faults)


def _ends(snapshot: Snapshot, account: Account) -> Collection[date]:
    records = snapshot.incomes.records if snapshot.incomes else ()
    return {last_day_of(one) for one in records if one.source == account.id and is_pay(one)}


def _seen(
    source: str, ends: Collection[date], synced: datetime, old: PayWatch | None
) -> PayWatch | None:
    """The watch after a reading; begun anew where there was none or the pause was too long."""
    if not ends or (old is not None and synced < old.latest):
        return old
    if old is None or synced - old.latest > LONGEST_PAUSE:
        seen = old.sights if old else ()
        # What a first reading has came at some time before it, and nothing says when.
        return PayWatch(source, max(synced.date(), *ends), synced, sights=seen)
    sights = dict(old.sights)
    for end in ends:
        if end > old.since:
            sights.setdefault(end, synced)
    kept = sorted(sights.items())
    dropped = kept[:-MOST_SIGHTS]
    # A dropped period, or one that comes late after it, would else be seen as new.
    since = max([old.since, *(end for end, _ in dropped)])
    return PayWatch(source, since, synced, sights=tuple(kept[-MOST_SIGHTS:]))
