"""Each month's reported income: payroll, estimates and earnings, with their proofs."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, Missing
from decision_service.domain.needs import CombineIncome
from decision_service.domain.snapshot import EstimatedIncome, Income
from decision_service.factors.combine import (
    MonthFacts,
    Parts,
    combined,
    formal_jobs,
    payroll_grade,
    platform_grade,
    total,
)
from decision_service.factors.context import FactorContext
from decision_service.factors.evidence import DOCUMENT_GRADE
from decision_service.factors.figures import Amount
from decision_service.factors.income_sources import (
    ceiling_of,
    earned,
    estimates,
    income_sources,
    months_of_earnings,
    platforms,
    stand_in_months,
)
from decision_service.factors.income_trust import platform_taints, platforms_or_partial
from decision_service.factors.paychecks import (
    Paycheck,
    flawed_months,
    pay_month,
    paychecks,
)
from decision_service.factors.proof_of_income import estimate_grades, named_months
from decision_service.factors.records import eincomes
from decision_service.factors.series import SeriesBuilder
from decision_service.factors.stretches import Stretch
from decision_service.factors.tally import EARNED, FOREIGN, OF_NET, Tally
from decision_service.factors.usage import Feeder, counted

SEVERAL = 2
"""One foreign record may be left out, two may not: more need not be told apart."""
RECORDED = (*OF_NET, FOREIGN)
"""What makes a month one with a record of earnings."""
BESIDE = "a payslip counts beside those that its period contains"
CROSSING = "of a payslip of more than a month and those that cross it the larger counts"
CLIPPED = "an estimate above its scheme's ceiling counts as the ceiling"
CAPPED = "a self-paid estimate counts up to 1.5 times the platform's earnings"
PAPER = "documents add nothing where payroll or a scheme reports the month"


class Sheet(msgspec.Struct):
    """The monthly income as it is filled: the draft, each month's facts, the bases of payroll.

    `paid` holds the accounts and months with payroll, usable or not; `parts` each month's income by
    job. Months that their source has not settled are not in it: they are set aside.
    """

    draft: SeriesBuilder = msgspec.field(default_factory=SeriesBuilder)
    facts: dict[int, MonthFacts] = msgspec.field(default_factory=dict)
    bases: dict[int, set[str]] = msgspec.field(default_factory=dict)
    paid: set[tuple[str, int]] = msgspec.field(default_factory=set)
    parts: dict[int, Parts] = msgspec.field(default_factory=dict)

    def month(self, index: int) -> MonthFacts:
        """What is known of a month so far."""
        found = self.facts.get(index)
        if found is None:
            found = self.facts[index] = MonthFacts()
        return found

    def reported(self, account: str, month: int) -> bool:
        """Whether an account tells payroll or an estimate of a month."""
        facts = self.facts.get(month)
        return (account, month) in self.paid or (facts is not None and account in facts.estimates)


def income_months(context: FactorContext) -> Sheet:
    """Every settled month's facts and proofs."""
    return context.once("income months", _income_months)


def income_parts(context: FactorContext) -> Mapping[int, Parts]:
    """Each settled month's income by job."""
    return income_months(context).parts


def formal_payroll(context: FactorContext) -> Mapping[int, Amount]:
    """Each month's payroll, each job once, however the ruleset combines accounts."""
    return context.once("formal payroll", _formal_payroll)


def _formal_payroll(context: FactorContext) -> Mapping[int, Amount]:
    facts, feeders = income_months(context).facts, counted(context)
    jobs = {month: formal_jobs(reported, feeders) for month, reported in facts.items()}
    return {
        month: sum(grades[min(grades)] for grades in paid.values())
        for month, paid in jobs.items()
        if paid
    }


def _income_months(context: FactorContext) -> Sheet:
    sheet = Sheet()
    for check in paychecks(context).counted:
        _take_paycheck(context, sheet, check)
    _take_flawed(context, sheet)
    _take_estimates(context, sheet)
    for feeder in platforms(context):
        _take_earnings(context, sheet, feeder)
    _take_taints(context, sheet)
    _add_up(context, sheet)
    return sheet


def _add_up(context: FactorContext, sheet: Sheet) -> None:
    mode, feeders = context.policy.combine_income, counted(context)
    for month, facts in sheet.facts.items():
        parts = sheet.parts[month] = combined(mode, facts, feeders)
        sheet.draft.amounts[month] = total(parts)
        if mode is CombineIncome.PER_JOB:
            _note_left_out(sheet, month, facts, parts, feeders)


def _note_left_out(
    sheet: Sheet, month: int, facts: MonthFacts, parts: Parts, feeders: Mapping[str, Feeder]
) -> None:
    papers = any(feeders[source].document for source, _ in facts.payroll)
    if papers and not any(part.grade == DOCUMENT_GRADE for part in parts.values()):
        sheet.draft.note(month, PAPER)
    used = [one for part in parts.values() for one in part.reported.items()]
    if any(kind is Kind.EINCOMES and a < facts.estimates[s] for (s, kind), a in used):
        sheet.draft.note(month, CAPPED)


def _settled(context: FactorContext, account: str, kind: Kind) -> int:
    source = income_sources(context).get((account, kind))
    return source.settled if source else 0


