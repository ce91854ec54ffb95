"""income.*: how well it is proved, how far sources agree, claims of unknown providers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from itertools import combinations
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from decision_service.domain.accounts import INCOME_KINDS, Kind
from decision_service.domain.factor import Better, Evidence, ValueType
from decision_service.domain.snapshot import EstimatedIncome, Income, Read, Transaction
from decision_service.domain.values import Cause, Missing, Money, Month
from decision_service.factors.answer import (
    DECLARED_GRADE,
    DOCUMENT_GRADE,
    GRADES,
    PAYROLL_GRADE,
    REMITTED_GRADE,
    Amount,
    Answer,
    Figure,
    in_order,
    month_of,
    ratio,
    twice_median,
)
from decision_service.factors.employment import NO_EVIDENCE
from decision_service.factors.horizons import stand_in_from
from decision_service.factors.income import DIVISION
from decision_service.factors.income_months import (
    employed_months,
    employment_taints,
    income_feed,
    income_months,
)
from decision_service.factors.income_sources import (
    MonthFacts,
    Parts,
    estimates,
    formal_jobs,
    has_formal_payroll,
    highest_estimate,
    income_settlement,
    income_sources,
    months_of_earnings,
    platform_jobs,
    platform_work,
    platforms,
    total,
)
from decision_service.factors.ledger import beyond_taken, within_days
from decision_service.factors.monthly_income import INCOME, INCOME_CAUSES, income
from decision_service.factors.paychecks import (
    MOST_PAYSLIPS,
    Payslip,
    newest_first,
    paid_once,
    paychecks,
    payslip,
)
from decision_service.factors.payroll import employer_key, named_employer, place
from decision_service.factors.quality import contributions, employments, supply, supply_taints
from decision_service.factors.registry import WHOLE, FactorContext, Family, months, once
from decision_service.factors.series import MonthSpan, over_spans, within
from decision_service.factors.tally import Classifier, first_of, month_of_page, page_of
from decision_service.factors.usage import counted, unknown

PROOF_KINDS = INCOME_KINDS | {Kind.EMPLOYMENTS, Kind.CONTRIBUTIONS}
PROOF = Family("income", PROOF_KINDS, INCOME_CAUSES)
YEAR = 12
GRADING = (
    " Grades: PAYROLL; REMITTED, a scheme's estimate in a month that an employment of the same"
    " account with a named employer covers, or of a scheme paid to in 18 of the 24 months up to it"
    " that no such employment of any account covers, up to 1.5 times the median estimate of these"
    " 24 months; PLATFORM; DOCUMENT, what an upload, an archive or a provider of documents reports;"
    " DECLARED, all else."
)
BACKED = (
    " A month is backed where PAYROLL, REMITTED and PLATFORM parts make up two thirds of its"
    " income; what documents add to an estimate at its ceiling is no such part." + GRADING
)
CLAIMED_MONTHS = 6
NO_MORE = (4, 5)
"""An old habit goes on up to one and a quarter of what it was: 4 amounts up to 5 medians."""
SIDE_WORK = 2
"""Who rides on one day in two or fewer may have another business; who rides daily lives on it."""
MOST = 100
"""The excess where next to nothing, or less than nothing, was earned beside an estimate."""
CONFLICT_MONTHS = 12
CONFLICTS = 2
CLOSE = 20
"""Two accounts of one scheme may differ by one part in twenty (5 %)."""
NEAR = 10
"""An estimate is near the pay of the jobs that it names within one part in ten of it."""

AmountPair = tuple[Amount, Amount]
"""What two sources report of one month's work."""

R = TypeVar("R", Income, EstimatedIncome, Transaction)

Jobs = Mapping[str, Mapping[int, Amount]]
"""The pay of each job by grade."""

Claims = dict[int, Amount]
"""Amounts by month (Month.index)."""


@once
def backed_months(context: FactorContext) -> Collection[int]:
    return frozenset(m for m, parts in income_months(context).parts.items() if _backed(parts))


def last_backed(context: FactorContext) -> int | None:
    """The last backed month by what is settled so far: an estimate to come makes none unbacked."""
    return max(backed_months(context), default=None)


def unbacked_span(context: FactorContext) -> MonthSpan:
    """The months from the last backed one (of none: the whole history) to the income horizon."""
    book = income(context)
    backed = last_backed(context)
    return book.last(WHOLE) if backed is None else (min(backed, book.horizon), book.horizon)


