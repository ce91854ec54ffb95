"""Each month's reported income, with its proofs and how far it can be trusted."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from decision_service.domain.accounts import INCOME_KINDS, MATTERS_FOR, Kind
from decision_service.domain.snapshot import EstimatedIncome, Income
from decision_service.domain.values import Cause, DataReason, Missing, Month
from decision_service.factors.answer import (
    DECLARED_GRADE,
    DOCUMENT_GRADE,
    REMITTED_GRADE,
    Amount,
    in_order,
    twice_median,
)
from decision_service.factors.contributions import contribution_book
from decision_service.factors.horizons import LIVE_MONTHS, stand_in_from
from decision_service.factors.income_sources import (
    MonthFacts,
    Parts,
    ceiling_of,
    earned,
    estimates,
    formal_jobs,
    income_by_job,
    income_settlement,
    income_sources,
    months_of_earnings,
    payroll_grade,
    platform_grade,
    platforms,
    stand_in_months,
    total,
)
from decision_service.factors.ledger import ledger
from decision_service.factors.paychecks import Paycheck, flawed_months, pay_month, paychecks
from decision_service.factors.payroll import named_employer
from decision_service.factors.quality import (
    Feed,
    Supply,
    eincomes,
    employments,
    feed,
    incomes,
    supply,
    supply_taints,
)
from decision_service.factors.registry import FactorContext, once
from decision_service.factors.series import SeriesBuilder
from decision_service.factors.tally import EARNED, FOREIGN, OF_NET, Stretch, unclassified
from decision_service.factors.usage import (
    EARNING_KINDS,
    Feeder,
    FeederState,
    counted,
    feeders,
    partial_feeding,
    unread_from,
)

HABIT_MONTHS = 24
HABIT_NEEDS = 18
"""So many months among the last 24 that the applicant paid alone are a habit.

They are not bought for one loan. Months that an employer paid are no habit of the applicant's: who
has lost the job and pays on has to be asked.
"""
USUAL = (2, 3)
"""A habit proves amounts up to one and a half of its own median: 2 amounts up to 3 medians."""
USUAL_MONTHS = (13, 24)
"""So many months before, from the last to the first, lie those that say what is usual.

What was raised for a loan a year ago would otherwise be its own measure.
"""
SEVERAL = 2
"""One foreign record may be left out, two may not: more need not be counted."""
RECORDED = (*OF_NET, FOREIGN)
"""What makes a month one with a record of earnings."""
EXTRA_PAYSLIP = "a payslip counts beside those that its period contains"
CROSSING = "of a payslip of more than a month and those that cross it the larger counts"
AGAIN = "of payslips of one period and employer the largest counts, as one pay"
CLIPPED = "an estimate above its scheme's ceiling counts as the ceiling"
PAPER = "documents add nothing where payroll or a scheme reports the month"


@once
def income_feed(context: FactorContext) -> Feed:
    held = bool(eincomes(context).records or incomes(context).records) or any(
        earned(context, feeder.id) for feeder in platforms(context)
    )
    taints = [*eincomes(context).taints, *incomes(context).taints, *_just_revoked(context)]
    taints += employment_taints(context, matter=income_settlement(context).rests_on_employments)
    if not held and platforms_or_partial(context):
        taints += [*_of_transactions(context), *_unreadable(context)]
    gig = _gig(context)
    if held:  # what taints it is judged by the months in which it is income
        gig = Supply(
            Kind.TRANSACTIONS,
            gig.counted,
            (),
            revoked=gig.revoked,
            before=(),
            judged=(),
            needed=False,
        )
    supplies = (supply(context, Kind.EINCOMES), supply(context, Kind.INCOMES), gig)
    return feed(context, supplies, taints, held=held)


def platforms_or_partial(context: FactorContext) -> tuple[Feeder, ...]:
    """The gig accounts whose transactions may be income, those in error included."""
    partial = [f for f in partial_feeding(context, Kind.TRANSACTIONS) if f.gig]
    return (*platforms(context), *(f for f in partial if f not in platforms(context)))


@once
def platform_taints(context: FactorContext) -> Sequence[Missing]:
    """What is wrong with the transactions of gig accounts, wherever they are income."""
    ids = {feeder.id for feeder in platforms_or_partial(context)}
    if not ids:
        return ()
    found = [*supply_taints(context, (_gig(context),)), *_of_transactions(context)]
    return in_order([taint for taint in found if taint.source is None or taint.source in ids])


def _unreadable(context: FactorContext) -> Sequence[Missing]:
    """That transactions without a class alone may be income."""
    tallies = [
        s.tally for f in platforms(context) for s in months_of_earnings(context, f.id).values()
    ]
    unmapped = sum(t.unmapped for t in tallies)
    turnover = sum(t.turnover for t in tallies)
    found = Missing(Cause.UNCLASSIFIED, kind=Kind.TRANSACTIONS)
    return [found] if unclassified(unmapped, turnover) else []


def employment_taints(context: FactorContext, *, matter: bool) -> Sequence[Missing]:
    """What went wrong with employments where they matter; where they were not read, always."""
    if not matter and context.snapshot.employments is not None:
        return ()
    return [
        *supply_taints(context, (supply(context, Kind.EMPLOYMENTS),)),
        *employments(context).taints,
    ]


def _gig(context: FactorContext) -> Supply:
    several = supply(context, Kind.TRANSACTIONS)
    return Supply(
        Kind.TRANSACTIONS,
        counted=platforms(context),
        partial=tuple(f for f in several.partial if f.gig),
        revoked=tuple(f for f in several.revoked if f.gig),
        before=tuple(f for f in several.before if f in platforms(context)),
        judged=platforms(context),
        needed=bool(platforms_or_partial(context)),
    )


def _of_transactions(context: FactorContext) -> Sequence[Missing]:
    unread = unread_from(context.snapshot, stand_in_from(context.as_of.date))
    return [*ledger(context).taints, *unread]


def _just_revoked(context: FactorContext) -> Sequence[Missing]:
    """Accounts that fed the income and were disconnected lately: that hides a lost job."""
    now = context.as_of.instant
    code = DataReason.CONSENT_REVOKED
    found = []
    for feeder in feeders(context):
        gone = feeder.revoked or now
        if feeder.state is FeederState.REVOKED and feeder.known and now - gone <= MATTERS_FOR:
            kinds = EARNING_KINDS if feeder.gig else INCOME_KINDS
            month = Month.of(gone.astimezone(context.as_of.zone).date()).index
            oldest = month - LIVE_MONTHS - context.policy.lag_months(feeder.provider_id) - 1
            found += [
                Missing(Cause.EXPIRED, code, known.kind, source=feeder.id)
                for known in context.snapshot.known
                if known.source == feeder.id and known.kind in kinds
                if known.newest is not None and known.newest >= oldest
            ]
    return found


def estimate_grades(context: FactorContext, feeder: Feeder) -> Mapping[int, int]:
    """How well an account's estimate proves the income of each of its months."""
    reported = estimates(context)[feeder.id]
    if feeder.gig:
        return dict.fromkeys(reported, platform_grade(feeder))
    if feeder.document:
        return dict.fromkeys(reported, DOCUMENT_GRADE)
    remitted = _remitted(context, feeder, reported) if feeder.scheme else ()
    return {month: REMITTED_GRADE if month in remitted else DECLARED_GRADE for month in reported}


