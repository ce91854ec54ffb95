"""The records that can be computed with, how far they can be trusted, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, timedelta
from typing import Generic, Protocol, TypeVar

import msgspec

from decision_service.domain.accounts import CONNECTED, PENDING, PENDS_WITHIN, SYNCS_WITHIN, Kind
from decision_service.domain.factor import Evidence
from decision_service.domain.snapshot import (
    Contribution,
    Employment,
    EstimatedIncome,
    Identity,
    Income,
    Liability,
    LinkCounts,
    Read,
    Transaction,
)
from decision_service.domain.values import Cause, DataReason, Missing
from decision_service.factors.answer import MOST_SHOWN, Identified, in_order
from decision_service.factors.registry import FactorContext, once
from decision_service.factors.usage import (
    EARNING_KINDS,
    Feeder,
    FeederState,
    counted,
    feeders,
    feeding,
    had_before,
    is_stale_in,
    partial_feeding,
    reading,
    revoked_feeding,
    sources_naming,
    unknown,
)

_ASKED = {CONNECTED: SYNCS_WITHIN, PENDING: PENDS_WITHIN}
"""How old accounts may be that the vendor is asked about, by their status."""
_CODES = {Cause.NOT_FETCHED: DataReason.DATA_ARRIVING}
EXPIRED_AFTER = timedelta(days=60)


def _syncing(context: FactorContext, feeder: Feeder) -> Cause | None:
    since = feeder.linking_since
    if since is None:
        return None
    if context.as_of.instant - since < SYNCS_WITHIN:
        return Cause.NOT_FETCHED
    return Cause.PARTIAL


def being_linked(context: FactorContext, kind: Kind) -> tuple[Feeder, ...]:
    """Accounts whose linking has begun within a day and may bring this kind."""
    return tuple(
        f
        for f in feeders(context)
        if f.id not in counted(context)
        and f.state is not FeederState.REVOKED
        and (f.could_feed(kind) or f.id in sources_naming(context, kind))
        and f.may_tell(kind)
        and (
            _syncing(context, f) is Cause.NOT_FETCHED
            or (f.status == PENDING and unclear(context, f, kind))
        )
    )


def unclear(context: FactorContext, feeder: Feeder, kind: Kind) -> Sequence[Missing]:
    """What went wrong while the vendor was asked whether the account's first sync has ended."""
    tasks = context.snapshot.tasks
    return [
        Missing(
            Cause.NOT_FETCHED, fault.code, kind, source=feeder.id, account_error=fault.account_error
        )
        for fault in (tasks.faults if tasks else ())
        if fault.source == feeder.id or (fault.source is None and _young(context, feeder))
    ]


def _young(context: FactorContext, feeder: Feeder) -> bool:
    """Whether the vendor is asked for its tasks; an account without a creation date is young."""
    created = feeder.created
    young = _ASKED.get(feeder.status)
    return young is not None and (created is None or context.as_of.instant - created < young)


class Supply(msgspec.Struct, frozen=True):
    """Who may feed one kind of a family: those that count, those in error, those revoked.

    `before` are those that count and gave records to an earlier snapshot, whatever their provider
    lists. `judged` are those whose old sync taints the kind. `needed` is False for a kind that the
    family would use but can do without now.
    """

    kind: Kind
    counted: tuple[Feeder, ...]
    partial: tuple[Feeder, ...]
    revoked: tuple[Feeder, ...]
    before: tuple[Feeder, ...]
    judged: tuple[Feeder, ...]
    needed: bool = True


class Feed(msgspec.Struct, frozen=True):
    """`missing` is empty where the data can be computed with; taints before absent causes."""

    feeders: tuple[Feeder, ...]
    missing: tuple[Missing, ...]


@once
def supply(context: FactorContext, kind: Kind) -> Supply:
    everyone = counted(context).values()
    return Supply(
        kind,
        feeding(context, kind),
        partial_feeding(context, kind),
        revoked=revoked_feeding(context, kind),
        before=tuple(
            f for f in everyone if f.may_tell(kind) and had_before(context.snapshot, f.id, kind)
        ),
        judged=feeding(context, kind),
    )


def feed(
    context: FactorContext, supplies: Sequence[Supply], taints: Iterable[Missing], *, held: bool
) -> Feed:
    """The family's trust: `taints` were found in its records, `held` says that it has any."""
    by_id = {f.id: f for s in supplies for f in s.counted}
    counts = tuple(by_id[key] for key in sorted(by_id))
    found = [*account_taints(context), *taints, *supply_taints(context, supplies)]
    if not held and not counts:
        revoked = _first_kinds((s.kind, s.revoked) for s in supplies)
        code = DataReason.CONSENT_REVOKED
        found += [Missing(Cause.EXPIRED, code, kind, source=f.id) for f, kind in revoked]
    if not found and not held:
        found = [Missing(_empty(context, supplies, counts), kind=supplies[0].kind)]
    return Feed(counts, in_order(found))