def amounts_by_grade(context: FactorContext, span: MonthSpan) -> Mapping[int, Amount]:
    found: dict[int, Amount] = {}
    for _, parts in within(income_months(context).parts, (span,)):
        for part in parts.values():
            found[part.grade] = found.get(part.grade, 0) + part.amount
    return found


def proof_taints(context: FactorContext, span: MonthSpan) -> tuple[Missing, ...]:
    """What went wrong with the data that could prove more of a span's income."""
    grades = amounts_by_grade(context, span)
    unproved = DECLARED_GRADE in grades
    matter = unproved or DOCUMENT_GRADE in grades or _rests_on_habit(context, span)
    found = [*employment_taints(context, matter=matter)]
    if unproved or context.snapshot.contributions is None:
        found += supply_taints(context, (supply(context, Kind.CONTRIBUTIONS),))
        found += contributions(context).taints
    return in_order(found)


def _rests_on_habit(context: FactorContext, span: MonthSpan) -> bool:
    """Whether an estimate counts as remitted by habit alone, which a job that was not read ends."""
    sheet = income_months(context)
    return any(
        part.grade == REMITTED_GRADE
        and not sheet.facts[month].named & {s for s, _ in part.reported}
        for month, parts in within(sheet.parts, (span,))
        for part in parts.values()
    )


def _backed(parts: Parts) -> bool:
    income = total(parts)
    backing = sum([part.backed for part in parts.values()])
    return income > 0 and backing * 3 >= income * 2


@PROOF.factor(
    "backed_months_{w}",
    ValueType.INTEGER,
    "Months of the {period} whose income someone other than the applicant proves.",
    "Count of the backed months among the {n} calendar months up to the income horizon." + BACKED,
    unit="months",
    windows=months(YEAR),
    upper=lambda n: n,
    better=Better.UP,
    derived_from=("income.months_{w}",),
)
def backed_months_in(context: FactorContext, length: int) -> Answer:
    span = income(context).last(length)
    within_it = range(span[0], span[1] + 1)
    return _proved(
        context, span, lambda: sum(month in within_it for month in backed_months(context))
    )


@PROOF.factor(
    "months_since_backed",
    ValueType.INTEGER,
    "Months from the last backed month to the latest that is known.",
    "The income horizon, or the latest settled month of any payroll or platform source, live or"
    " not, whichever is later, minus the last backed month, by what is settled so far; NO_EVIDENCE"
    " without one." + BACKED,
    unit="months",
    causes=NO_EVIDENCE,
    better=Better.DOWN,
)
def months_since_backed(context: FactorContext) -> Answer:
    book = income(context)
    backed = last_backed(context)
    span = unbacked_span(context)
    prompt = [s.settled for s in income_settlement(context).sources if s.prompt]
    latest = max([book.horizon, *prompt])
    silent = Cause.NO_EVIDENCE if backed is None else max(latest - backed, 0)
    return _proved(context, span, lambda: silent)


@PROOF.factor(
    "weakest_grade_{w}",
    ValueType.TEXT,
    "The weakest proof that more than a third of the income of the {period} rests on.",
    "Of the income of the {n} calendar months up to the income horizon, by grade: the first grade,"
    " from the weakest up, at which it and all weaker ones make up more than a third; NO_EVIDENCE"
    " without income." + GRADING,
    windows=months(6),
    labels=GRADES,
    causes=NO_EVIDENCE,
)
def weakest_grade(context: FactorContext, length: int) -> Answer:
    span = income(context).last(length)
    return _proved(context, span, lambda: _weakest(context, span))


def _proved(context: FactorContext, span: MonthSpan, work: Callable[[], Figure | Cause]) -> Answer:
    """Work on a span; missing also where data that could prove more of it went wrong."""
    found = over_spans(income(context), (span,), work)
    taints = proof_taints(context, span)
    if not taints or any(m.cause.tainted for m in found.missing):
        return found
    return Answer(None, taints, found.evidence)


def _weakest(context: FactorContext, span: MonthSpan) -> str | Cause:
    amounts = amounts_by_grade(context, span)
    income_ = sum(amounts.values())
    held = Fraction(0)
    if income_ <= 0:
        return Cause.NO_EVIDENCE
    for grade in sorted(amounts, reverse=True):
        held += amounts[grade]
        if held * 3 > income_:
            return GRADES[grade]
    return Cause.NO_EVIDENCE


