"""Records fit for computing: of counted sources, equal duplicates dropped, dates believable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Generic, Protocol, TypeVar

import msgspec

from decision_service.domain.accounts import Kind
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
from decision_service.factors.answer import MOST_SHOWN, Identified
from decision_service.factors.registry import FactorContext, once
from decision_service.factors.usage import EARNING_KINDS, counted, feeders, sources_naming


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
    return _checked(context, Kind.INCOMES, context.snapshot.incomes, _period_believable)


@once
def employments(context: FactorContext) -> CheckedRecords[Employment]:
    return _checked(context, Kind.EMPLOYMENTS, context.snapshot.employments, _period_believable)


@once
def liabilities(context: FactorContext) -> CheckedRecords[Liability]:
    loans = context.snapshot.liabilities
    return _checked(context, Kind.LIABILITIES, loans, lambda r, end: r.start <= end)


@once
def identities(context: FactorContext) -> CheckedRecords[Identity]:
    return _checked(context, Kind.IDENTITIES, context.snapshot.identities, _born)


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
    taints = [Missing(Cause.BAD_DATA, code, kind, source, detail="id") for source in sources]
    return [kept[key] for key in sorted(kept)], taints


def _period_believable(record: Income | Employment, end: date) -> bool:
    return record.start <= end and (record.end is None or record.end >= record.start)


def _born(record: Identity, end: date) -> bool:
    return record.birth_date is None or record.birth_date <= end
