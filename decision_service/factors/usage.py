"""Which accounts and archives count: used, partial, abandoned or revoked, stale or fresh."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum

import msgspec

from decision_service.domain.accounts import CONNECTED, DISCONNECTED, LINK_TASK
from decision_service.domain.factor import SourceUse
from decision_service.domain.kinds import INCOME_KINDS, Kind
from decision_service.domain.needs import PartialPolicy
from decision_service.domain.snapshot import Account, Provider, Snapshot, Source, Task
from decision_service.factors.context import FactorContext
from decision_service.factors.dead_ends import covered_by, job_over
from decision_service.factors.reading import delivered, had_before, sources_naming

GIG = "GIG"
GOVERNMENT = "GOVERNMENT"
EMPLOYER = "EMPLOYER"
SOCIAL_SECURITY = "SOCIAL_SECURITY"

EARNING_KINDS = INCOME_KINDS | {Kind.TRANSACTIONS}
"""Kinds that may be income; their records of unknown providers are dropped."""

UPLOADED = frozenset({"UPLOAD", "ARCHIVE"})
_SYNCS = frozenset({LINK_TASK, "UPDATE_ACCOUNT"})
_KIND_OF_SUPPORTED = {kind.value.upper(): kind for kind in Kind} | {"LINK": Kind.LINKS}


class FeederState(Enum):
    """USED and ENDED count; PARTIAL delivered once and is now in error; the others never count.

    ENDED is a payroll account that can tell no more, since its job is over, SUPERSEDED one of which
    a connected account tells all. Both taint nothing.
    """

    USED = "used"
    PARTIAL = "partial"
    ABANDONED = "abandoned"
    REVOKED = "revoked"
    ENDED = "ended"
    SUPERSEDED = "superseded"


class Feeder(msgspec.Struct, frozen=True):
    """An account or archive as a place that records come from.

    `supported` is None where the provider is in no list. `synced` is the newest of connection
    update, monitor update and the end of the last task that saved data (an archive: its newest
    item). `revoked` is when a disconnected account was disconnected, `linking_since` when its first
    sync began that has not finished. `document` says that its records come from uploads.
    """

    id: str
    provider_id: str
    provider_type: str
    supported: frozenset[Kind] | None
    status: str
    state: FeederState
    synced: datetime | None
    created: datetime | None
    error_code: str | None
    is_account: bool
    document: bool
    provider_name: str = ""
    revoked: datetime | None = None
    linking_since: datetime | None = None
    superseded_by: str = ""

    @property
    def gig(self) -> bool:
        """Whether the provider is a gig platform."""
        return self.provider_type == GIG

    @property
    def scheme(self) -> bool:
        """Whether it is a social security scheme's, whose absence may only be late."""
        return self.provider_type == GOVERNMENT or self.status == SOCIAL_SECURITY

    @property
    def known(self) -> bool:
        """Whether the provider is in some list; what was uploaded is proof of its own grade."""
        return self.supported is not None or not self.is_account

    @property
    def live_link(self) -> bool:
        """Whether it is connected at a provider that is known, and its first sync has ended."""
        return self.state is FeederState.USED and self.known and self.linking_since is None

    def may_tell(self, kind: Kind) -> bool:
        """Whether its records of a kind count; what may be income does not where it is unknown."""
        return self.known or kind not in EARNING_KINDS

    def could_feed(self, kind: Kind) -> bool:
        """Whether its provider has this kind, or may have it."""
        return self.is_account if self.supported is None else kind in self.supported


def feeders(context: FactorContext) -> tuple[Feeder, ...]:
    """Every account and archive of the snapshot, in id order."""
    return context.once("feeders", _feeders)


def counted(context: FactorContext) -> Mapping[str, Feeder]:
    """Feeders whose records count, by id: used ones, and partial ones where the policy allows."""
    return context.once("counted", _counted)


def feeding(context: FactorContext, kind: Kind) -> tuple[Feeder, ...]:
    """The counted ones that feed a kind: their provider has it, or a record of it names them."""
    return context.once(("feeding", kind), lambda c: _feeding(c, kind, counted(c).values()))


def partial_feeding(context: FactorContext, kind: Kind) -> tuple[Feeder, ...]:
    """Accounts that delivered this kind or could, and are now in error."""
    return _feeding(context, kind, context.once("partial", _partial))


def _partial(context: FactorContext) -> tuple[Feeder, ...]:
    return tuple(f for f in feeders(context) if f.state is FeederState.PARTIAL)


def revoked_feeding(context: FactorContext, kind: Kind) -> tuple[Feeder, ...]:
    """Disconnected accounts that fed this kind or could have."""
    revoked = [f for f in feeders(context) if f.state is FeederState.REVOKED]
    could = _feeding(context, kind, revoked)
    return tuple(
        f
        for f in revoked
        if f in could or (f.may_tell(kind) and had_before(context.snapshot, f.id, kind))
    )


def unknown(context: FactorContext) -> tuple[Feeder, ...]:
    """The counted ones whose provider is in no list."""
    return tuple(f for f in counted(context).values() if not f.known)


def is_stale(context: FactorContext, feeder: Feeder) -> bool:
    """Whether it was synced longer ago than the policy allows, or nobody can tell.

    That is where it was never synced, or the instant itself is doubtful. Of a job that is over
    nothing newer can be told.
    """
    if feeder.state is FeederState.ENDED:
        return False
    if feeder.synced is None or context.as_of.doubtful:
        return True
    return context.as_of.instant - feeder.synced > context.policy.max_age