def _empty(context: FactorContext, supplies: Sequence[Supply], counts: Sequence[Feeder]) -> Cause:
    kinds = [s.kind for s in supplies if s.kind in EARNING_KINDS]
    doubted = unknown(context) if kinds else ()
    if any(f.id in sources_naming(context, kind) for f in doubted for kind in kinds):
        return Cause.UNKNOWN_PROVIDER
    if counts:
        return Cause.NO_DATA
    return Cause.UNKNOWN_PROVIDER if doubted else Cause.NOT_CONNECTED


def supply_taints(context: FactorContext, supplies: Sequence[Supply]) -> list[Missing]:
    found = [taint for s in supplies if s.needed for taint in read_taints(context, s.kind)]
    for judge in (_stale, _unfinished, _partial, _expired):
        found += judge(context, supplies)
    return found


@once
def account_taints(context: FactorContext) -> list[Missing]:
    """What went wrong while the accounts were read; it taints every kind."""
    listed = context.snapshot.accounts
    distinct = {(a.id, a) for a in listed}
    ids = [account_id for account_id, _ in distinct]
    code = DataReason.DATA_CHANGED_DURING_READ
    return [
        *context.snapshot.account_faults,
        *(
            Missing(Cause.BAD_DATA, code, Kind.ACCOUNTS, source=account_id, detail="id")
            for account_id in set(ids)
            if ids.count(account_id) > 1
        ),
    ]


def read_taints(context: FactorContext, kind: Kind) -> list[Missing]:
    read = reading(context.snapshot, kind)
    if read is None:
        return [Missing(Cause.NOT_FETCHED, kind=kind)]
    if not read.faults:
        return []
    # what feeds nothing of the kind does no harm by its failure
    counts = (FeederState.USED, FeederState.ENDED)
    used = [f for f in feeding(context, kind) if f.state in counts]
    giving = {f.id for f in (*used, *partial_feeding(context, kind))}
    elsewhere = {f.id for f in feeders(context)} - giving
    return [
        Missing(
            m.cause,
            m.code,
            m.kind or kind,
            source=m.source,
            account_error=m.account_error,
            detail=m.detail,
        )
        for m in read.faults
        if m.source not in elsewhere
    ]


def _stale(context: FactorContext, supplies: Sequence[Supply]) -> list[Missing]:
    stale = [
        (s.kind, tuple(f for f in s.judged if is_stale_in(context, f, s.kind))) for s in supplies
    ]
    return [Missing(Cause.STALE, kind=kind, source=f.id) for f, kind in _first_kinds(stale)]


def _unfinished(context: FactorContext, supplies: Sequence[Supply]) -> list[Missing]:
    found: list[Missing] = []
    fed = _first_kinds((s.kind, (*s.judged, *being_linked(context, s.kind))) for s in supplies)
    for feeder, kind in fed:
        cause = _syncing(context, feeder)
        doubts = unclear(context, feeder, kind)
        if not doubts and cause:
            doubts = [Missing(cause, _CODES.get(cause), kind, source=feeder.id)]
        found += doubts
    return found


def _partial(_context: FactorContext, supplies: Sequence[Supply]) -> list[Missing]:
    fed = _first_kinds((s.kind, s.partial) for s in supplies)
    return [
        Missing(Cause.PARTIAL, kind=kind, source=f.id, account_error=f.error_code)
        for f, kind in fed
    ]


def _expired(context: FactorContext, supplies: Sequence[Supply]) -> list[Missing]:
    return [
        Missing(Cause.EXPIRED, kind=s.kind, source=f.id)
        for s in supplies
        if s.needed and not any(f.id in sources_naming(context, s.kind) for f in s.counted)
        for f in s.before
        if _connected_long(context, f)
        # what failed to be read of a feeder may well have records
        and all(taint.source not in (None, f.id) for taint in read_taints(context, s.kind))
    ]


def _connected_long(context: FactorContext, feeder: Feeder) -> bool:
    """Over 60 days; an account without a date counts as old, since it had data before."""
    if not feeder.is_account or feeder.created is None:
        return feeder.is_account
    return context.as_of.instant - feeder.created > EXPIRED_AFTER


def _first_kinds(fed: Iterable[tuple[Kind, tuple[Feeder, ...]]]) -> Collection[tuple[Feeder, Kind]]:
    kinds: dict[str, tuple[Feeder, Kind]] = {}
    for kind, several in fed:
        for feeder in several:
            kinds.setdefault(feeder.id, (feeder, kind))
    return kinds.values()


class _Sourced(Identified, Protocol):
    @property
    def source(self) -> str: ...


R = TypeVar("R", bound=_Sourced)


class CheckedRecords(msgspec.Struct, Generic[R], frozen=True):
    """What can be computed with, and the contradictions that were found on the way."""

    records: Sequence[R] = ()
    taints: tuple[Missing, ...] = ()