def claimed(context: FactorContext, span: MonthSpan) -> Amount:
    """The sum of all claims in a span, in minor units; each account's best kind counts."""
    ids = [feeder.id for feeder in unknown(context)]
    months = range(span[0], span[1] + 1)
    return sum(_claims(context, source).get(month, 0) for source in ids for month in months)


@once
def _claims(context: FactorContext, source: str) -> Claims:
    """An account's claim of a month: its payroll, else its estimate, else its net earnings."""
    return _earnings(context, source) | _estimates(context, source) | _payroll(context, source)


def _own(read: Read[R] | None, source: str) -> Sequence[R]:
    return list(dict.fromkeys(r for r in (read.records if read else ()) if r.source == source))


def _payroll(context: FactorContext, source: str) -> Claims:
    """What is claimed as pay, pay that is reported twice counted once."""
    jobs: dict[str, list[Payslip]] = {}
    for record in _own(context.snapshot.incomes, source):
        if record.currency == context.currency:
            employer = employer_key(record.employer, context.policy)
            jobs.setdefault(employer, []).append(payslip(record))
    found: Claims = {}
    for slips in jobs.values():
        for slip in paid_once(newest_first(slips)[:MOST_PAYSLIPS]).counted:
            for month, share in place(slip.record, slip.amount).shares:
                found[month] = found.get(month, 0) + share
    return found


def _estimates(context: FactorContext, source: str) -> Claims:
    found: Claims = {}
    for record in _own(context.snapshot.eincomes, source):
        if record.currency == context.currency:
            found[record.month] = found.get(record.month, 0) + record.amount
    return found


def _earnings(context: FactorContext, source: str) -> Claims:
    records = _own(context.snapshot.transactions, source)
    if not records:
        return {}
    provider = counted(context)[source].provider_id
    page = page_of(
        records, Classifier(provider, context.policy.transaction_classes), context.currency
    )
    months = {month_of(record.date) for record in records}
    undue = beyond_taken(page, stand_in_from(context.as_of.date))
    return {
        m: month_of_page(page, m).tally.net - within_days(undue, first_of(m), first_of(m + 1))
        for m in months
    }


@INCOME.factor(
    "source_disagreement_{w}",
    ValueType.NUMBER,
    "How far sources that report the same work are apart, over the {period}.",
    "Over the months among the {n} up to the income horizon that both report, the averages of"
    " each employer's payroll and of the documents that name the same employer; of each platform's"
    " own word and of documents of it; of payroll, and of documents, over all employers (a job"
    " that only the other shows counts with it) and of the highest scheme estimate of each grade;"
    " and of these estimates: (larger - smaller) / larger of the pair that is furthest apart. A"
    " scheme's figure at its legal ceiling means at least, and agrees with any larger one, in a"
    " month that an employment with a named employer covers which is no document's, or a payslip"
    " of a payroll that names its employer. An estimate within 10 % of the pay of the employers"
    " that its account names agrees, too, where payroll proves all other jobs and these pay no"
    " more; gig earnings are other work than estimates. NO_EVIDENCE where no month is reported"
    " twice.",
    unit="ratio",
    windows=months(6),
    lower=0,
    upper=1,
    causes=NO_EVIDENCE,
    better=Better.DOWN,
)
def source_disagreement(context: FactorContext, length: int) -> Answer:
    book = income(context)
    span = book.last(length)
    return over_spans(book, (span,), lambda: _disagreement(context, span))


@INCOME.factor(
    "scheme_conflict",
    ValueType.TEXT,
    "The scheme of which two accounts report different incomes; a person has one number.",
    "The first scheme, in text order, of which two live accounts' estimates differ by more than 5 %"
    " of the larger in two or more of the last 12 months that both have posted and settled; none"
    " where no two do; NO_EVIDENCE without a scheme's estimates.",
    unit="label",
    causes=NO_EVIDENCE,
    months=CONFLICT_MONTHS,
)
def scheme_conflict(context: FactorContext) -> Answer:
    missing = income_feed(context).missing
    if missing:
        return Answer(None, missing)
    schemes = [source for source in income_sources(context).values() if source.scheme]
    if not schemes:
        return Answer(None, (Missing(Cause.NO_EVIDENCE, kind=Kind.EINCOMES),))
    live = sorted((s.feeder.provider_id, s.feeder.id) for s in schemes if s.live)
    for (scheme, account), (other_scheme, other) in combinations(live, 2):
        if scheme == other_scheme and _in_conflict(context, account, other):
            return Answer(scheme, (), Evidence(sources=(account, other)))
    return Answer("none", (), Evidence(sources=tuple(account for _, account in live)))


