"""Which accounts and archives count: used, partial, abandoned or revoked, stale or fresh."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any

import msgspec

from decision_service.domain.accounts import (
    CONNECTED,
    DISCONNECTED,
    EMPLOYER,
    GIG,
    GOVERNMENT,
    INCOME_KINDS,
    LINK_TASK,
    UPDATE_TASK,
    Kind,
)
from decision_service.domain.factor import SourceUse
from decision_service.domain.needs import DataPolicy
from decision_service.domain.snapshot import (
    Account,
    Employment,
    EstimatedIncome,
    Income,
    Provider,
    Read,
    Snapshot,
    Source,
    Task,
)
from decision_service.domain.values import Cause, Missing, Month
from decision_service.factors.answer import plus_months
from decision_service.factors.payroll import amount_of, employer_key, last_day_of, named_employer
from decision_service.factors.registry import FactorContext, once

FETCHED_KINDS = tuple(kind for kind in Kind if kind is not Kind.ACCOUNTS)
"""Every kind that is a reading of its own."""

GIVEN_KINDS = tuple(kind for kind in FETCHED_KINDS if kind is not Kind.LINKS)
"""What an account itself gives; the vendor counts links of attempts that never gave anything."""


DATED = (
    Kind.EINCOMES, Kind.INCOMES, Kind.CONTRIBUTIONS, Kind.EMPLOYMENTS, Kind.LIABILITIES,
    Kind.TRANSACTIONS,
)  # fmt: skip
"""What an account must show that takes an old one's place; a person is no matter of dates."""
WORK = frozenset({Kind.INCOMES, Kind.EMPLOYMENTS})
WINDOW = 13
"""Of transactions the months before this one that are always read."""
PAID_WITHIN = 2
"""Pay goes on where the newest is of one of the last two months or of this one."""
POSTS_WITHIN = 2
"""So many months later a scheme posts."""
IDLE_MONTHS = 3
"""A platform that showed nothing for so long before its sync is idle."""

SOCIAL_SECURITY = "SOCIAL_SECURITY"

EARNING_KINDS = INCOME_KINDS | {Kind.TRANSACTIONS}
"""Kinds that may be income; their records of unknown providers are dropped."""

UPLOADED = frozenset({"UPLOAD", "ARCHIVE"})
_SYNCS = frozenset({LINK_TASK, UPDATE_TASK})
_KIND_OF_SUPPORTED = {kind.value.upper(): kind for kind in Kind} | {"LINK": Kind.LINKS}


def reading(snapshot: Snapshot, kind: Kind) -> Read[Any] | None:
    """How a kind was read; None where it was not fetched."""
    read: Read[Any] | None = getattr(snapshot, kind.value)
    return read


@once
def sources_naming(context: FactorContext, kind: Kind) -> frozenset[str]:
    return _sources(context.snapshot, kind)


def delivered(snapshot: Snapshot, source: str) -> bool:
    """Whether a source gives records of its own now, or gave some to an earlier snapshot."""
    return any(
        had_before(snapshot, source, kind) or source in _sources(snapshot, kind)
        for kind in GIVEN_KINDS
    )


def had_before(snapshot: Snapshot, source: str, kind: Kind) -> bool:
    return any(k.source == source and k.kind is kind and k.count > 0 for k in snapshot.known)


def unread_from(snapshot: Snapshot, begins: date) -> tuple[Missing, ...]:
    read = snapshot.transactions
    late = read is not None and read.first_day is not None and read.first_day > begins
    return (Missing(Cause.NOT_FETCHED, kind=Kind.TRANSACTIONS),) if late else ()


def _sources(snapshot: Snapshot, kind: Kind) -> frozenset[str]:
    read = reading(snapshot, kind)
    return frozenset({record.source for record in read.records}) if read else frozenset()


def covered_by(
    context: FactorContext, old: str, others: Iterable[str], *, one_employer: bool
) -> str | None:
    """The first of some accounts that shows all that an old one showed, and as new.

    They are of one provider; unless it is `one_employer`, scheme or platform, employers are
    compared by name.
    """
    found = (new for new in sorted(others) if _covers(context, new, old, one_employer=one_employer))
    return next(found, None)


def job_over(context: FactorContext, old: str, payers: Iterable[str]) -> bool:
    """Whether an account shows payroll alone, and that job has ended or another took its place.

    It has where records of employment say so; another one where its payroll, in `payers`, shows
    every month since.
    """
    paid = _records(context, old, Kind.INCOMES)
    if not paid or any(_gave(context, old, kind) for kind in DATED if kind not in WORK):
        return False
    newest = max(Month.of(last_day_of(record)).index for record in paid)
    return _has_ended(context, old, paid) or any(
        _goes_on(context, payer, old, newest=newest) for payer in payers
    )