def _take_paycheck(context: FactorContext, sheet: Sheet, check: Paycheck) -> None:
    settled = _settled(context, check.account, Kind.INCOMES)
    grade = payroll_grade(counted(context)[check.account])
    for month, share in check.placed.shares:
        if month > settled:
            continue
        counts = month == check.placed.pay_month
        reported = (check.account, grade)
        sheet.draft.proof(month).note(check.slip.record.id, share, reported, counted=counts)
        facts, job = sheet.month(month), (check.account, check.employer)
        facts.payroll[job] = facts.payroll.get(job, 0) + share
        if check.base:
            sheet.bases.setdefault(month, set()).add(check.base)
        sheet.paid.add((check.account, month))


def _take_flawed(context: FactorContext, sheet: Sheet) -> None:
    """The records that cannot be added up, and what else is wrong with months of payroll."""
    found = paychecks(context)
    for month, flaw in found.flaws:
        if month <= _settled(context, flaw.source or "", Kind.INCOMES):
            sheet.draft.flaw(month, flaw)
    for month in found.parallel:
        sheet.draft.note(month, BESIDE)
    for month in found.crossing:
        sheet.draft.note(month, CROSSING)
    for record in found.flawed:
        settled = _settled(context, record.source, Kind.INCOMES)
        months = [month for month in flawed_months(record) if month <= settled]
        reported = (record.source, payroll_grade(counted(context)[record.source]))
        ours = record.currency == context.currency
        for month in months:
            counts = ours and month == pay_month(record)
            sheet.draft.proof(month).note(record.id, 0, reported, counted=counts)
            if ours:
                sheet.paid.add((record.source, month))
            else:
                _abroad(sheet, month, record, Kind.INCOMES)


def _abroad(sheet: Sheet, month: int, record: Income | EstimatedIncome, kind: Kind) -> None:
    """Note what is told in another currency."""
    cause = Missing(Cause.MIXED_CURRENCY, kind=kind, source=record.source)
    sheet.draft.abroad(month, record.id, cause)


def _take_estimates(context: FactorContext, sheet: Sheet) -> None:
    settled = {source: _settled(context, source, Kind.EINCOMES) for source in estimates(context)}
    grades = {
        source: estimate_grades(context, counted(context)[source]) for source in estimates(context)
    }
    for record in eincomes(context).records:
        if record.month <= settled[record.source]:
            _take_estimate(context, sheet, record, grades[record.source][record.month])


def _take_estimate(
    context: FactorContext, sheet: Sheet, record: EstimatedIncome, grade: int
) -> None:
    ours = record.currency == context.currency
    reported = (record.source, grade)
    sheet.draft.proof(record.month).note(record.id, record.amount, reported, counted=ours)
    if not ours:
        _abroad(sheet, record.month, record, Kind.EINCOMES)
        return
    facts = sheet.month(record.month)
    amount = facts.estimates[record.source] = estimates(context)[record.source][record.month]
    facts.grades[record.source] = grade
    if record.month in named_months(context, record.source):
        facts.named.add(record.source)
    feeder = counted(context)[record.source]
    ceiling = ceiling_of(context.policy, feeder.provider_id, record.month)
    if ceiling is not None and amount >= ceiling:
        facts.ceilings[record.source] = ceiling
    if record.amount > amount and ceiling == amount:
        sheet.draft.note(record.month, CLIPPED)


def _take_earnings(context: FactorContext, sheet: Sheet, feeder: Feeder) -> None:
    """A platform's earnings, in months of which its account tells neither payroll nor estimate.

    A month below zero counts in place of the account's estimate.
    """
    settled, kept = _settled(context, feeder.id, Kind.TRANSACTIONS), earned(context, feeder)
    for month, stretch in months_of_earnings(context, feeder.id).items():
        if month <= settled and kept.get(month, 0) < 0 and (feeder.id, month) not in sheet.paid:
            sheet.month(month).estimates.pop(feeder.id, None)
        if sheet.reported(feeder.id, month):
            continue
        if month <= settled and month in kept:
            sheet.month(month).earnings[feeder.id] = kept[month]
        if month <= settled or not settled:
            _prove_earnings(sheet.draft, feeder, month, stretch)


def _take_taints(context: FactorContext, sheet: Sheet) -> None:
    """What went wrong with platforms' transactions, in the months of which they alone tell."""
    for taint in platform_taints(context):
        for feeder in platforms_or_partial(context):
            if taint.source in (None, feeder.id):
                for month in stand_in_months(context):
                    if not sheet.reported(feeder.id, month):
                        sheet.draft.flaw(month, taint)


def _prove_earnings(draft: SeriesBuilder, feeder: Feeder, month: int, stretch: Stretch) -> None:
    _note_turnover(draft, month, stretch.tally, feeder.id)
    if not stretch.tally.records(RECORDED):
        return
    proof = draft.proof(month)
    if stretch.tally.counts[EARNED]:
        proof.records += stretch.tally.counts[EARNED]
        proof.reported.add((feeder.id, platform_grade(feeder)))
        proof.heaps += stretch.heaps(EARNED)


def _note_turnover(draft: SeriesBuilder, month: int, total: Tally, source: str) -> None:
    unmapped, turnover = draft.turnovers.get(month, (0, 0))
    draft.turnovers[month] = unmapped + total.unmapped, turnover + total.turnover
    for place in range(min(total.counts[FOREIGN], SEVERAL)):
        cause = Missing(Cause.MIXED_CURRENCY, kind=Kind.TRANSACTIONS, source=source)
        draft.abroad(month, f"{source}:{month}:{place}", cause)