@INCOME.factor(
    "unknown_provider_excess",
    ValueType.NUMBER,
    "What accounts at unknown providers claim against the known income.",
    "Sum over the 6 calendar months up to the income horizon of the payroll, else estimates, else"
    " earnings of accounts whose provider is in no list / the income of these months; 0 without"
    " such claims; DIVISION_BY_ZERO where that income is not above zero.",
    unit="ratio",
    months=CLAIMED_MONTHS,
    lower=0,
    causes=DIVISION,
    better=Better.DOWN,
)
def unknown_provider_excess(context: FactorContext) -> Answer:
    book = income(context)
    span = book.last(CLAIMED_MONTHS)
    known = sum(total(parts) for _, parts in within(income_months(context).parts, (span,)))
    claim = claimed(context, span)
    return over_spans(book, (span,), lambda: ratio(claim, known) if claim > 0 else 0)


def _in_conflict(context: FactorContext, account: str, other: str) -> bool:
    facts = income_months(context).facts
    both = [f.estimates for _, f in sorted(facts.items()) if {account, other} <= f.estimates.keys()]
    pairs = [sorted((month[account], month[other])) for month in both[-CONFLICT_MONTHS:]]
    return sum((more - less) * CLOSE > more for less, more in pairs) >= CONFLICTS


def _disagreement(context: FactorContext, span: MonthSpan) -> Amount | Cause:
    found: dict[object, list[AmountPair]] = {}
    for month, facts in within(income_months(context).facts, (span,)):
        for what, pair in _reported_twice(context, month, facts):
            found.setdefault(what, []).append(pair)
    return max((_apart(pairs) for pairs in found.values()), default=Cause.NO_EVIDENCE)


def _reported_twice(
    context: FactorContext, month: int, facts: MonthFacts
) -> Iterable[tuple[object, AmountPair]]:
    jobs = formal_jobs(facts, counted(context))
    for what, grades in (*jobs.items(), *platform_jobs(facts, counted(context)).items()):
        for one, other in combinations(sorted(grades), 2):
            yield (what, one, other), (grades[one], grades[other])
    schemes = _schemes(context, month, facts, jobs=jobs)
    employed = _employers(context, month)
    for grade in (PAYROLL_GRADE, DOCUMENT_GRADE):
        if any(grade in grades for grades in jobs.values()):
            for proof, scheme in schemes.items():
                yield (grade, proof), _with_payroll(jobs, grade, scheme, employed=employed)
    for (one, reported), (other, also) in combinations(sorted(schemes.items()), 2):
        figures = (reported.amount, reported.at_least), (also.amount, also.at_least)
        yield ("schemes", one, other), _at_least(*figures)


class SchemeFigure(msgspec.Struct, frozen=True):
    """A scheme's estimate, whether it means at least so much, and the jobs that it names."""

    amount: Amount
    at_least: bool
    named: frozenset[str]


def _with_payroll(
    jobs: Jobs, grade: int, scheme: SchemeFigure, employed: Collection[str]
) -> AmountPair:
    """The payroll as one grade reports it (of other jobs as the other grade does), and a scheme.

    A scheme knows of the employers that pay to it. Where it names some jobs and is within 10 % of
    their pay, other jobs that payroll proves, and that pay no more, contradict nothing. A job of
    exactly the same pay may be the same one under another name, unless an employment names it.
    """
    pays = {job: grades.get(grade, grades[min(grades)]) for job, grades in jobs.items()}
    own = [job for job in pays if job in scheme.named]
    others = [job for job in pays if job not in scheme.named]
    paid = sum([pays[job] for job in (*own, *others)])
    named = sum([pays[job] for job in own])
    equal = {pays[job] for job in own}
    proved = [
        job
        for job in others
        if PAYROLL_GRADE in jobs[job] and (job in employed or pays[job] not in equal)
    ]
    apart = max(scheme.amount, named) - min(scheme.amount, named)
    near = apart * NEAR <= named
    if others and proved == others and paid - named <= named and near:
        return paid, paid
    return _at_least((paid, False), (scheme.amount, scheme.at_least))