@once
def employed_months(context: FactorContext) -> AbstractSet[int]:
    """The months in which an employment with a named employer runs, of any source but documents."""
    named = named_months(context).items()
    feeders = counted(context)
    return frozenset[int]().union(*[m for source, m in named if not feeders[source].document])


@once
def named_months(context: FactorContext) -> Mapping[str, AbstractSet[int]]:
    """The months in which an employment with a named employer runs on a day, by account."""
    found: dict[str, set[int]] = {}
    for record in employments(context).records:
        if named_employer(record.employer, context.policy):
            last = min(record.end or context.as_of.date, context.as_of.date)
            months = range(Month.of(record.start).index, Month.of(last).index + 1)
            found.setdefault(record.source, set()).update(months)
    return found


def _remitted(
    context: FactorContext, feeder: Feeder, reported: Mapping[int, int]
) -> Collection[int]:
    """The months whose estimate an employer proves, or a habit that it does not go beyond."""
    named = named_months(context).get(feeder.id, frozenset())
    paid = _paid_alone(context).get(feeder.provider_id, ())
    habitual = [
        month
        for month in sorted(reported.keys() - named)
        if bisect_right(paid, month) - bisect_right(paid, month - HABIT_MONTHS) >= HABIT_NEEDS
    ]
    own = {m: amount for m, amount in reported.items() if m not in employed_months(context)}
    return {*(reported.keys() & named), *_usual(reported, habitual, own)}


@once
def _paid_alone(context: FactorContext) -> Mapping[str, Sequence[int]]:
    schemes = contribution_book(context).schemes
    employed = employed_months(context)
    return {s.provider: [month for month in s.paid if month not in employed] for s in schemes}


def _usual(
    reported: Mapping[int, int], months: Sequence[int], own: Mapping[int, int]
) -> Iterable[int]:
    """Those of some months whose estimate is no jump above the applicant's `own` of a year ago."""
    paid = sorted(month for month, amount in own.items() if amount > 0)
    amounts, medians = USUAL
    last, first = USUAL_MONTHS
    for month in months:
        places = bisect_left(paid, month - first), bisect_right(paid, month - last)
        before = [own[m] for m in paid[slice(*places)]]
        if before and reported[month] * amounts * 2 <= twice_median(before) * medians:
            yield month


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
        found = self.facts.get(index)
        if found is None:
            found = self.facts[index] = MonthFacts()
        return found

    def reported(self, account: str, month: int) -> bool:
        facts = self.facts.get(month)
        return (account, month) in self.paid or (facts is not None and account in facts.estimates)


@once
def income_months(context: FactorContext) -> Sheet:
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


@once
def formal_payroll(context: FactorContext) -> Mapping[int, Amount]:
    facts = income_months(context).facts
    feeders = counted(context)
    jobs = {month: formal_jobs(reported, feeders) for month, reported in facts.items()}
    return {
        month: sum(grades[min(grades)] for grades in paid.values())
        for month, paid in jobs.items()
        if paid
    }


