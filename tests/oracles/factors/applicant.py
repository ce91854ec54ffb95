"""Which accounts feed which kind of data, and when each was last synced."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from decision_service.domain.accounts import Kind
from decision_service.domain.needs import DataPolicy
from decision_service.domain.snapshot import Account, Provider, Read, Snapshot, Task
from decision_service.domain.values import AsOf, Cause

RECORD_KINDS = [kind for kind in Kind if kind is not Kind.ACCOUNTS]
CLAIMS = (Kind.EINCOMES, Kind.INCOMES, Kind.TRANSACTIONS)
"""The kinds whose records are dropped where the provider is unknown."""


class Wait(NamedTuple):
    """NOT_YET_POSTED: the first month that is open, the source that is waited for, its due date."""

    month: int
    source: str
    due: date | None


class Unknown(Exception):
    """The factor has no value, for these causes."""

    def __init__(self, *causes: Cause | Wait) -> None:
        super().__init__(*causes)
        self.causes = set(causes)


@dataclass(frozen=True)
class Applicant:
    snapshot: Snapshot
    policy: DataPolicy
    as_of: AsOf
    named: tuple[str, ...] = ()
    term_months: int | None = None
    memory: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Feeder:
    """A used account, or an archive, upload or social security record that counts like one."""

    id: str
    provider_id: str
    gig: bool
    scheme: bool
    document: bool
    supported: tuple[str, ...] | None
    synced: datetime | None
    account: Account | None
    partial: bool
    ended: bool = False
    quiet: bool = False

    @property
    def unknown(self) -> bool:
        """Whether it is an account of a provider that nobody knows; files know what they are."""
        return self.account is not None and self.supported is None


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


def provider_of(who: Applicant, provider_id: str) -> Provider | None:
    """What is known of a provider: the snapshot's word before the file's."""
    for provider in who.snapshot.providers:
        if provider.id == provider_id:
            return provider
    return who.policy.provider_types.get(provider_id)


def tasks_of(who: Applicant, source_id: str) -> list[Task]:
    """The tasks of one account, where tasks were asked for."""
    if who.snapshot.tasks is None:
        return []
    return [task for task in who.snapshot.tasks.records if task.source == source_id]


def last_task(who: Applicant, source_id: str) -> datetime | None:
    """When the last successful collection of an account finished."""
    return newest(
        *(
            task.finished
            for task in tasks_of(who, source_id)
            if task.type in ("LINK_ACCOUNT", "UPDATE_ACCOUNT") and task.saved
        )
    )


def synced_at(who: Applicant, account: Account) -> datetime | None:
    """The newest of connection update, monitor update and last successful task."""
    return newest(
        account.connection_updated_at, account.monitor_updated_at, last_task(who, account.id)
    )


def connection(who: Applicant, account: Account) -> Feeder:
    provider = provider_of(who, account.provider_id)
    return Feeder(
        account.id,
        account.provider_id,
        gig=provider is not None and provider.type == "GIG",
        scheme=provider is not None and provider.type == "GOVERNMENT",
        document=account.provider_id in who.policy.document_providers,
        supported=None if provider is None else provider.supported,
        synced=synced_at(who, account),
        account=account,
        partial=account.connection_status != "CONNECTED" and account.id not in ended(who),
        ended=account.id in ended(who),
        quiet=account.id in quiet(who),
    )


def superseded(who: Applicant) -> set[str]:
    """The accounts of which another one shows all (see dead_ends)."""
    found: set[str] = who.memory.get("superseded", set())
    return found


def ended(who: Applicant) -> set[str]:
    """The payroll accounts whose job is over (see dead_ends)."""
    found: set[str] = who.memory.get("ended", set())
    return found


def quiet(who: Applicant) -> set[str]:
    """The stale accounts from which no income is due (see dead_ends)."""
    found: set[str] = who.memory.get("quiet", set())
    return found


def connections(who: Applicant) -> list[Feeder]:
    """Every account that is connected, or is not but has delivered; revoked ones are gone."""
    found = []
    for account in who.snapshot.accounts:
        if account.connection_status == "DISCONNECTED" or account.id in superseded(who):
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
        if account.connection_status == "DISCONNECTED" and account.id not in superseded(who)
    ]


def files(who: Applicant) -> list[Feeder]:
    """Archives, uploads and social security records: like accounts of their own."""
    found = []
    for source in who.snapshot.sources:
        provider = provider_of(who, source.provider_id)
        listed = source.provider_id in who.policy.document_providers
        found.append(
            Feeder(
                source.id,
                source.provider_id,
                gig=provider is not None and provider.type == "GIG",
                scheme=source.type == "SOCIAL_SECURITY"
                or (provider is not None and provider.type == "GOVERNMENT"),
                document=listed or source.type in ("UPLOAD", "ARCHIVE"),
                supported=None if provider is None else provider.supported,
                synced=source.newest_created_at,
                account=None,
                partial=False,
            )
        )
    return found


def feeders(who: Applicant) -> list[Feeder]:
    """Everything whose records count, which those of a partial account do not."""
    if "feeders" not in who.memory:
        used = [one for one in connections(who) if not one.partial]
        who.memory["feeders"] = used + files(who)
    found: list[Feeder] = who.memory["feeders"]
    return found


def broken(who: Applicant) -> list[Feeder]:
    """The accounts that delivered data, do not any more, and are not used."""
    if "broken" not in who.memory:
        who.memory["broken"] = [one for one in connections(who) if one.partial]
    found: list[Feeder] = who.memory["broken"]
    return found


def told_of(who: Applicant, kind: Kind, feeder: Feeder) -> dict[str, list[Any]]:
    """What one feeder tells of a kind under each id: one content, or several that contradict."""
    key = (kind, feeder.id)
    if key not in who.memory:
        read = read_of(who, kind)
        found: dict[str, list[Any]] = {}
        for record in read.records if read is not None else ():
            if record.source == feeder.id and record not in found.setdefault(record.id, []):
                found[record.id].append(record)
        who.memory[key] = found
    told: dict[str, list[Any]] = who.memory[key]
    return told


def all_records_of(who: Applicant, kind: Kind, feeder: Feeder) -> list[Any]:
    """One feeder's records of a kind; of several contents under one id the first in text order."""
    key = ("counted", kind, feeder.id)
    if key not in who.memory:
        told = told_of(who, kind, feeder).values()
        who.memory[key] = [min(contents, key=repr) for contents in told]
    counted: list[Any] = who.memory[key]
    return counted


