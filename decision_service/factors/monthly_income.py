"""The monthly income: payroll before estimates before a gig account's earnings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from decision_service.domain.factor import Evidence
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, DataReason, Missing
from decision_service.domain.months import Month
from decision_service.domain.snapshot import EstimatedIncome, Income
from decision_service.factors.case import Case
from decision_service.factors.civil import month_of
from decision_service.factors.combine import Job, MonthFacts, combined, employer_key
from decision_service.factors.evidence import (
    DECLARED_GRADE,
    PAYROLL_GRADE,
    PLATFORM_GRADE,
    SCHEME_GRADE,
    month_name,
    proofs_evidence,
)
from decision_service.factors.figures import Amount
from decision_service.factors.horizons import stand_in_from
from decision_service.factors.ledger import ledger
from decision_service.factors.payroll import (
    Placed,
    amount_of,
    known_frequency,
    months_touched,
    place,
)
from decision_service.factors.quality import Feed, Supply, feed, supply
from decision_service.factors.reading import sources_naming
from decision_service.factors.records import eincomes, incomes, last_day
from decision_service.factors.series import Draft, MonthBook, Spans, within
from decision_service.factors.stretches import Stretch, first_of
from decision_service.factors.tally import EARNED, Tally
from decision_service.factors.usage import Feeder, counted, feeding

GOVERNMENT = "GOVERNMENT"


class Sheet(msgspec.Struct):
    """The monthly income as it is filled: the draft, each month's facts, the bases of payroll."""

    draft: Draft = msgspec.field(default_factory=Draft)
    facts: dict[int, MonthFacts] = msgspec.field(default_factory=dict)
    bases: dict[int, set[str]] = msgspec.field(default_factory=dict)

    def month(self, index: int) -> MonthFacts:
        """What is known of a month so far."""
        return self.facts.setdefault(index, MonthFacts())


class IncomeBook(MonthBook):
    """The monthly income with its parts by job; `stand_in` where earnings stand in."""

    def __init__(self, feed: Feed, sheet: Sheet, parts: Mapping[int, Mapping[Job, Amount]]) -> None:
        super().__init__(Kind.EINCOMES, feed, sheet.draft)
        self.parts = parts
        self.facts: Mapping[int, MonthFacts] = sheet.facts
        self.known_from: int | None = None
        self._bases = sheet.bases

    def prove(self, spans: Spans) -> Evidence:
        """What the spans rest on, with the income's own notes."""
        return proofs_evidence(self.proofs(spans), self.horizon, self._notes(spans))

    def _notes(self, spans: Spans) -> tuple[str, ...]:
        """Whether two payroll bases are mixed, and from when gig earnings are known."""
        if not self._bases and not self.known_from:
            return ()
        bases = sorted({base for _, found in within(self._bases, spans) for base in found})
        mixed = (f"payroll amounts are {' and '.join(bases)}",) if len(bases) > 1 else ()
        since = self.known_from
        known = (f"gig earnings are known from {month_name(since)} on",) if since else ()
        return mixed + known


def income(case: Case) -> IncomeBook:
    """The applicant's monthly income."""
    return case.once("income", _income)


def income_feed(case: Case) -> Feed:
    """How far the data of the monthly income can be trusted."""
    return case.once("income feed", _feed)


def stand_ins(case: Case) -> tuple[Feeder, ...]:
    """Gig accounts with transactions whose whole history has neither payroll nor estimates."""
    return case.once("stand-ins", _stand_ins)


def _income(case: Case) -> IncomeBook:
    sheet = Sheet()
    for record in incomes(case).records:
        _take_payroll(case, sheet, record)
    for estimate in eincomes(case).records:
        _take_estimate(case, sheet, estimate)
    for feeder in stand_ins(case):
        _take_earnings(sheet, feeder.id, _stand_in_months(case, feeder))
    mode, feeders = case.policy.combine_income, counted(case)
    parts = {m: combined(mode, facts, feeders) for m, facts in sheet.facts.items()}
    sheet.draft.amounts.update({m: sum(jobs.values()) for m, jobs in parts.items()})
    book = IncomeBook(income_feed(case), sheet, parts)
    if stand_ins(case):
        book.known_from = month_of(stand_in_from(case.as_of.date))
    return book


def _feed(case: Case) -> Feed:
    estimates, payroll = eincomes(case), incomes(case)
    standing_in = stand_ins(case)
    taints = [*estimates.taints, *payroll.taints, *_transaction_taints(case)]
    held = bool(estimates.records or payroll.records) or any(
        _stand_in_months(case, f) for f in standing_in
    )
    supplies = (supply(case, Kind.EINCOMES), supply(case, Kind.INCOMES), _gig_supply(case))
    return feed(case, supplies, taints, held=held)


def _gig_supply(case: Case) -> Supply:
    """Who stands in; where somebody does, all that taints transactions taints the income too."""
    several, needed = supply(case, Kind.TRANSACTIONS), bool(stand_ins(case))
    return Supply(
        Kind.TRANSACTIONS,
        counted=stand_ins(case),
        partial=tuple(f for f in several.partial if needed or f.gig),
        revoked=tuple(f for f in several.revoked if f.gig),
        before=tuple(f for f in several.before if f in stand_ins(case)),
        judged=several.judged if needed else (),
        needed=needed,
    )


