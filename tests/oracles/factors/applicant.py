"""Which accounts feed which kind of data, how far each reaches, and what spoils it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
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


@dataclass(frozen=True)
class Feeder:
    """A used account, or an archive, upload or social security record that counts like one."""

    id: str
    provider_id: str
    gig: bool
    supported: tuple[str, ...]
    synced: datetime | None
    account: Account | None
    partial: bool


def read_of(who: Applicant, kind: Kind) -> Read[Any] | None:
    """What was read of one kind."""
    return getattr(who.snapshot, kind.value)


def has_delivered(who: Applicant, source_id: str) -> bool:
    """Whether an item fetched now or an earlier snapshot names this account."""
    for kind in RECORD_KINDS:
        read = read_of(who, kind)
        if read is not None:
            for record in read.records:
                if record.source == source_id:
                    return True
    for known in who.snapshot.known:
        if known.source == source_id and known.count > 0:
            return True
    return False


def newest(*moments: datetime | None) -> datetime | None:
    """The newest of those that are known."""
    known = [moment for moment in moments if moment is not None]
    return max(known) if known else None


def provider_of(who: Applicant, provider_id: str) -> tuple[bool, tuple[str, ...]]:
    """Whether a provider is GIG, and what it supports: the snapshot's word before the file's."""
    for provider in who.snapshot.providers:
        if provider.id == provider_id:
            return provider.type == "GIG", provider.supported
    if provider_id in who.policy.provider_types:
        provider = who.policy.provider_types[provider_id]
        return provider.type == "GIG", provider.supported
    return False, ()


def feeders(who: Applicant) -> list[Feeder]:
    """Everything whose records count."""
    found = []
    for account in who.snapshot.accounts:
        partial = account.connection_status != "CONNECTED"
        if account.connection_status == "DISCONNECTED":
            continue
        if partial and not has_delivered(who, account.id):
            continue
        gig, supported = provider_of(who, account.provider_id)
        synced = newest(account.connection_updated_at, account.monitor_updated_at)
        found.append(
            Feeder(account.id, account.provider_id, gig, supported, synced, account, partial)
        )
    for source in who.snapshot.sources:
        gig, supported = provider_of(who, source.provider_id)
        found.append(
            Feeder(
                source.id,
                source.provider_id,
                gig,
                supported,
                source.newest_created_at,
                None,
                partial=False,
            )
        )
    return found


def records_of(who: Applicant, kind: Kind, feeder: Feeder) -> list[Any]:
    """One feeder's records of a kind."""
    read = read_of(who, kind)
    if read is None:
        return []
    return [record for record in read.records if record.source == feeder.id]


def feeds(who: Applicant, feeder: Feeder, kind: Kind) -> bool:
    """Whether a feeder's provider supports the kind, or it gave a record of it all the same."""
    return kind.value.upper() in feeder.supported or bool(records_of(who, kind, feeder))


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


def is_expired(who: Applicant, kind: Kind) -> bool:
    """Whether a kind is empty though an account of over 60 days once had data of it."""
    everyone = feeders(who)
    if any(records_of(who, kind, feeder) for feeder in everyone):
        return False
    for feeder in everyone:
        if feeder.account is None or feeder.account.created_at is None:
            continue
        if who.as_of.instant - feeder.account.created_at <= timedelta(days=60):
            continue
        for known in who.snapshot.known:
            if known.source == feeder.id and known.kind is kind and known.count > 0:
                return True
    return False


def has_bad_date(who: Applicant, kind: Kind) -> bool:
    """Whether a day-dated record that counts lies later than tomorrow."""
    tomorrow = who.as_of.date + timedelta(days=1)
    for feeder in feeders(who):
        for record in records_of(who, kind, feeder):
            if kind is Kind.TRANSACTIONS and record.date > tomorrow:
                return True
            begins = kind in (Kind.INCOMES, Kind.EMPLOYMENTS, Kind.LIABILITIES)
            if begins and record.start > tomorrow:
                return True
    return False


def taints_of_kind(who: Applicant, kind: Kind) -> set[Cause]:
    """Everything that spoils one kind."""
    causes = set()
    everyone = feeders(who)
    read = read_of(who, kind)
    if read is None:
        causes.add(Cause.NOT_FETCHED)
    else:
        for fault in read.faults:
            if fault.source is None:
                causes.add(fault.cause)
            for feeder in everyone:
                if fault.source == feeder.id and feeds(who, feeder, kind):
                    causes.add(fault.cause)
    for feeder in everyone:
        if feeds(who, feeder, kind):
            if feeder.partial and who.policy.partial is PartialPolicy.REFER:
                causes.add(Cause.PARTIAL)
            elif is_stale(who, feeder):
                causes.add(Cause.STALE)
    if read is not None and is_expired(who, kind):
        causes.add(Cause.EXPIRED)
    if has_bad_date(who, kind):
        causes.add(Cause.BAD_DATA)
    return causes


def taints(who: Applicant, kinds: list[Kind]) -> set[Cause]:
    """Everything that spoils any of the kinds, or the list of accounts they rest on."""
    causes = {fault.cause for fault in who.snapshot.account_faults}
    for kind in kinds:
        causes = causes | taints_of_kind(who, kind)
    return causes


def refuse_tainted(who: Applicant, kinds: list[Kind]) -> None:
    """Raise Unknown when anything spoils the kinds."""
    causes = taints(who, kinds)
    if causes:
        raise Unknown(*causes)