def _schemes(
    context: FactorContext, month: int, facts: MonthFacts, jobs: Jobs
) -> Mapping[int, SchemeFigure]:
    """The highest scheme estimate of each grade; of equal ones what any of them says counts."""
    employed = month in employed_months(context) or _names_employer(context, month, facts)
    found: dict[int, SchemeFigure] = {}
    for source in sorted(facts.estimates):
        if not counted(context)[source].scheme:
            continue
        amount = facts.estimates[source]
        grade = facts.grades[source]
        at_least = employed and source in facts.ceilings
        named = _named_jobs(context, source, month).intersection(jobs)
        held = found.get(grade)
        if held is not None and held.amount == amount:
            at_least = at_least or held.at_least
            named = named | held.named
        if held is None or amount >= held.amount:
            found[grade] = SchemeFigure(amount, at_least, named)
    return found


def _names_employer(context: FactorContext, month: int, facts: MonthFacts) -> bool:
    """Whether a payslip of a payroll, and no document, names its employer in a month."""
    feeders = counted(context)
    named = _naming_slips(context)
    accounts = {source for source, _ in facts.payroll}
    real = [s for s in accounts if not feeders[s].gig and not feeders[s].document]
    return any((source, month) in named for source in real)


@once
def _naming_slips(context: FactorContext) -> Collection[tuple[str, int]]:
    found: set[tuple[str, int]] = set()
    for check in paychecks(context).counted:
        if named_employer(check.slip.record.employer, context.policy):
            found.update((check.account, month) for month, _ in check.placed.shares)
    return found


def _employers(context: FactorContext, month: int) -> Collection[str]:
    """The jobs that employments of any account but documents name in a month."""
    feeders = counted(context)
    sources = {r.source for r in employments(context).records if not feeders[r.source].document}
    return frozenset[str]().union(*[_named_jobs(context, source, month) for source in sources])


@once
def _named_jobs(context: FactorContext, source: str, month: int) -> frozenset[str]:
    """The jobs whose employer an account's own employments name in a month, by any of its names."""
    first = Month(month).first_day
    last = Month(month).last_day
    names = set()
    for record in employments(context).records:
        runs = record.start <= last and (record.end is None or record.end >= first)
        if record.source == source and runs and named_employer(record.employer, context.policy):
            names.add(employer_key(record.employer, context.policy))
    jobs = paychecks(context).employers
    merged = {job for (_, name), job in jobs.items() if name in names}
    return frozenset(names | merged)


def _at_least(one: tuple[Amount, bool], other: tuple[Amount, bool]) -> AmountPair:
    larger = max(one[0], other[0])
    return (larger if one[1] else one[0]), (larger if other[1] else other[0])


def _apart(pairs: Sequence[AmountPair]) -> Amount:
    """The distance of the averages, which over equal months is that of the sums."""
    smaller, larger = sorted((sum(one for one, _ in pairs), sum(other for _, other in pairs)))
    return Fraction(larger - max(smaller, 0), larger) if larger > 0 else 0


class SelfPaid(msgspec.Struct):
    """Estimates that no employer vouches for, and what platforms earned from the first trip on.

    `excess` is the part of `estimated` that no old habit explains; the sources are account ids.
    """

    months: int
    estimated: Amount = 0
    excess: Amount = 0
    earned: Amount = 0
    estimators: list[str] = msgspec.field(default_factory=list)
    platforms: set[str] = msgspec.field(default_factory=set)


