"""Which accounts feed which kind of data, how far each reaches, and what spoils it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause
from decision_service.domain.months import Month
from decision_service.domain.needs import DataPolicy, PartialPolicy
from decision_service.domain.snapshot import Account, Read, Snapshot
from decision_service.domain.time import AsOf

RECORD_KINDS = [kind for kind in Kind if kind is not Kind.ACCOUNTS]


class Unknown(Exception):
    """The factor has no value, for these causes."""

    def __init__(self, *causes: Cause) -> None:
        super().__init__(*causes)
        self.causes = set(causes)


@dataclass(frozen=True)
class Applicant:
    snapshot: Snapshot
    policy: DataPolicy
    as_of: AsOf
    named: tuple[str, ...] = ()
    term_months: int | None = None


@dataclass(frozen=True)
class Feeder:
    """A used account, or an archive, upload or social security record that counts like one."""

    id: str
    provider_id: str
    gig: bool
    supported: tuple[str, ...] | None
    synced: datetime | None
    account: Account | None
    partial: bool


def read_of(who: Applicant, kind: Kind) -> Read[Any] | None:
    """What was read of one kind."""
    return getattr(who.snapshot, kind.value)


def has_delivered(who: Applicant, source_id: str) -> bool:
    """Whether an item of its own, fetched now or in an earlier snapshot, names this account."""
    for kind in RECORD_KINDS:
        read = read_of(who, kind)
        if read is not None and kind is not Kind.LINKS:
            for record in read.records:
                if record.source == source_id:
                    return True
    for known in who.snapshot.known:
        if known.source == source_id and known.count > 0 and known.kind is not Kind.LINKS:
            return True
    return False


def newest(*moments: datetime | None) -> datetime | None:
    """The newest of those that are known."""
    known = [moment for moment in moments if moment is not None]
    return max(known) if known else None


def provider_of(who: Applicant, provider_id: str) -> tuple[bool, tuple[str, ...] | None]:
    """Whether a provider is GIG, and what it supports: the snapshot's word before the file's.

    Of a provider that nobody knows, what it supports is None.
    """
    for provider in who.snapshot.providers:
        if provider.id == provider_id:
            return provider.type == "GIG", provider.supported
    if provider_id in who.policy.provider_types:
        provider = who.policy.provider_types[provider_id]
        return provider.type == "GIG", provider.supported
    return False, None


def connection(who: Applicant, account: Account) -> Feeder:
    """An account as a feeder."""
    gig, supported = provider_of(who, account.provider_id)
    synced = newest(account.connection_updated_at, account.monitor_updated_at)
    partial = account.connection_status != "CONNECTED"
    return Feeder(account.id, account.provider_id, gig, supported, synced, account, partial)


def connections(who: Applicant) -> list[Feeder]:
    """Every account that is connected, or is not but has delivered; revoked ones are gone."""
    found = []
    for account in who.snapshot.accounts:
        if account.connection_status == "DISCONNECTED":
            continue
        if account.connection_status != "CONNECTED" and not has_delivered(who, account.id):
            continue
        found.append(connection(who, account))
    return found


def revoked(who: Applicant) -> list[Feeder]:
    """The accounts whose data must not be used any more."""
    return [
        connection(who, account)
        for account in who.snapshot.accounts
        if account.connection_status == "DISCONNECTED"
    ]


def files(who: Applicant) -> list[Feeder]:
    """Archives, uploads and social security records: like accounts of their own."""
    found = []
    for source in who.snapshot.sources:
        gig, supported = provider_of(who, source.provider_id)
        synced = source.newest_created_at
        found.append(
            Feeder(source.id, source.provider_id, gig, supported, synced, None, partial=False)
        )
    return found


def feeders(who: Applicant) -> list[Feeder]:
    """Everything whose records count: what is partial only where the policy uses it."""
    used = [
        one
        for one in connections(who)
        if not one.partial or who.policy.partial is PartialPolicy.USE
    ]
    return used + files(who)


def broken(who: Applicant) -> list[Feeder]:
    """The accounts that delivered data, do not any more, and are not used."""
    return [
        one for one in connections(who) if one.partial and who.policy.partial is PartialPolicy.REFER
    ]


def records_of(who: Applicant, kind: Kind, feeder: Feeder) -> list[Any]:
    """One feeder's records of a kind, equal ones once."""
    read = read_of(who, kind)
    found: list[Any] = []
    for record in read.records if read is not None else ():
        if record.source == feeder.id and record not in found:
            found.append(record)
    return found


def contradicts_itself(who: Applicant, kind: Kind) -> bool:
    """Whether two records that count have one id and different content."""
    seen: dict[str, Any] = {}
    for feeder in feeders(who):
        for record in records_of(who, kind, feeder):
            if seen.setdefault(record.id, record) != record:
                return True
    return False