def source_use(context: FactorContext, feeder: Feeder) -> SourceUse:
    """The feeder as a decision reports it."""
    return SourceUse(
        id=feeder.id,
        provider_id=feeder.provider_id,
        status=feeder.status,
        synced=feeder.synced,
        used=feeder.id in counted(context),
        error_code=feeder.error_code,
        provider_name=feeder.provider_name,
    )


def sync_tasks(snapshot: Snapshot) -> Iterable[Task]:
    """The tasks that collect an account's data; those of archives are no sync."""
    read = snapshot.tasks
    return (task for task in (read.records if read else ()) if task.type in _SYNCS)


def _feeders(context: FactorContext) -> tuple[Feeder, ...]:
    snapshot, documents = context.snapshot, context.policy.document_providers
    known = {**context.policy.provider_types, **{p.id: p for p in snapshot.providers}}
    found = {a.id: _account(a, known.get(a.provider_id), context) for a in snapshot.accounts}
    for source in snapshot.sources:
        found.setdefault(source.id, _archive(source, known.get(source.provider_id), documents))
    fresh = [f for f in found.values() if f.is_account and f.live_link and not is_stale(context, f)]
    return tuple(_as_dead_end(context, found[key], fresh) for key in sorted(found))


def _as_dead_end(context: FactorContext, feeder: Feeder, fresh: Sequence[Feeder]) -> Feeder:
    """An account in error, stale or disconnected that can tell nothing more, marked so."""
    silent = feeder.state in (FeederState.PARTIAL, FeederState.REVOKED) or is_stale(context, feeder)
    idle = feeder.state is FeederState.ABANDONED or feeder.linking_since is not None
    if not feeder.is_account or not feeder.known or idle or not silent or context.as_of.doubtful:
        return feeder
    same = [f.id for f in fresh if f.provider_id == feeder.provider_id]
    one_employer = feeder.provider_type in (GIG, GOVERNMENT, EMPLOYER)
    new = covered_by(context, feeder.id, same, one_employer=one_employer)
    if new is not None:
        return msgspec.structs.replace(feeder, state=FeederState.SUPERSEDED, superseded_by=new)
    payers = [f.id for f in fresh if not f.document and not f.gig]
    if feeder.state is not FeederState.REVOKED and job_over(context, feeder.id, payers):
        return msgspec.structs.replace(feeder, state=FeederState.ENDED)
    return feeder


def dead_ends(context: FactorContext) -> tuple[str, ...]:
    """The accounts that can tell nothing more, in words."""
    gone = [f for f in feeders(context) if f.state in (FeederState.ENDED, FeederState.SUPERSEDED)]
    return tuple(
        f"{f.id} is superseded by {f.superseded_by}"
        if f.superseded_by
        else f"{f.id} shows a job that is over"
        for f in gone
    )


def _account(account: Account, provider: Provider | None, context: FactorContext) -> Feeder:
    tasks = [task for task in sync_tasks(context.snapshot) if task.source == account.id]
    saved = [task.finished for task in tasks if task.saved]
    updates = [account.connection_updated_at, account.monitor_updated_at, *saved]
    gone = account.connection_status == DISCONNECTED
    return Feeder(
        id=account.id,
        provider_id=account.provider_id,
        provider_type=provider.type if provider else "",
        supported=_kinds(provider),
        status=account.connection_status,
        state=_state(account, context.snapshot),
        synced=max((t for t in updates if t is not None), default=None),
        created=account.created_at,
        error_code=account.error_code,
        is_account=True,
        document=account.provider_id in context.policy.document_providers,
        provider_name=provider.name if provider else "",
        revoked=account.connection_updated_at if gone else None,
        linking_since=_linking_since(tasks, context.as_of.instant),
    )


def _linking_since(tasks: Iterable[Task], now: datetime) -> datetime | None:
    running = [task for task in tasks if task.type == LINK_TASK and task.runs]
    return min((task.started or now for task in running), default=None)


def _archive(source: Source, provider: Provider | None, documents: frozenset[str]) -> Feeder:
    return Feeder(
        id=source.id,
        provider_id=source.provider_id,
        provider_type=provider.type if provider else "",
        supported=_kinds(provider),
        status=source.type,
        state=FeederState.USED,
        synced=source.newest_created_at,
        created=None,
        error_code=None,
        is_account=False,
        document=source.type in UPLOADED or source.provider_id in documents,
        provider_name=provider.name if provider else "",
    )


def _state(account: Account, snapshot: Snapshot) -> FeederState:
    if account.connection_status == CONNECTED:
        return FeederState.USED
    if account.connection_status == DISCONNECTED:
        return FeederState.REVOKED
    return FeederState.PARTIAL if delivered(snapshot, account.id) else FeederState.ABANDONED


def _kinds(provider: Provider | None) -> frozenset[Kind] | None:
    if provider is None:
        return None
    return frozenset(_KIND_OF_SUPPORTED[s] for s in provider.supported if s in _KIND_OF_SUPPORTED)


def _counted(context: FactorContext) -> dict[str, Feeder]:
    allowed = {FeederState.USED, FeederState.ENDED}
    if context.policy.partial is PartialPolicy.USE:
        allowed.add(FeederState.PARTIAL)
    return {f.id: f for f in feeders(context) if f.state in allowed}


def _feeding(context: FactorContext, kind: Kind, among: Collection[Feeder]) -> tuple[Feeder, ...]:
    named = sources_naming(context, kind) if among else ()
    return tuple(f for f in among if (f.could_feed(kind) or f.id in named) and f.may_tell(kind))