def _records(context: FactorContext, source: str, kind: Kind) -> Sequence[Any]:
    return _held(context, kind).get(source, ())


@once
def _held(context: FactorContext, kind: Kind) -> Mapping[str, Sequence[Any]]:
    found: dict[str, list[Any]] = {}
    read = reading(context.snapshot, kind)
    since = Month.of(context.as_of.date).plus(-WINDOW)
    for record in read.records if read else ():
        if kind is not Kind.TRANSACTIONS or record.date >= since.first_day:
            found.setdefault(record.source, []).append(record)
    return found


def _gave(context: FactorContext, source: str, kind: Kind) -> bool:
    if reading(context.snapshot, kind) is None:
        return False
    return had_before(context.snapshot, source, kind) or bool(_records(context, source, kind))


def _covers(context: FactorContext, new: str, old: str, *, one_employer: bool) -> bool:
    kinds = [kind for kind in DATED if _gave(context, old, kind)]
    if not kinds or any(_failed(context, kind, (old, new)) for kind in kinds):
        return False
    named = _employers(context, old, WORK)
    if not one_employer and not (named and named <= _employers(context, new, WORK)):
        return False
    return all(_covers_kind(context, kind, new, old=old) for kind in kinds)


def _failed(context: FactorContext, kind: Kind, sources: Collection[str]) -> bool:
    read = reading(context.snapshot, kind)
    return any(f.source is None or f.source in sources for f in (read.faults if read else ()))


def _covers_kind(context: FactorContext, kind: Kind, new: str, old: str) -> bool:
    """Whether records begin as early and end as late; of loans, whether all are found.

    Of an account whose records are gone only their number and newest month are known.
    """
    mine = _records(context, old, kind)
    theirs = _records(context, new, kind)
    if not theirs:
        return False
    if not mine:
        known = [k for k in context.snapshot.known if k.source == old and k.kind is kind]
        newest = max(_month(record) for record in theirs)
        return all(len(theirs) >= k.count and newest >= (k.newest or newest) for k in known)
    if kind is Kind.LIABILITIES:
        loans = {(r.type, r.start, r.currency, r.loan_amount) for r in theirs}
        return all((r.type, r.start, r.currency, r.loan_amount) in loans for r in mine)
    first = min(map(_first, mine))
    last = max(map(_last, mine))
    return bool(min(map(_first, theirs)) <= first and max(map(_last, theirs)) >= last)


def _first(record: Any) -> Any:
    if isinstance(record, EstimatedIncome):
        return record.month
    return record.start if isinstance(record, Income | Employment) else record.date


def _last(record: Any) -> Any:
    """The day or month that a record ends with; of an employment, that it begins with."""
    return last_day_of(record) if isinstance(record, Income) else _first(record)


def _month(record: Any) -> int:
    last = record.start if hasattr(record, "loan_amount") else _last(record)
    return last if isinstance(last, int) else Month.of(last).index


def _employers(context: FactorContext, source: str, kinds: Iterable[Kind]) -> set[str]:
    records = [record for kind in kinds for record in _records(context, source, kind)]
    return {employer_key(record.employer, context.policy) for record in records} - {""}


def _has_ended(context: FactorContext, old: str, paid: Sequence[Income]) -> bool:
    """Whether every employment at each of the employers, or where none is named its own, ended."""
    jobs: dict[str, list[Employment]] = {}
    for source, held in _held(context, Kind.EMPLOYMENTS).items():
        for job in held:
            jobs.setdefault(employer_key(job.employer, context.policy), []).append(job)
            jobs.setdefault(f" {source}", []).append(job)
    keys = {employer_key(record.employer, context.policy) for record in paid}
    today = context.as_of.date
    for key in keys:
        found = jobs.get(key or f" {old}", [])
        if not found or not all(job.end and job.end < today for job in found):
            return False
    return True


def _goes_on(context: FactorContext, payer: str, old: str, newest: int) -> bool:
    """Whether another job's payroll shows each month after an old one's newest, and goes on."""
    work = (Kind.INCOMES,)
    if payer == old or _employers(context, payer, work) & _employers(context, old, work):
        return False
    return _paid_since(context, [payer], newest)