def feeds(who: Applicant, feeder: Feeder, kind: Kind) -> bool:
    """Whether a feeder's provider supports the kind, or it gave a record of it all the same.

    An account of an unknown provider may feed anything, a file only what is in it.
    """
    if records_of(who, kind, feeder):
        return True
    if feeder.supported is None:
        return feeder.account is not None
    return kind.value.upper() in feeder.supported


def stands_in(who: Applicant, feeder: Feeder) -> bool:
    """Whether a gig account has neither payroll nor estimates in its whole history."""
    if not feeder.gig:
        return False
    has_payroll = bool(records_of(who, Kind.INCOMES, feeder))
    has_estimates = bool(records_of(who, Kind.EINCOMES, feeder))
    return not has_payroll and not has_estimates


def feeders_of(who: Applicant, kinds: list[Kind]) -> list[Feeder]:
    """The feeders that feed any of the kinds."""
    return [one for one in feeders(who) if any(feeds(who, one, kind) for kind in kinds)]


def lag_of(who: Applicant, provider_id: str) -> int:
    """The posting lag: the first glob that matches."""
    for glob, months in who.policy.posting_lag:
        if fnmatchcase(provider_id, glob):
            return months
    return who.policy.default_lag


def horizon_of(who: Applicant, feeder: Feeder) -> int:
    """The last month of one feeder that is complete and posted, as a Month.index."""
    seen_until = who.as_of.instant
    if feeder.synced is not None and feeder.synced < seen_until:
        seen_until = feeder.synced
    running = Month.of(seen_until.astimezone(who.as_of.zone).date())
    return running.index - 1 - lag_of(who, feeder.provider_id)


def earliest_horizon(who: Applicant, chosen: list[Feeder]) -> int:
    """The horizon of a family: the earliest of its feeders."""
    return min(horizon_of(who, feeder) for feeder in chosen)


def is_stale(who: Applicant, feeder: Feeder) -> bool:
    """Whether the sync is longer ago than the policy allows; an unknown one is."""
    if feeder.synced is None:
        return True
    return who.as_of.instant - feeder.synced > who.policy.max_age


def once_had(who: Applicant, kind: Kind, feeder: Feeder) -> bool:
    """Whether an account of over 60 days had records of a kind in an earlier snapshot.

    One that does not tell when it was created is taken for old, since it had them.
    """
    if feeder.account is None:
        return False
    created = feeder.account.created_at
    if created is not None and who.as_of.instant - created <= timedelta(days=60):
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


def has_bad_date(who: Applicant, kind: Kind) -> bool:
    """Whether a day-dated record that counts lies later than tomorrow, or ends before it begins."""
    tomorrow = who.as_of.date + timedelta(days=1)
    for feeder in feeders(who):
        for record in records_of(who, kind, feeder):
            first = first_day_of(kind, record)
            if first is not None and first > tomorrow:
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


def faults_of_kind(who: Applicant, kind: Kind) -> set[Cause]:
    """What went wrong while a kind was read; a fault of one source only where it feeds the kind."""
    read = read_of(who, kind)
    if read is None:
        return {Cause.NOT_FETCHED}
    causes = set()
    for fault in read.faults:
        if fault.source is None:
            causes.add(fault.cause)
        for feeder in feeders(who) + broken(who):
            if fault.source == feeder.id and feeds(who, feeder, kind):
                causes.add(fault.cause)
    return causes


def taints_of_kind(who: Applicant, kind: Kind) -> set[Cause]:
    """Everything that spoils one kind, but that its data is gone."""
    causes = faults_of_kind(who, kind)
    for feeder in broken(who):
        if feeds(who, feeder, kind):
            causes.add(Cause.PARTIAL)
    for feeder in feeders(who):
        if feeds(who, feeder, kind) and is_stale(who, feeder):
            causes.add(Cause.STALE)
    if has_bad_date(who, kind) or contradicts_itself(who, kind):
        causes.add(Cause.BAD_DATA)
    return causes


def taints(who: Applicant, kinds: list[Kind]) -> set[Cause]:
    """Everything that spoils any of the kinds, or the list of accounts they rest on.

    Where nothing feeds the kinds but an account that was revoked, the data has expired.
    """
    causes = {fault.cause for fault in who.snapshot.account_faults}
    for kind in kinds:
        causes = causes | taints_of_kind(who, kind)
        if is_expired(who, kind, feeders(who)):
            causes.add(Cause.EXPIRED)
    if not feeders_of(who, kinds):
        for feeder in revoked(who):
            if any(feeds(who, feeder, kind) for kind in kinds):
                causes.add(Cause.EXPIRED)
    return causes


def refuse_tainted(who: Applicant, kinds: list[Kind]) -> None:
    """Raise Unknown when anything spoils the kinds."""
    causes = taints(who, kinds)
    if causes:
        raise Unknown(*causes)