@INCOME.factor(
    "unvouched_excess_{w}",
    ValueType.NUMBER,
    "Estimates that no employer vouches for against what platforms show of the same months.",
    "Over the months among the {n} up to the income horizon, from the first with a platform's"
    " earnings on, payroll months apart: the highest estimates, unless an employment of the same"
    " account with a named employer covers the month / the earnings of platforms, months without"
    " trips as zero; 100 where it is more or nothing was earned. An old business with side work is"
    " no contradiction: where trips are on every second day or fewer, an estimate does not count"
    " that is REMITTED by habit and at most 1.25 times the account's median of the 12 months before"
    " the first earnings, months with an employer apart. NO_EVIDENCE where nothing is left that"
    " both report; documents of a platform show no earnings.",
    unit="ratio",
    windows=months(6),
    lower=0,
    upper=lambda _: MOST,
    causes=NO_EVIDENCE,
    kinds=frozenset({Kind.CONTRIBUTIONS}),
    better=Better.DOWN,
)
def unvouched_excess(context: FactorContext, length: int) -> Answer:
    book = income(context)
    span = book.last(length)
    paid = _self_paid(context, span)
    found = over_spans(book, (span,), lambda: _excess(paid))
    if any(m.cause.tainted for m in found.missing):
        return found
    doubts = [*employment_taints(context, matter=paid is not None)]
    if paid is not None or context.snapshot.contributions is None:
        doubts += supply_taints(context, (supply(context, Kind.CONTRIBUTIONS),))
        doubts += contributions(context).taints
    if doubts:
        return Answer(None, in_order(doubts), found.evidence)
    if paid is None:
        return found
    notes = (*found.evidence.notes, *_both_figures(context, paid))
    return Answer(found.figure, found.missing, replace(found.evidence, notes=notes))


def _excess(paid: SelfPaid | None) -> Amount | Cause:
    if paid is None or not paid.excess:
        return Cause.NO_EVIDENCE
    if paid.excess >= paid.earned * MOST:
        return MOST
    return Fraction(paid.excess) / Fraction(paid.earned)


def _self_paid(context: FactorContext, span: MonthSpan) -> SelfPaid | None:
    """None where no estimate without an employer is beside a platform's work in these months."""
    feeders = counted(context)
    first = _first_worked(context)
    if first is None or first > span[1]:
        return None
    since = max(first, span[0])
    aside = _is_side_work(context, (since, span[1]), first)
    found = SelfPaid(span[1] - since + 1)
    for _, one in within(income_months(context).facts, ((since, span[1]),)):
        if has_formal_payroll(one, feeders):  # it outranks the estimate
            found.months -= 1
            continue
        work = platform_work(one, feeders)
        found.earned += total(work)
        found.platforms |= {source for part in work.values() for source, _ in part.reported}
        for part in highest_estimate(one, feeders).values():
            sources = [source for source, _ in part.reported]
            if part.amount <= 0 or one.named.intersection(sources):
                continue
            found.estimated += part.amount
            found.estimators.append(sources[0])
            habits = [s for s in sources if one.grades[s] == REMITTED_GRADE]
            if not (aside and any(_is_usual(context, s, part.amount, first=first) for s in habits)):
                found.excess += part.amount
    return found if found.estimators and found.platforms else None


@once
def _first_worked(context: FactorContext) -> int | None:
    """The first month in which a platform shows that something was earned."""
    feeders = counted(context)
    facts = income_months(context).facts
    worked = [m for m, one in facts.items() if total(platform_work(one, feeders)) > 0]
    return min(worked, default=None)


def _is_usual(context: FactorContext, source: str, amount: Amount, first: int) -> bool:
    """Whether the applicant paid for as much alone in the year before the first trip."""
    employed = employed_months(context)
    reported = estimates(context)[source]
    before = [
        reported[month]
        for month in range(first - YEAR, first)
        if reported.get(month, 0) > 0 and month not in employed
    ]
    amounts, medians = NO_MORE
    return bool(before) and amount * amounts * 2 <= twice_median(before) * medians


def _is_side_work(context: FactorContext, span: MonthSpan, first: int) -> bool:
    """Whether trips are on every second day or fewer; a platform without trips shows no days."""
    days: set[date] = set()
    for feeder in platforms(context):
        if not feeder.document:
            for _, stretch in within(months_of_earnings(context, feeder.id), (span,)):
                days |= stretch.earning_days()
    if not days:
        return False
    since = min(days) if span[0] == first else first_of(span[0])
    whole = (first_of(span[1] + 1) - since).days
    return len(days) * SIDE_WORK <= whole


def _both_figures(context: FactorContext, paid: SelfPaid) -> Sequence[str]:
    """What either side reports of a month on average, and who does."""
    sides = (
        ("estimated without an employer by", paid.estimators, paid.estimated, len(paid.estimators)),
        ("earned at", paid.platforms, paid.earned, paid.months),
    )
    found = []
    for words, sources, amount, count in sides:
        a_month = Money(context.currency, round(Fraction(amount, count)))
        names = sorted({counted(context)[source].provider_id for source in sources})
        found.append(f"{a_month.currency} {a_month.major} a month {words} {', '.join(names)}")
    return found