class FeederState(Enum):
    """USED and ENDED count; PARTIAL delivered once and is now in error; the others never count.

    ENDED is a payroll account that can show no more, since its job is over, SUPERSEDED one of which
    a connected account shows all. Both taint nothing.
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
    no_income_due: bool = False

    @property
    def gig(self) -> bool:
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
        return self.state is FeederState.USED and self.known and self.linking_since is None

    def may_tell(self, kind: Kind) -> bool:
        """Whether its records of a kind count; what may be income does not where it is unknown."""
        return self.known or kind not in EARNING_KINDS

    def could_feed(self, kind: Kind) -> bool:
        return self.is_account if self.supported is None else kind in self.supported


@once
def feeders(context: FactorContext) -> tuple[Feeder, ...]:
    snapshot = context.snapshot
    documents = context.policy.document_providers
    known = {**context.policy.provider_types, **{p.id: p for p in snapshot.providers}}
    found = {a.id: _account(a, known.get(a.provider_id), context) for a in snapshot.accounts}
    for source in snapshot.sources:
        found.setdefault(source.id, _archive(source, known.get(source.provider_id), documents))
    fresh = [f for f in found.values() if f.is_account and f.live_link and not is_stale(context, f)]
    return tuple(_as_dead_end(context, found[key], fresh) for key in sorted(found))


@once
def counted(context: FactorContext) -> Mapping[str, Feeder]:
    allowed = {FeederState.USED, FeederState.ENDED}
    return {f.id: f for f in feeders(context) if f.state in allowed}


@once
def feeding(context: FactorContext, kind: Kind) -> tuple[Feeder, ...]:
    """The counted ones that feed a kind: their provider has it, or a record of it names them."""
    return _feeding(context, kind, counted(context).values())


def partial_feeding(context: FactorContext, kind: Kind) -> tuple[Feeder, ...]:
    """Accounts that delivered this kind or could, and are now in error."""
    partial = [f for f in feeders(context) if f.state is FeederState.PARTIAL]
    return _feeding(context, kind, partial)


def revoked_feeding(context: FactorContext, kind: Kind) -> tuple[Feeder, ...]:
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
    """Whether it was never synced, or longer ago than the policy allows.

    Of a job that is over nothing newer is to come.
    """
    if feeder.state is FeederState.ENDED:
        return False
    if feeder.synced is None:
        return True
    return context.as_of.instant - feeder.synced > context.policy.max_age


def is_stale_in(context: FactorContext, feeder: Feeder, kind: Kind) -> bool:
    """Whether what a feeder shows of a kind is too old.

    Where others show the income since, it is not too old for income, nor for what they show, too.
    Loans are shown by their lender alone.
    """
    if not is_stale(context, feeder):
        return False
    if not feeder.no_income_due:
        return True
    if kind is Kind.LIABILITIES:
        return feeder.could_feed(kind) or bool(_records(context, feeder.id, kind))
    return kind not in EARNING_KINDS and not _shown_elsewhere(context, feeder, kind)


def _shown_elsewhere(context: FactorContext, feeder: Feeder, kind: Kind) -> bool:
    others = [f for f in feeders(context) if f.is_account and f.live_link and f.id != feeder.id]
    return any(_records(context, f.id, kind) for f in others if not is_stale(context, f))


def source_use(context: FactorContext, feeder: Feeder) -> SourceUse:
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


def _as_dead_end(context: FactorContext, feeder: Feeder, fresh: Sequence[Feeder]) -> Feeder:
    """An account in error, stale or disconnected that can show nothing more, marked so."""
    silent = feeder.state in (FeederState.PARTIAL, FeederState.REVOKED) or is_stale(context, feeder)
    idle = feeder.state is FeederState.ABANDONED or feeder.linking_since is not None
    if not feeder.is_account or not feeder.known or idle or not silent:
        return feeder
    same = [f.id for f in fresh if f.provider_id == feeder.provider_id]
    one_employer = feeder.provider_type in (GIG, GOVERNMENT, EMPLOYER)
    new = covered_by(context, feeder.id, same, one_employer=one_employer)
    if new is not None:
        return msgspec.structs.replace(feeder, state=FeederState.SUPERSEDED, superseded_by=new)
    payers = [f.id for f in fresh if not f.document and not f.gig]
    if feeder.state is not FeederState.REVOKED and job_over(context, feeder.id, payers):
        return msgspec.structs.replace(feeder, state=FeederState.ENDED)
    if feeder.state is FeederState.USED and _shown_since(context, feeder, fresh):
        return msgspec.structs.replace(feeder, no_income_due=True)
    return feeder


def _shown_since(context: FactorContext, feeder: Feeder, fresh: Sequence[Feeder]) -> bool:
    """Whether others show the income since a stale scheme's newest month, or an idle platform's."""
    if feeder.synced is None:
        return False
    synced = feeder.synced.astimezone(context.as_of.zone).date()
    if feeder.scheme:
        payers = [f.id for f in fresh if not f.document and not f.gig]
        months = [record.month for record in _records(context, feeder.id, Kind.EINCOMES)]
        return _paid_since(context, payers, max(months, default=Month.of(synced).index - 1))
    if not feeder.gig or not _is_idle(context, feeder, synced):
        return False
    return any(_earns(context, f) for f in fresh if not f.document)


def _paid_since(context: FactorContext, payers: Iterable[str], newest: int) -> bool:
    """Whether payroll shows each month after one, and goes on."""
    records = [r for payer in payers for r in _records(context, payer, Kind.INCOMES)]
    paid = {Month.of(last_day_of(r)).index for r in records if _pays(r)}
    last = max(paid, default=0)
    recent = last >= Month.of(context.as_of.date).index - PAID_WITHIN
    return recent and last > newest and paid.issuperset(range(newest + 1, last + 1))


def _is_idle(context: FactorContext, feeder: Feeder, synced: date) -> bool:
    """Whether a platform showed nothing in the three months before its sync.

    Of transactions the last 13 months are read: none of them is as if the newest were older.
    """
    kinds = (Kind.TRANSACTIONS, Kind.INCOMES, Kind.EINCOMES)
    if any(
        reading(context.snapshot, k) is None or _failed(context, k, (feeder.id,)) for k in kinds
    ):
        return False
    unread = Month.of(context.as_of.date).plus(-WINDOW).first_day - timedelta(days=1)
    if unread_from(context.snapshot, unread + timedelta(days=1)):
        return False
    newest = max([_shown_until(context, feeder.id, kind) or unread for kind in kinds])
    return plus_months(newest, IDLE_MONTHS) < synced


def _shown_until(context: FactorContext, source: str, kind: Kind) -> date | None:
    """The last day of the newest record of income."""
    last = [_last(record) for record in _records(context, source, kind)]
    days = [Month(day).last_day if isinstance(day, int) else day for day in last]
    return max(days, default=None)


def _earns(context: FactorContext, feeder: Feeder) -> bool:
    """Whether payroll, a platform or the payments of a named employer to a scheme go on."""
    today = context.as_of.date
    since = Month.of(today).plus(-PAID_WITHIN)
    if feeder.scheme:
        since = since.plus(-POSTS_WITHIN)
        jobs = _records(context, feeder.id, Kind.EMPLOYMENTS)
        if not any(_is_open(job, today, context.policy) for job in jobs):
            return False
    paid = [r for r in _records(context, feeder.id, Kind.INCOMES) if _pays(r)]
    paid += [r for r in _records(context, feeder.id, Kind.EINCOMES) if r.amount > 0]
    if feeder.gig:
        paid += [r for r in _records(context, feeder.id, Kind.TRANSACTIONS) if r.amount > 0]
    return any(_month(record) >= since.index for record in paid)


def _is_open(job: Employment, today: date, policy: DataPolicy) -> bool:
    runs = job.start <= today and (job.end is None or job.end >= today)
    return runs and named_employer(job.employer, policy)


def _pays(record: Income) -> bool:
    return (amount_of(record) or (0, ""))[0] > 0


def dead_ends(context: FactorContext) -> tuple[str, ...]:
    """What the evidence says of accounts whose age or error taints no income."""
    found = []
    for feeder in feeders(context):
        if feeder.superseded_by:
            found.append(f"{feeder.id} is superseded by {feeder.superseded_by}")
        elif feeder.state is FeederState.ENDED:
            found.append(f"{feeder.id} shows a job that is over")
        elif feeder.no_income_due:
            found.append(f"{feeder.id} is stale, and others show the income since")
    return tuple(found)


def synced_at(account: Account, snapshot: Snapshot) -> datetime | None:
    """When an account's data was collected last; None where nothing says it."""
    tasks = [task for task in sync_tasks(snapshot) if task.source == account.id]
    saved = [task.finished for task in tasks if task.saved]
    updates = [account.connection_updated_at, account.monitor_updated_at, *saved]
    return max((update for update in updates if update is not None), default=None)


def _account(account: Account, provider: Provider | None, context: FactorContext) -> Feeder:
    tasks = [task for task in sync_tasks(context.snapshot) if task.source == account.id]
    gone = account.connection_status == DISCONNECTED
    now = context.as_of.instant
    syncing = [task.started or now for task in tasks if task.type == LINK_TASK and task.runs]
    return Feeder(
        id=account.id,
        provider_id=account.provider_id,
        provider_type=provider.type if provider else "",
        supported=_kinds(provider),
        status=account.connection_status,
        state=_state(account, context.snapshot),
        synced=synced_at(account, context.snapshot),
        created=account.created_at,
        error_code=account.error_code,
        is_account=True,
        document=account.provider_id in context.policy.document_providers,
        provider_name=provider.name if provider else "",
        revoked=account.connection_updated_at if gone else None,
        linking_since=min(syncing, default=None),
    )


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


def _feeding(context: FactorContext, kind: Kind, among: Collection[Feeder]) -> tuple[Feeder, ...]:
    named = sources_naming(context, kind) if among else ()
    return tuple(f for f in among if (f.could_feed(kind) or f.id in named) and f.may_tell(kind))