def evidence_of(
    context: FactorContext, records: Sequence[_Sourced], starts: Iterable[date] = ()
) -> Evidence:
    """The evidence of records, the first of them in text order; `starts` are of some of them."""
    ordered = sorted(starts)
    return Evidence(
        records=len(records),
        first=ordered[0].isoformat() if ordered else None,
        last=ordered[-1].isoformat() if ordered else None,
        horizon=context.as_of.date.isoformat(),
        top=tuple(sorted(r.id for r in records)[:MOST_SHOWN]),
        sources=tuple(sorted({r.source for r in records})),
    )


@once
def eincomes(context: FactorContext) -> CheckedRecords[EstimatedIncome]:
    """Estimated incomes; month-dated, so no date of theirs is in the future."""
    return _checked(context, Kind.EINCOMES, context.snapshot.eincomes)


@once
def contributions(context: FactorContext) -> CheckedRecords[Contribution]:
    """Contributions; dated to the month's end, so no date of theirs is in the future."""
    return _checked(context, Kind.CONTRIBUTIONS, context.snapshot.contributions)


@once
def incomes(context: FactorContext) -> CheckedRecords[Income]:
    return _checked(context, Kind.INCOMES, context.snapshot.incomes, believable=_period_believable)


@once
def contracts(context: FactorContext) -> CheckedRecords[Employment]:
    """Every employment on record, the next one too: a contract is signed before it begins."""
    every = context.snapshot.employments
    return _checked(context, Kind.EMPLOYMENTS, every, believable=lambda r, _: _ends_after_start(r))


@once
def employments(context: FactorContext) -> CheckedRecords[Employment]:
    """Those that have begun; a next contract counts from its first day on."""
    every = contracts(context)
    today = context.as_of.date
    return CheckedRecords([r for r in every.records if r.start <= today], every.taints)


@once
def liabilities(context: FactorContext) -> CheckedRecords[Liability]:
    loans = context.snapshot.liabilities
    return _checked(context, Kind.LIABILITIES, loans, believable=lambda r, end: r.start <= end)


@once
def identities(context: FactorContext) -> CheckedRecords[Identity]:
    return _checked(context, Kind.IDENTITIES, context.snapshot.identities, believable=_born)


@once
def links(context: FactorContext) -> CheckedRecords[LinkCounts]:
    return _checked(context, Kind.LINKS, context.snapshot.links)


@once
def transactions(context: FactorContext) -> CheckedRecords[Transaction]:
    """Transactions, their dates still unchecked: the ledger checks each day once."""
    return _checked(context, Kind.TRANSACTIONS, context.snapshot.transactions)


def last_day(context: FactorContext) -> date:
    """The latest date that a day-dated record may have: as_of plus one day."""
    return context.as_of.date + timedelta(days=1)


def bad_date(kind: Kind, source: str) -> Missing:
    return Missing(Cause.BAD_DATA, code=DataReason.BAD_DATE, kind=kind, source=source)


def _checked(
    context: FactorContext,
    kind: Kind,
    read: Read[R] | None,
    believable: Callable[[R, date], bool] | None = None,
) -> CheckedRecords[R]:
    """`believable` looks at a record and the last day that is not in the future."""
    if read is None:
        return CheckedRecords()
    records, contradictions = _distinct(_of_counted(context, kind, read.records), kind)
    # an account that no list names vanished while its records were read
    strangers = sources_naming(context, kind) - {f.id for f in feeders(context)}
    taints = [Missing(Cause.CHANGED_WHILE_READING, kind=kind, source=s) for s in strangers]
    taints += contradictions
    if believable is not None:
        end = last_day(context)
        taints += [bad_date(kind, r.source) for r in records if not believable(r, end)]
    return CheckedRecords(records, tuple(taints))


def _of_counted(context: FactorContext, kind: Kind, records: Sequence[R]) -> Sequence[R]:
    telling = {s for s, f in counted(context).items() if f.known or kind not in EARNING_KINDS}
    if sources_naming(context, kind) <= telling:
        return records
    return [r for r in records if r.source in telling]


def _distinct(records: Sequence[R], kind: Kind) -> tuple[Sequence[R], list[Missing]]:
    # a dict, since a set of 5,000 takes five times the memory and drives the records from the cache
    if len({r.id: None for r in records}) == len(records):
        return records, []
    kept: dict[str, R] = {}
    for r in records:
        held = kept.setdefault(r.id, r)
        if held != r:  # whichever page came first, the same content counts
            kept[r.id] = min(held, r, key=repr)
    others = [r for r in records if kept[r.id] != r]
    sources = {source for r in others for source in (r.source, kept[r.id].source)}
    code = DataReason.DATA_CHANGED_DURING_READ
    taints = [Missing(Cause.BAD_DATA, code, kind, source=source, detail="id") for source in sources]
    return [kept[key] for key in sorted(kept)], taints


def _period_believable(record: Income, end: date) -> bool:
    return record.start <= end and _ends_after_start(record)


def _ends_after_start(record: Income | Employment) -> bool:
    return record.end is None or record.end >= record.start


def _born(record: Identity, end: date) -> bool:
    return record.birth_date is None or record.birth_date <= end