def _add_up(context: FactorContext, sheet: Sheet) -> None:
    feeders = counted(context)
    for month, facts in sheet.facts.items():
        parts = sheet.parts[month] = income_by_job(facts, feeders)
        sheet.draft.amounts[month] = total(parts)
        papers = any(feeders[source].document for source, _ in facts.payroll)
        if papers and not any(part.grade == DOCUMENT_GRADE for part in parts.values()):
            sheet.draft.note(month, PAPER)


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
        facts = sheet.month(month)
        job = (check.account, check.employer)
        facts.payroll[job] = facts.payroll.get(job, 0) + share
        if check.base:
            sheet.bases.setdefault(month, set()).add(check.base)
        sheet.paid.add((check.account, month))


def _take_flawed(context: FactorContext, sheet: Sheet) -> None:
    found = paychecks(context)
    for month, flaw in found.flaws:
        if month <= _settled(context, flaw.source or "", Kind.INCOMES):
            sheet.draft.flaw(month, flaw)
    for month in found.parallel:
        sheet.draft.note(month, EXTRA_PAYSLIP)
    for month in found.crossing:
        sheet.draft.note(month, CROSSING)
    for month in found.again:
        sheet.draft.note(month, AGAIN)
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
                _abroad(sheet, month, record, kind=Kind.INCOMES)


def _abroad(sheet: Sheet, month: int, record: Income | EstimatedIncome, kind: Kind) -> None:
    cause = Missing(Cause.MIXED_CURRENCY, kind=kind, source=record.source)
    sheet.draft.abroad(month, record.id, cause)


def _take_estimates(context: FactorContext, sheet: Sheet) -> None:
    settled = {source: _settled(context, source, Kind.EINCOMES) for source in estimates(context)}
    grades = {
        source: estimate_grades(context, counted(context)[source]) for source in estimates(context)
    }
    for record in eincomes(context).records:
        if record.month <= settled[record.source]:
            _take_estimate(context, sheet, record, grade=grades[record.source][record.month])


def _take_estimate(
    context: FactorContext, sheet: Sheet, record: EstimatedIncome, grade: int
) -> None:
    ours = record.currency == context.currency
    reported = (record.source, grade)
    sheet.draft.proof(record.month).note(record.id, record.amount, reported, counted=ours)
    if not ours:
        _abroad(sheet, record.month, record, kind=Kind.EINCOMES)
        return
    facts = sheet.month(record.month)
    amount = facts.estimates[record.source] = estimates(context)[record.source][record.month]
    facts.grades[record.source] = grade
    if record.month in named_months(context).get(record.source, ()):
        facts.named.add(record.source)
    feeder = counted(context)[record.source]
    ceiling = ceiling_of(context.policy, feeder.provider_id, record.month)
    if ceiling is not None and amount >= ceiling:
        facts.ceilings[record.source] = ceiling
    if record.amount > amount and ceiling == amount:
        sheet.draft.note(record.month, CLIPPED)


def _take_earnings(context: FactorContext, sheet: Sheet, feeder: Feeder) -> None:
    """Of months without the account's payroll or estimate; one below zero ousts the estimate."""
    settled = _settled(context, feeder.id, Kind.TRANSACTIONS)
    kept = earned(context, feeder.id)
    for month, stretch in months_of_earnings(context, feeder.id).items():
        if month <= settled and kept.get(month, 0) < 0 and (feeder.id, month) not in sheet.paid:
            sheet.month(month).estimates.pop(feeder.id, None)
        if sheet.reported(feeder.id, month):
            continue
        if month <= settled and month in kept:
            sheet.month(month).earnings[feeder.id] = kept[month]
        if month <= settled or not settled:
            _prove_earnings(sheet.draft, feeder, month, stretch=stretch)


def _take_taints(context: FactorContext, sheet: Sheet) -> None:
    for taint in platform_taints(context):
        for feeder in platforms_or_partial(context):
            if taint.source in (None, feeder.id):
                for month in stand_in_months(context):
                    if not sheet.reported(feeder.id, month):
                        sheet.draft.flaw(month, taint)


def _prove_earnings(draft: SeriesBuilder, feeder: Feeder, month: int, stretch: Stretch) -> None:
    tally = stretch.tally
    unmapped, turnover = draft.turnovers.get(month, (0, 0))
    draft.turnovers[month] = unmapped + tally.unmapped, turnover + tally.turnover
    for place in range(min(tally.counts[FOREIGN], SEVERAL)):
        cause = Missing(Cause.MIXED_CURRENCY, kind=Kind.TRANSACTIONS, source=feeder.id)
        draft.abroad(month, f"{feeder.id}:{month}:{place}", cause)
    if not tally.records(RECORDED):
        return
    proof = draft.proof(month)
    if tally.counts[EARNED]:
        proof.records += tally.counts[EARNED]
        proof.reported.add((feeder.id, platform_grade(feeder)))
        proof.heaps += stretch.heaps(EARNED)