def records_of(who: Applicant, kind: Kind, feeder: Feeder) -> list[Any]:
    """The records that count: what an unknown provider says of income does not."""
    if feeder.unknown and kind in CLAIMS:
        return []
    return all_records_of(who, kind, feeder)


def feeds(who: Applicant, feeder: Feeder, kind: Kind) -> bool:
    """Whether a feeder's provider supports the kind, or it gave a record of it all the same.

    An account of an unknown provider may feed anything but income, a file only what is in it.
    """
    if records_of(who, kind, feeder):
        return True
    if feeder.supported is None:
        return feeder.account is not None and kind not in CLAIMS
    return kind.value.upper() in feeder.supported


def feeders_of(who: Applicant, kinds: list[Kind]) -> list[Feeder]:
    """The feeders that feed any of the kinds."""
    return [one for one in feeders(who) if any(feeds(who, one, kind) for kind in kinds)]


def nobody_feeds(who: Applicant) -> Unknown:
    """Why a kind that makes up income has no feeder: none is connected, or none that is known."""
    if any(feeder.unknown for feeder in feeders(who)):
        return Unknown(Cause.UNKNOWN_PROVIDER)
    return Unknown(Cause.NOT_CONNECTED)


def age(who: Applicant, moment: datetime | None) -> timedelta | None:
    """How long ago a moment was."""
    return None if moment is None else who.as_of.instant - moment
