"""Records fit for computing: of counted sources, equal duplicates dropped, dates believable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Generic, Protocol, TypeVar

import msgspec

from decision_service.domain.accounts import Kind
from decision_service.domain.missing import Cause, DataReason, Missing
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
from decision_service.factors.registry import FactorContext
from decision_service.factors.usage import EARNING_KINDS, counted, feeders, sources_naming


class _Sourced(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def source(self) -> str: ...


R = TypeVar("R", bound=_Sourced)
Believable = Callable[[R, date], bool]
"""Whether a record's dates can be true, given the last day that is not in the future."""


class CheckedRecords(msgspec.Struct, Generic[R], frozen=True):
    """What can be computed with, and the contradictions that were found on the way."""

    records: Sequence[R] = ()
    taints: tuple[Missing, ...] = ()


def eincomes(context: FactorContext) -> CheckedRecords[EstimatedIncome]:
    """Estimated incomes; month-dated, so no date of theirs is in the future."""
    return _once(context, Kind.EINCOMES, context.snapshot.eincomes, None)


def contributions(context: FactorContext) -> CheckedRecords[Contribution]:
    """Contributions; dated to the month's end, so no date of theirs is in the future."""
    return _once(context, Kind.CONTRIBUTIONS, context.snapshot.contributions, None)


def incomes(context: FactorContext) -> CheckedRecords[Income]:
    return _once(context, Kind.INCOMES, context.snapshot.incomes, _period_believable)


def employments(context: FactorContext) -> CheckedRecords[Employment]:
    return _once(context, Kind.EMPLOYMENTS, context.snapshot.employments, _period_believable)


def liabilities(context: FactorContext) -> CheckedRecords[Liability]:
    return _once(
        context, Kind.LIABILITIES, context.snapshot.liabilities, lambda r, end: r.start <= end
    )


def identities(context: FactorContext) -> CheckedRecords[Identity]:
    return _once(context, Kind.IDENTITIES, context.snapshot.identities, _born)


def links(context: FactorContext) -> CheckedRecords[LinkCounts]:
    return _once(context, Kind.LINKS, context.snapshot.links, None)


def transactions(context: FactorContext) -> CheckedRecords[Transaction]:
    """Transactions, their dates still unchecked: the ledger checks each day once."""
    return _once(context, Kind.TRANSACTIONS, context.snapshot.transactions, None)


def last_day(context: FactorContext) -> date:
    """The latest date that a day-dated record may have: as_of plus one day."""
    return context.as_of.date + timedelta(days=1)


def bad_date(kind: Kind, source: str) -> Missing:
    return Missing(Cause.BAD_DATA, code=DataReason.BAD_DATE, kind=kind, source=source)


def _once(
    context: FactorContext, kind: Kind, read: Read[R] | None, believable: Believable[R] | None
) -> CheckedRecords[R]:
    return context.once(("clean", kind), lambda c: _clean(c, kind, read, believable))


def _clean(
    context: FactorContext, kind: Kind, read: Read[R] | None, believable: Believable[R] | None
) -> CheckedRecords[R]:
    if read is None:
        return CheckedRecords()
    records, contradictions = _distinct(_of_counted(context, kind, read.records), kind)
    taints = [*_unlisted(context, kind), *contradictions]
    if believable is not None:
        end = last_day(context)
        taints += [bad_date(kind, r.source) for r in records if not believable(r, end)]
    return CheckedRecords(records, tuple(taints))


def _of_counted(context: FactorContext, kind: Kind, records: Sequence[R]) -> Sequence[R]:
    telling = {s for s, f in counted(context).items() if f.known or kind not in EARNING_KINDS}
    if sources_naming(context, kind) <= telling:
        return records
    return [r for r in records if r.source in telling]


def _unlisted(context: FactorContext, kind: Kind) -> list[Missing]:
    """Sources that no list names: the account vanished while its records were read."""
    strangers = sources_naming(context, kind) - {f.id for f in feeders(context)}
    return [Missing(Cause.CHANGED_WHILE_READING, kind=kind, source=s) for s in strangers]


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
    return _ordered(kept), [_contradiction(kind, source) for source in sources]


def _ordered(kept: Mapping[str, R]) -> list[R]:
    return [kept[key] for key in sorted(kept)]


def _contradiction(kind: Kind, source: str) -> Missing:
    code = DataReason.DATA_CHANGED_DURING_READ
    return Missing(Cause.BAD_DATA, code=code, kind=kind, source=source, detail="id")


def _period_believable(record: Income | Employment, end: date) -> bool:
    return record.start <= end and (record.end is None or record.end >= record.start)


def _born(record: Identity, end: date) -> bool:
    return record.birth_date is None or record.birth_date <= end
