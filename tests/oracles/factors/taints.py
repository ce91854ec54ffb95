"""What spoils a kind of data: failures, old syncs, first syncs that run, contradictions."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import Account, Read
from decision_service.domain.values import Cause, Month
from tests.oracles.factors.applicant import (
    CLAIMS,
    Applicant,
    Feeder,
    Unknown,
    Wait,
    age,
    all_records_of,
    broken,
    connection,
    feeders,
    feeds,
    read_of,
    records_of,
    revoked,
    tasks_of,
    told_of,
)

DAY = timedelta(days=1)


def contradicts_itself(who: Applicant, kind: Kind, concerned: Feeder | None = None) -> bool:
    """Whether two records that count have one id and different content, one of a given feeder."""
    by_id: dict[str, list[Any]] = {}
    for feeder in feeders(who):
        if records_of(who, kind, feeder):
            for id_, contents in told_of(who, kind, feeder).items():
                by_id.setdefault(id_, []).extend(contents)
    for same in by_id.values():
        sources = {record.source for record in same}
        if any(record != same[0] for record in same) and (
            concerned is None or concerned.id in sources
        ):
            return True
    return False


def is_stale(who: Applicant, feeder: Feeder) -> bool:
    """Whether the sync is longer ago than the policy allows; an unknown one is.

    A job that is over has nothing newer.
    """
    if feeder.ended:
        return False
    if feeder.synced is None:
        return True
    return who.as_of.instant - feeder.synced > who.policy.max_age


def is_stale_in(who: Applicant, feeder: Feeder, kind: Kind) -> bool:
    """The same of one kind: of a quiet account income is not, nor what a fresh one shows, too.

    Loans are, wherever it can give any.
    """
    if not is_stale(who, feeder):
        return False
    if not feeder.quiet or kind is Kind.LIABILITIES:
        return True
    if kind in CLAIMS:
        return False
    return not any(
        all_records_of(who, kind, other)
        for other in feeders(who)
        if other.id != feeder.id and other.account is not None and not other.unknown
        if not other.ended and not runs_first_sync(who, other) and not is_stale(who, other)
    )


def runs_first_sync(who: Applicant, feeder: Feeder) -> bool:
    """Whether a first collection of an account has begun and not finished."""
    return any(
        task.type == "LINK_ACCOUNT" and task.finished is None and task.status != "Finished"
        for task in tasks_of(who, feeder.id)
    )


def once_had(who: Applicant, kind: Kind, feeder: Feeder) -> bool:
    """Whether an account of over 60 days had records of a kind in an earlier snapshot.

    One that does not tell when it was created is taken for old, since it had them. What an unknown
    provider once said of income counts no more than what it says now.
    """
    if feeder.account is None or (feeder.unknown and kind in CLAIMS):
        return False
    old = age(who, feeder.account.created_at)
    if old is not None and old <= timedelta(days=60):
        return False
    for known in who.snapshot.known:
        if known.source == feeder.id and known.kind is kind and known.count > 0:
            return True
    return False


def was_read(who: Applicant, kind: Kind, feeder: Feeder) -> bool:
    """Whether a feeder's records of a kind were read without a fault."""
    read = read_of(who, kind)
    if read is None:
        return False
    return all(fault.source is not None and fault.source != feeder.id for fault in read.faults)


def is_expired(who: Applicant, kind: Kind, chosen: list[Feeder]) -> bool:
    """Whether some feeders have no record of a kind, though one of them once had."""
    if any(records_of(who, kind, feeder) for feeder in chosen):
        return False
    return any(once_had(who, kind, one) and was_read(who, kind, one) for one in chosen)


def has_bad_date(who: Applicant, kind: Kind, chosen: list[Feeder] | None = None) -> bool:
    """Whether a day-dated record that counts lies later than tomorrow, or ends before it begins.

    An employment may begin ahead.
    """
    tomorrow = who.as_of.date + DAY
    for feeder in feeders(who) if chosen is None else chosen:
        for record in records_of(who, kind, feeder):
            first = first_day_of(kind, record)
            if first is not None and first > tomorrow and kind is not Kind.EMPLOYMENTS:
                return True
            last = getattr(record, "end", None)
            if first is not None and last is not None and last < first:
                return True
    return False


def first_day_of(kind: Kind, record: Any) -> date | None:
    """The day that a day-dated record begins with; others have none."""
    if kind is Kind.TRANSACTIONS:
        return record.date
    if kind is Kind.IDENTITIES:
        return record.birth_date
    if kind in (Kind.INCOMES, Kind.EMPLOYMENTS, Kind.LIABILITIES):
        return record.start
    return None


def is_of_nobody(who: Applicant, read: Read[Any]) -> bool:
    """Whether a record is of an account that the list of accounts did not have."""
    listed = {one.id for one in (*who.snapshot.accounts, *who.snapshot.sources)}
    return any(record.source not in listed for record in read.records)


