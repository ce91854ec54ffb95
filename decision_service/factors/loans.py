"""Loans reported by schemes, with the fields that a report leaves out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from decision_service.domain.factor import Evidence
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, DataReason, Missing
from decision_service.domain.snapshot import Liability
from decision_service.factors.answer import Answer, answer, in_order
from decision_service.factors.context import FactorContext
from decision_service.factors.evidence import heaviest
from decision_service.factors.figures import Amount, Figure
from decision_service.factors.payroll import MONTHLY_SHARE, known_frequency
from decision_service.factors.quality import Feed, feed, supply
from decision_service.factors.records import liabilities
from decision_service.factors.usage import Feeder, FeederState, counted

Unreported = tuple[Missing, ...]
"""What the loans do not tell, at least one thing."""

Found = Figure | Cause | Unreported
"""A figure, why there is none, or what was not told."""

LoanFunction = Callable[[Sequence[Liability]], Found]


class Loans(msgspec.Struct, frozen=True):
    """The applicant's loans, or why they are not known."""

    records: Sequence[Liability]
    missing: tuple[Missing, ...]
    evidence: Evidence


def loans(context: FactorContext) -> Loans:
    """The loans known to schemes."""
    return context.once("loans", _loans)


def on_loans(
    context: FactorContext, work: LoanFunction, money: Callable[[Liability], bool] = lambda _: False
) -> Answer:
    """Work on all loans; MIXED_CURRENCY when one that `money` picks is in another currency."""
    known = loans(context)
    foreign = [r for r in known.records if r.currency != context.currency and money(r)]
    causes = known.missing or in_order(
        [Missing(Cause.MIXED_CURRENCY, kind=Kind.LIABILITIES, source=r.source) for r in foreign]
    )
    if causes:
        return Answer(None, causes)
    figure = work(known.records)
    if isinstance(figure, tuple):
        return Answer(None, in_order(figure), known.evidence)
    return answer(figure, Kind.LIABILITIES, known.evidence)


def of_outstanding(
    all_: Sequence[Liability],
    work: Callable[[Sequence[Liability]], Found],
) -> Found:
    """Work on the loans with a balance above zero, or tell which ones have none to tell."""
    running = [r for r in all_ if r.outstanding is not None and r.outstanding > 0]
    unreported = tuple(_unreported(r, "outstandingBalance") for r in all_ if r.outstanding is None)
    figure = work(running)
    if not unreported:
        return figure
    return unreported + figure if isinstance(figure, tuple) else unreported


def of_overdue(all_: Sequence[Liability], work: Callable[[Sequence[int]], Figure | Cause]) -> Found:
    """Work on the overdue amounts, or tell which loans that may run have none to tell."""
    unreported = tuple(
        _unreported(r, "overduePaymentAmount")
        for r in all_
        if r.overdue is None and maybe_running(r)
    )
    return unreported or work([r.overdue for r in all_ if r.overdue is not None and r.overdue > 0])


def instalments(
    running: Sequence[Liability], work: Callable[[Sequence[int]], Figure | Cause]
) -> Found:
    """Work on the running loans' amortizations as told, or tell which loans have none to tell."""
    unreported = tuple(
        _unreported(r, "amortizationAmount") for r in running if r.amortization is None
    )
    return unreported or work([r.amortization for r in running if r.amortization is not None])


def repaid(all_: Sequence[Liability], work: Callable[[Sequence[int]], Figure | Cause]) -> Found:
    """Work on what is paid back of each loan, where it is anything."""
    unreported = tuple(_unreported(r, "outstandingBalance") for r in all_ if r.outstanding is None)
    paid = [r.loan_amount - max(r.outstanding or 0, 0) for r in all_]
    return unreported or work([amount for amount in paid if amount > 0])


def maybe_running(record: Liability) -> bool:
    """Whether a loan runs, or tells no balance."""
    return record.outstanding is None or record.outstanding > 0


def _unreported(
    record: Liability,
    field: str,
    cause: Cause = Cause.NO_DATA,
    code: DataReason | None = None,
) -> Missing:
    return Missing(cause, code, Kind.LIABILITIES, record.source, detail=field)


def amortization(running: Sequence[Liability]) -> Amount | Unreported:
    """The running loans' payments a month, or everything that one of them does not tell."""
    unreported = tuple(m for m in map(_unreported_amortization, running) if m is not None)
    return unreported or sum(
        (r.amortization or 0) * MONTHLY_SHARE[r.amortization_frequency or ""] for r in running
    )


def _unreported_amortization(record: Liability) -> Missing | None:
    if not known_frequency(record.amortization_frequency):
        return _unreported(record, "amortizationFrequency", Cause.BAD_DATA, DataReason.UNKNOWN_ENUM)
    if record.amortization_frequency not in MONTHLY_SHARE:
        return _unreported(record, "amortizationFrequency")
    if record.amortization is None:
        return _unreported(record, "amortizationAmount")
    return None


def _loans(context: FactorContext) -> Loans:
    clean = liabilities(context)
    records = sorted(clean.records, key=lambda r: r.id)
    trust = feed(
        context,
        (supply(context, Kind.LIABILITIES),),
        clean.taints,
        held=bool(records),
    )
    return Loans(
        records, () if _debt_free(trust, records) else trust.missing, _proof(context, records)
    )


def _debt_free(trust: Feed, records: Sequence[Liability]) -> bool:
    """The one exception to "empty is not zero": read completely where loans would be listed."""
    only_empty = [m.cause for m in trust.missing] == [Cause.NO_DATA]
    return not records and only_empty and any(_lists_loans(f) for f in trust.feeders)


def _lists_loans(feeder: Feeder) -> bool:
    known = feeder.supported is not None and Kind.LIABILITIES in feeder.supported
    return known and feeder.is_account and feeder.state is FeederState.USED


def _proof(context: FactorContext, records: Sequence[Liability]) -> Evidence:
    starts = sorted(r.start for r in records)
    return Evidence(
        records=len(records),
        first=starts[0].isoformat() if starts else None,
        last=starts[-1].isoformat() if starts else None,
        horizon=context.as_of.date.isoformat(),
        grade="scheme" if records else None,
        top=heaviest([(-abs(r.loan_amount), r.id) for r in records]),
        sources=tuple(sorted(_lenders(context, records))),
    )


def _lenders(context: FactorContext, records: Iterable[Liability]) -> set[str]:
    named = {r.source for r in records}
    return named or {f.id for f in counted(context).values() if _lists_loans(f)}
