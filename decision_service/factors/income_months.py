"""Each month's reported income: payroll, estimates and earnings, with their proofs."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, Missing
from decision_service.domain.needs import CombineIncome
from decision_service.domain.snapshot import EstimatedIncome, Income
from decision_service.factors.combine import (
    PAYROLL,
    MonthFacts,
    Parts,
    combined,
    has_formal_payroll,
    payroll_grade,
    platform_grade,
    total,
)
from decision_service.factors.context import FactorContext
from decision_service.factors.figures import Amount
from decision_service.factors.income_sources import (
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
from decision_service.factors.proof_of_income import confirmed, estimate_grades
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


class Sheet(msgspec.Struct):
    """The monthly income as it is filled: the draft, each month's facts, the bases of payroll.

    `reported` holds the accounts and months with payroll or an estimate, usable or not; `parts`
    each month's income by job. Months that their source has not settled are not in it: they are set
    aside.
    """

    draft: SeriesBuilder = msgspec.field(default_factory=SeriesBuilder)
    facts: dict[int, MonthFacts] = msgspec.field(default_factory=dict)
    bases: dict[int, set[str]] = msgspec.field(default_factory=dict)
    reported: set[tuple[str, int]] = msgspec.field(default_factory=set)
    parts: dict[int, Parts] = msgspec.field(default_factory=dict)

    def month(self, index: int) -> MonthFacts:
        """What is known of a month so far."""
        found = self.facts.get(index)
        if found is None:
            found = self.facts[index] = MonthFacts()
        return found


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
    paid = {m: reported for m, reported in facts.items() if has_formal_payroll(reported, feeders)}
    jobs = {m: combined(CombineIncome.PER_JOB, reported, feeders) for m, reported in paid.items()}
    return {
        month: sum(part.amount for (what, _), part in parts.items() if what == PAYROLL)
        for month, parts in jobs.items()
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
        if confirmed(context, check.account, check.named):
            facts.confirmed[job] = facts.confirmed.get(job, 0) + share
        sheet.bases.setdefault(month, set()).add(check.base)
        sheet.reported.add((check.account, month))


def _take_flawed(context: FactorContext, sheet: Sheet) -> None:
    """The records that have no amount to count, and what else is wrong with months of payroll."""
    found = paychecks(context)
    for month, flaw in found.flaws:
        if month <= _settled(context, flaw.source or "", Kind.INCOMES):
            sheet.draft.flaw(month, flaw)
    for month in found.parallel:
        sheet.draft.note(month, BESIDE)
    for record in found.flawed:
        settled = _settled(context, record.source, Kind.INCOMES)
        months = [month for month in flawed_months(record) if month <= settled]
        reported = (record.source, payroll_grade(counted(context)[record.source]))
        ours = record.currency == context.currency
        for month in months:
            counts = ours and month == pay_month(record)
            sheet.draft.proof(month).note(record.id, 0, reported, counted=counts)
            if ours:
                sheet.reported.add((record.source, month))
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
    sheet.reported.add((record.source, record.month))
    facts = sheet.month(record.month)
    facts.estimates[record.source] = facts.estimates.get(record.source, 0) + record.amount
    facts.grades[record.source] = grade


def _take_earnings(context: FactorContext, sheet: Sheet, feeder: Feeder) -> None:
    """A platform's earnings, in months of which its account tells neither payroll nor estimate."""
    settled, kept = _settled(context, feeder.id, Kind.TRANSACTIONS), earned(context, feeder)
    for month, stretch in months_of_earnings(context, feeder.id).items():
        if (feeder.id, month) in sheet.reported:
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
                    if (feeder.id, month) not in sheet.reported:
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