def faults_of_kind(who: Applicant, kind: Kind, chosen: list[Feeder] | None = None) -> set[Cause]:
    """What went wrong while a kind was read; a fault of one source only where it feeds the kind."""
    read = read_of(who, kind)
    if read is None:
        return {Cause.NOT_FETCHED}
    causes = {Cause.CHANGED_WHILE_READING} if is_of_nobody(who, read) else set()
    concerned = feeders(who) + broken(who) if chosen is None else chosen
    for fault in read.faults:
        if fault.source is None:
            causes.add(fault.cause)
        for feeder in concerned:
            if fault.source == feeder.id and feeds(who, feeder, kind):
                causes.add(fault.cause)
    return causes


def asked_for_tasks(who: Applicant, account: Account) -> bool:
    """Whether an account is so young that its first sync may still run."""
    old = age(who, account.created_at)
    if account.connection_status == "CONNECTED":
        return old is None or old < DAY
    if account.connection_status == "PENDING":
        return old is None or old < timedelta(minutes=10)
    return False


def first_sync(who: Applicant, account: Account) -> Cause | None:
    """What an account's running first collection makes of its kinds: NOT_FETCHED, later PARTIAL."""
    if account.connection_status == "DISCONNECTED" or who.snapshot.tasks is None:
        return None
    used = account.id in [one.id for one in feeders(who)]
    for fault in who.snapshot.tasks.faults:
        if fault.source == account.id and (used or account.connection_status == "PENDING"):
            return Cause.NOT_FETCHED
        if fault.source is None and asked_for_tasks(who, account):
            return Cause.NOT_FETCHED
    found = set()
    for task in tasks_of(who, account.id):
        if task.type != "LINK_ACCOUNT" or task.finished is not None or task.status == "Finished":
            continue
        since = age(who, task.started)
        late = since is not None and since >= DAY
        found.add(Cause.PARTIAL if late else Cause.NOT_FETCHED)
    if Cause.NOT_FETCHED in found:
        return Cause.NOT_FETCHED
    if found and used:
        return Cause.PARTIAL
    return None


def first_syncs(who: Applicant, kind: Kind) -> set[Cause]:
    """What the first collections that still run make of one kind."""
    causes = set()
    for account in who.snapshot.accounts:
        cause = first_sync(who, account)
        if cause is not None and feeds(who, connection(who, account), kind):
            causes.add(cause)
    return causes


def taints_of_kind(who: Applicant, kind: Kind) -> set[Cause]:
    """Everything that spoils one kind, but that its data is gone."""
    causes = faults_of_kind(who, kind) | first_syncs(who, kind)
    for feeder in broken(who):
        if feeds(who, feeder, kind):
            causes.add(Cause.PARTIAL)
    for feeder in feeders(who):
        if feeds(who, feeder, kind) and is_stale_in(who, feeder, kind):
            causes.add(Cause.STALE)
    if has_bad_date(who, kind) or contradicts_itself(who, kind):
        causes.add(Cause.BAD_DATA)
    return causes


def taints(who: Applicant, kinds: list[Kind], *, documents: bool = True) -> set[Cause | Wait]:
    """Everything that spoils any of the kinds, or the list of accounts they rest on.

    Where nothing feeds the kinds but an account that was revoked, the data has expired; without
    `documents` they feed nothing.
    """
    telling = [one for one in feeders(who) if documents or not one.document]
    causes: set[Cause | Wait] = {fault.cause for fault in who.snapshot.account_faults}
    for kind in kinds:
        causes = causes | taints_of_kind(who, kind)
        if is_expired(who, kind, telling):
            causes.add(Cause.EXPIRED)
    if not any(feeds(who, one, kind) for one in telling for kind in kinds):
        for feeder in revoked(who):
            if any(feeds(who, feeder, kind) for kind in kinds):
                causes.add(Cause.EXPIRED)
    return causes


def refuse_tainted(who: Applicant, kinds: list[Kind]) -> None:
    """Raise Unknown when anything spoils the kinds."""
    causes = taints(who, kinds)
    if causes:
        raise Unknown(*causes)


def month_on(who: Applicant, feeder: Feeder) -> int | None:
    """The month in which an account was disconnected within the last 90 days."""
    updated = None if feeder.account is None else feeder.account.connection_updated_at
    if updated is None or who.as_of.instant - updated > timedelta(days=90):
        return None
    return Month.of(updated.astimezone(who.as_of.zone).date()).index


def hides_income(who: Applicant, feeder: Feeder) -> bool:
    """Whether a revoked account fed the income live until it was disconnected just now."""
    month = month_on(who, feeder)
    if month is None or feeder.unknown:
        return False
    kinds = [Kind.EINCOMES, Kind.INCOMES] + ([Kind.TRANSACTIONS] if feeder.gig else [])
    settled = month - 1 - who.policy.lag_months(feeder.provider_id)
    oldest = settled - 3
    return any(
        known.newest is not None and known.newest >= oldest
        for known in who.snapshot.known
        if known.source == feeder.id and known.kind in kinds
    )