def _transaction_taints(case: Case) -> list[Missing]:
    if not stand_ins(case):
        return []
    read = case.snapshot.transactions
    late = read and read.first_day and read.first_day > stand_in_from(case.as_of.date)
    unread = [Missing(Cause.NOT_FETCHED, kind=Kind.TRANSACTIONS)] if late else []
    return [*ledger(case).taints, *unread]


def _stand_ins(case: Case) -> tuple[Feeder, ...]:
    earning = sources_naming(case, Kind.EINCOMES) | sources_naming(case, Kind.INCOMES)
    return tuple(f for f in feeding(case, Kind.TRANSACTIONS) if f.gig and f.id not in earning)


def _stand_in_months(case: Case, feeder: Feeder) -> Mapping[int, Stretch]:
    """Its months with a transaction, from the first one that stands in as income."""
    return case.once(("stand-in months", feeder.id), lambda c: _months_of(c, feeder.id))


def _months_of(case: Case, source: str) -> Mapping[int, Stretch]:
    page = ledger(case).pages.get(source)
    if page is None:
        return {}
    first, last = Month.of(stand_in_from(case.as_of.date)), Month.of(last_day(case))
    months = range(first.index, last.index + 1)
    found = {m: Stretch((page,), first_of(m), first_of(m + 1)) for m in months}
    return {month: stretch for month, stretch in found.items() if any(stretch.tally.counts)}


def _take_payroll(case: Case, sheet: Sheet, record: Income) -> None:
    found = amount_of(record)
    placed = place(record, found[0] if found else 0)
    for month, share in placed.shares:
        proof = sheet.draft.proof(month)
        counts = month == placed.pay_month
        proof.note(record.id, share, (record.source, PAYROLL_GRADE), counted=counts)
    flaw = _payroll_flaw(record, case.currency)
    if flaw is not None:
        for month in _flawed_months(record, placed):
            sheet.draft.flaw(month, flaw)
    elif found is not None:
        _book_payroll(sheet, record, placed.shares, found[1])


def _flawed_months(record: Income, placed: Placed) -> Iterable[int]:
    """Where the amount belongs; with an unknown frequency every month that its days touch."""
    if known_frequency(record.frequency):
        return [month for month, _ in placed.shares]
    return months_touched(record)


def _book_payroll(
    sheet: Sheet, record: Income, shares: tuple[tuple[int, Amount], ...], base: str
) -> None:
    job = (record.source, employer_key(record.employer))
    for month, share in shares:
        payroll = sheet.month(month).payroll
        payroll[job] = payroll.get(job, 0) + share
        sheet.bases.setdefault(month, set()).add(base)


def _payroll_flaw(record: Income, currency: str) -> Missing | None:
    """Another currency, a frequency we do not know, or no amount at all."""
    kind, source = Kind.INCOMES, record.source
    if record.currency != currency:
        return Missing(Cause.MIXED_CURRENCY, kind=kind, source=source)
    if not known_frequency(record.frequency):
        code = DataReason.UNKNOWN_ENUM
        return Missing(Cause.BAD_DATA, code, kind, source, detail="frequency")
    if amount_of(record) is None:
        return Missing(Cause.NO_DATA, kind=kind, source=source, detail="amount")
    return None


def _take_estimate(case: Case, sheet: Sheet, record: EstimatedIncome) -> None:
    told = record.source, _estimate_grade(counted(case)[record.source])
    sheet.draft.proof(record.month).note(record.id, record.amount, told)
    if record.currency != case.currency:
        cause = Missing(Cause.MIXED_CURRENCY, kind=Kind.EINCOMES, source=record.source)
        sheet.draft.flaw(record.month, cause)
        return
    estimates = sheet.month(record.month).estimates
    estimates[record.source] = estimates.get(record.source, 0) + record.amount


def _estimate_grade(feeder: Feeder) -> int:
    if feeder.provider_type == GOVERNMENT:
        return SCHEME_GRADE
    return PLATFORM_GRADE if feeder.gig else DECLARED_GRADE


def _take_earnings(sheet: Sheet, source: str, months: Mapping[int, Stretch]) -> None:
    for month, stretch in months.items():
        sheet.month(month).earnings[source] = stretch.tally.net
        proof = sheet.draft.proof(month)
        earned = stretch.tally.counts[EARNED]
        if earned:
            proof.records += earned
            proof.told.add((source, PLATFORM_GRADE))
            proof.heaps += stretch.heaps(EARNED)
        _note_turnover(sheet.draft, month, stretch.tally, source)


def _note_turnover(draft: Draft, month: int, total: Tally, source: str) -> None:
    unmapped, turnover = draft.turnovers.get(month, (0, 0))
    draft.turnovers[month] = unmapped + total.unmapped, turnover + total.turnover
    if total.foreign:
        draft.flaw(month, Missing(Cause.MIXED_CURRENCY, kind=Kind.TRANSACTIONS, source=source))
