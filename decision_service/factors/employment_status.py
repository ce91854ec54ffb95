"""employment.*: work as recent income shows it, and jobs that began, ended or will end.

Also what income is left when contracts on record end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date

import msgspec
from msgspec.structs import replace

from decision_service.domain.accounts import INCOME_KINDS, Kind
from decision_service.domain.factor import Better, ValueType
from decision_service.domain.snapshot import Employment
from decision_service.domain.values import Cause, Missing, Month
from decision_service.factors.answer import Amount, Answer, answer, in_order, whole_months
from decision_service.factors.contributions import contribution_book
from decision_service.factors.employment import EMPLOYMENT, Jobs, is_open, jobs
from decision_service.factors.income import CONSERVATIVE_NEEDS, careful
from decision_service.factors.income_months import formal_payroll, income_months, platform_taints
from decision_service.factors.income_payroll import believable, lost_job, open_jobs
from decision_service.factors.income_proof import last_backed, proof_taints, unbacked_span
from decision_service.factors.income_sources import (
    ESTIMATE,
    PAYROLL,
    JobKey,
    platform_work,
    total,
)
from decision_service.factors.monthly_income import (
    INCOME,
    INCOME_CAUSES,
    gig_months,
    income,
    income_presence,
)
from decision_service.factors.newest_truth import CARRIES, KNOWN_MONTHS
from decision_service.factors.paychecks import paychecks
from decision_service.factors.payroll import employer_key, named_employer
from decision_service.factors.quality import contracts, evidence_of, read_taints
from decision_service.factors.registry import FactorContext, Family, months, once
from decision_service.factors.series import MonthBook, MonthSpan, either_way, over_spans, within
from decision_service.factors.usage import counted, reading

RECENT_MONTHS = 3
EMPLOYED = "EMPLOYED"
GIG = "GIG"
UNEMPLOYED = "UNEMPLOYED"
FLAWS = frozenset({Cause.MIXED_CURRENCY, Cause.UNCLASSIFIED, Cause.NOT_YET_POSTED})
PAY = Family("employment", INCOME_KINDS | {Kind.EMPLOYMENTS}, INCOME_CAUSES)
"""Factors about work that rest on the monthly income."""
NAMED = " Words such as voluntary and self-employed name no employer."
BELIEVED = (
    " Documents and unknown providers say nothing of employments, nor does a scheme where another"
    " account has some of the employer."
)
LONGEST_GAP = 31
"""So many days may lie between two contracts of which one renews the other, or both overlap."""
RENEWED = 2


@PAY.factor(
    "has_payroll",
    ValueType.FLAG,
    "Whether payroll was paid within 3 months of the horizon.",
    "True when one of the last 3 months up to the income horizon has payroll of an account that is"
    " no gig platform. Otherwise false, or NOT_YET_POSTED where one of these months is open;"
    " missing where the monthly income of these months is.",
    months=RECENT_MONTHS,
    better=Better.UP,
)
def has_payroll(context: FactorContext) -> Answer:
    return _recently(context, formal_payroll(context))


@PAY.factor(
    "has_gig",
    ValueType.FLAG,
    "Whether a gig platform gave income within 3 months of the horizon.",
    "True when one of the last 3 months up to the income horizon has income above zero of an"
    " account at a gig platform. Otherwise false, or NOT_YET_POSTED where one of these months is"
    " open; missing where the monthly income of these months is.",
    months=RECENT_MONTHS,
    better=Better.UP,
)
def has_gig(context: FactorContext) -> Answer:
    return _recently(context, gig_months(context))


@EMPLOYMENT.factor(
    "status",
    ValueType.TEXT,
    "What the applicant lives on: EMPLOYED, GIG or UNEMPLOYED.",
    "EMPLOYED: an open employment, and payroll within the last 3 months up to the income horizon or"
    " a contribution above zero within the last 3 months that its scheme has settled. Otherwise"
    " GIG: income above zero of a gig platform within the last 3 months up to the income horizon."
    " Otherwise UNEMPLOYED: employments of which none is open, and no payroll, contribution or gig"
    " income in a month after the latest end date's. Otherwise NO_EVIDENCE; NOT_CONNECTED when"
    " nothing is connected that could show it. Tainted by a taint of any of these kinds or of these"
    " last 3 months, NO_DATA when payroll of these has no amount; where no untainted month after"
    " the latest end shows payroll, a contribution or gig income, also by a taint of one of those.",
    labels=(EMPLOYED, GIG, UNEMPLOYED),
    kinds=INCOME_KINDS | {Kind.CONTRIBUTIONS},
    causes=FLAWS | {Cause.NO_EVIDENCE},
    months=RECENT_MONTHS,
)
def status(context: FactorContext) -> Answer:
    known = jobs(context)
    taints = _taints(context)
    if taints:
        return Answer(None, taints)
    books = (known, income_presence(context), contribution_book(context))
    if all({m.cause for m in book.missing} == {Cause.NOT_CONNECTED} for book in books):
        return Answer(None, (Missing(Cause.NOT_CONNECTED, kind=Kind.EMPLOYMENTS),))
    open_ = any(is_open(record, context.as_of.date) for record in known.records)
    if open_ and (
        _recent(context, formal_payroll(context))
        or any(s.since_last() < RECENT_MONTHS for s in contribution_book(context).paying)
    ):
        return answer(EMPLOYED, Kind.EMPLOYMENTS, known.evidence)
    book = income_presence(context)
    span = _looked_at(context, known, open_=open_)
    matters = book.last(RECENT_MONTHS) if _anything(context, span[0]) else span
    waiting = book.waiting((matters,))
    gig = _recent(context, gig_months(context))
    if waiting is not None and (open_ or not gig):
        return Answer(None, (*book.judged((matters,))[0], waiting), known.evidence)
    if gig:
        return answer(GIG, Kind.EMPLOYMENTS, known.evidence)
    if open_ or not known.records:
        return answer(Cause.NO_EVIDENCE, Kind.EMPLOYMENTS, known.evidence)
    return _after_the_last_end(context, known)


def _looked_at(context: FactorContext, known: Jobs, *, open_: bool) -> MonthSpan:
    first, last = income_presence(context).last(RECENT_MONTHS)
    if open_ or _recent(context, gig_months(context)):
        return first, last
    ends = [Month.of(r.end).index for r in known.records if r.end]
    return min([first, *(month + 1 for month in sorted(ends)[-1:])]), last


def _recently(context: FactorContext, shown: Iterable[int]) -> Answer:
    """Whether a recent month shows it; an open month could, where none does."""
    book = income_presence(context)
    found = not book.missing and _recent(context, shown)
    closed = book.read(book.last(RECENT_MONTHS), open_as=0)
    return either_way(book, RECENT_MONTHS, lambda months: found or months != closed)


def _after_the_last_end(context: FactorContext, known: Jobs) -> Answer:
    """UNEMPLOYED where nothing came in any month after the latest end date's."""
    since = max(Month.of(r.end).index + 1 for r in known.records if r.end is not None)
    if _anything(context, since):
        return answer(Cause.NO_EVIDENCE, Kind.EMPLOYMENTS, known.evidence)
    spans = _from(context, since)
    flaws = in_order([m for book, span, _ in spans for m in book.judged((span,))[0]])
    return Answer(None, flaws) if flaws else answer(UNEMPLOYED, Kind.EMPLOYMENTS, known.evidence)


def _recent(context: FactorContext, shown: Iterable[int]) -> bool:
    first, last = income_presence(context).last(RECENT_MONTHS)
    return any(first <= month <= last for month in shown)


def _anything(context: FactorContext, since: int) -> bool:
    """Whether some month from this one on shows work beyond doubt: it or all of them are usable."""
    return any(
        not (book.judged((span,))[0] and book.judged(((month, month),))[0])
        for book, span, shown in _from(context, since)
        for month in shown
        if span[0] <= month <= span[1]
    )


def _from(
    context: FactorContext, since: int
) -> Iterable[tuple[MonthBook, MonthSpan, Collection[int]]]:
    book = income_presence(context)
    paid = contribution_book(context)
    yield book, (since, book.horizon), {*formal_payroll(context), *gig_months(context)}
    last = max([scheme.settled for scheme in paid.schemes], default=since)
    yield paid, (since, last), {month for scheme in paid.paying for month in scheme.paid}


def _taints(context: FactorContext) -> tuple[Missing, ...]:
    book = income_presence(context)
    paid = contribution_book(context)
    whole = in_order([*jobs(context).missing, *book.missing, *paid.missing])
    recent = book.judged((book.last(RECENT_MONTHS),))[0]
    return tuple(m for m in whole if m.cause.tainted) or in_order(
        [*recent, *paid.flawed(lambda scheme: scheme.ends(RECENT_MONTHS))]
    )


@PAY.factor(
    "started_since_backed",
    ValueType.FLAG,
    "Whether a job began since income was backed last.",
    "True when an open employment with a named employer began in the last backed month or later;"
    " false otherwise, and without a backed month." + NAMED,
    kinds=frozenset({Kind.CONTRIBUTIONS}),
    better=Better.UP,
)
def started_since_backed(context: FactorContext) -> Answer:
    book = income(context)
    span = unbacked_span(context)
    missing = (*book.missing, *jobs(context).missing)
    tainted = [m for m in missing if m.cause.tainted]
    flaws = () if book.missing else book.judged((span,))[0]
    found = in_order([*tainted, *flaws, *proof_taints(context, span)])
    if tainted:  # what is absent says nothing then
        found = tuple(m for m in found if m.cause.tainted)
    return Answer(None, found) if found else _on_income(context, lambda: _started(context))


@PAY.factor(
    "ended_without_income",
    ValueType.FLAG,
    "Whether a job ended and neither another one nor income has come since.",
    "True when an employment ended, none with a named employer is open, and no month after that of"
    " the latest end has income. With one open: when a payroll employer that carried a third of the"
    " income of the last 6 known months or more ended the employment in the last of them or later,"
    " and none followed: no other job's pay as in paydays_missed, and no open employment that began"
    " from 31 days before the end on, and has not paid since or pays as much. Otherwise false."
    " Documents and unknown providers say nothing of open ones, nor does a scheme where another"
    " account has some of the employer. NOT_YET_POSTED where one of these months is open; a month"
    " after the horizon has no income yet." + NAMED,
    better=Better.DOWN,
)
def ended_without_income(context: FactorContext) -> Answer:
    ends = [r.end for r in jobs(context).records if r.end and not is_open(r, context.as_of.date)]
    if not ends or open_jobs(context):
        lost = lost_job(context) if ends else None  # the next month's amount says the rest
        return _on_income(
            context, lambda: bool(lost and Month.of(lost).index >= income(context).horizon)
        )
    ended = Month.of(max(ends)).index
    book = income_presence(context)
    since = (ended + 1, book.horizon)
    after = any(month > ended for month in book.with_income)
    waiting = None if after else book.waiting((since,))
    found = _on_income(context, lambda: not after)
    flaws = () if book.missing else book.judged((since,))[0]
    doubts = () if after else tuple(platform_taints(context))
    causes = in_order([*flaws, *doubts]) or ((waiting,) if waiting else ())
    return found if found.missing or not causes else Answer(None, causes, found.evidence)


def _on_income(context: FactorContext, work: Callable[[], bool]) -> Answer:
    known = jobs(context)
    for missing in (known.missing, income_presence(context).missing):
        taints = tuple(m for m in missing if m.cause.tainted)
        if taints:
            return Answer(None, taints)
    return answer(work(), Kind.EMPLOYMENTS, known.evidence)


def _started(context: FactorContext) -> bool:
    backed = last_backed(context)
    today = context.as_of.date
    policy = context.policy
    return backed is not None and any(
        Month.of(job.start).index >= backed
        for job in jobs(context).records
        if is_open(job, today) and named_employer(job.employer, policy)
    )


class Contracts(msgspec.Struct, frozen=True):
    """What is on record of the jobs, by job: a payroll's employer, "" where it names none.

    `ends` holds, of those whose record ends ahead, the day on which the last contract ends.
    """

    of: Mapping[str, Sequence[Employment]]
    ends: Mapping[str, date]

    def gave(self, job: str, part: JobKey, month: int) -> bool:
        """Whether a part of a month's income is a job's: payroll, or an estimate that it covers."""
        kind, employer = part
        if kind == PAYROLL:
            return employer == job
        return kind == ESTIMATE and any(
            one.start <= Month(month).last_day and (one.end or date.max) >= Month(month).first_day
            for one in self.of[job]
        )


@once
def _contracts(context: FactorContext) -> Contracts:
    policy = context.policy
    found = dict[str, list[Employment]]()
    job_of = dict[str, str]()
    paid = dict[str, set[str]]()
    for (account, key), job in paychecks(context).employers.items():
        paid.setdefault(account, set()).add(job)
        job_of[key] = job
    for one in believable(context, contracts(context).records):
        key = employer_key(one.employer, policy)
        mine = paid.get(one.source, set())
        theirs = {job_of.get(key, key)} if named_employer(one.employer, policy) else set[str]()
        if "" in mine or (not key and len(mine) == 1):  # one side names no employer
            theirs |= {"" if "" in mine else next(iter(mine))}
        for job in theirs:
            found.setdefault(job, []).append(one)
    ends = {job: _end_ahead(several, context.as_of.date) for job, several in found.items()}
    return Contracts(found, {job: end for job, end in ends.items() if end})


def _end_ahead(every: Sequence[Employment], today: date) -> date | None:
    """The last day of an employer's contracts that follow one another up to today and on.

    None where that is past, where one of them is open, and where the first was renewed twice: who
    was kept on twice will be kept on again.
    """
    first, *others = sorted(every, key=lambda one: (one.start, one.end or date.max))
    end = first.end or date.max
    renewals = 0
    for one in others:
        ends = one.end or date.max
        gap = (one.start - end).days - 1
        if gap > LONGEST_GAP and end >= today:
            break  # what begins after a gap does not carry this contract on
        if gap > LONGEST_GAP:
            renewals = 0
        elif ends > end and gap >= -LONGEST_GAP:
            renewals += 1
        end = max(end, ends)
    return None if end < today or end == date.max or renewals >= RENEWED else end


@once
def _ending(context: FactorContext) -> Mapping[str, date]:
    """The jobs that end ahead and gave a third or more of the last known months' income."""
    book = income(context)
    known = _contracts(context)
    span = book.last(KNOWN_MONTHS)
    given: dict[str, Amount] = dict.fromkeys(known.ends, 0)
    for month, parts in within(income_months(context).parts, (span,)):
        for job in given:
            given[job] += sum(p.amount for key, p in parts.items() if known.gave(job, key, month))
    whole = sum(book.between(span))
    return {job: known.ends[job] for job in given if 0 < whole <= given[job] * CARRIES}


@PAY.factor(
    "months_to_end",
    ValueType.INTEGER,
    "Completed months to the recorded end of a job that carries the income.",
    "Completed months from as_of's civil date to the earliest end on record that is not past, of"
    " jobs that gave a third or more of the income of the last 6 known months: by payroll, or by"
    " estimates of months that an employment at the employer covers. The end is that of the last of"
    " the employer's contracts that follow one another with at most 31 days between them."
    " NO_EVIDENCE without such an end, where one of these contracts is open, and where there are"
    " three or more, so that the first was renewed twice." + BELIEVED,
    unit="months",
    months=KNOWN_MONTHS,
    causes=frozenset({Cause.NO_EVIDENCE}),
)
def months_to_end(context: FactorContext) -> Answer:
    today = context.as_of.date
    return _on_end(context, lambda end: whole_months(today, end))


@PAY.factor(
    "next_end_date",
    ValueType.DATE,
    "The day on which a job that carries the income ends on record.",
    "The end that months_to_end counts to; NO_EVIDENCE where there is none.",
    months=KNOWN_MONTHS,
    causes=frozenset({Cause.NO_EVIDENCE}),
)
def next_end_date(context: FactorContext) -> Answer:
    return _on_end(context, lambda end: end)


def _on_end(context: FactorContext, work: Callable[[date], int | date]) -> Answer:
    doubts = _doubted(context)
    if doubts:
        return Answer(None, doubts)
    if not _contracts(
        context
    ).ends:  # whatever may be wrong with the income, but where it is unread
        unread = [kind for kind in INCOME_KINDS if reading(context.snapshot, kind) is None]
        taints = in_order([taint for kind in unread for taint in read_taints(context, kind)])
        return Answer(None, taints or (Missing(Cause.NO_EVIDENCE, kind=Kind.EMPLOYMENTS),))
    book = income(context)
    ends = _ending(context)
    found = over_spans(book, (book.last(KNOWN_MONTHS),), lambda: len(ends) or Cause.NO_EVIDENCE)
    if found.missing:
        return found
    records = [one for job in sorted(ends) for one in _contracts(context).of[job]]
    evidence = evidence_of(context, records, [one.start for one in records])
    return Answer(work(min(ends.values())), (), evidence)


@INCOME.factor(
    "conservative_open_{w}",
    ValueType.MONEY,
    "A careful monthly income without the jobs that end on record: what is left when they do.",
    "As conservative_{n}m, each month without the payroll of the jobs whose end months_to_end may"
    " count to, and without an estimate where an employment at such an employer covers the month."
    " What these outranked does not take their place, but for a platform's earnings that of an"
    " estimate. Equal to conservative_{n}m where no such job ends." + BELIEVED,
    windows=months(6),
    needs_months=CONSERVATIVE_NEEDS,
    better=Better.UP,
)
def conservative_open(context: FactorContext, length: int) -> Answer:
    book = income(context)
    span = book.last(length)
    months_ = range(max(span[0], book.first), span[1] + 1)
    observed = [(m, amount) for m, amount in zip(months_, book.raw(span), strict=True)]
    left = [min(amount, _left(context, m)) for m, amount in observed if amount is not None]
    enough = len(left) >= CONSERVATIVE_NEEDS
    found = over_spans(book, (span,), lambda: careful(left), enough=enough)
    doubts = _doubted(context)
    if doubts and not any(m.cause.tainted for m in found.missing):
        return Answer(None, doubts, found.evidence)
    ends = sorted(set(_ending(context).values()))
    notes = tuple(f"a job that ends on {end} is left out" for end in ends)
    evidence = replace(found.evidence, notes=(*found.evidence.notes, *notes))
    return Answer(found.figure, found.missing, evidence)


def _left(context: FactorContext, month: int) -> Amount:
    """What a month's income comes to without the jobs that end on record."""
    parts = income_months(context).parts.get(month, {})
    known = _contracts(context)
    gone = {key for key in parts for job in _ending(context) if known.gave(job, key, month)}
    left = {key: part for key, part in parts.items() if key not in gone}
    if any(kind == ESTIMATE for kind, _ in gone):
        # of the two the estimate was the larger
        left |= platform_work(income_months(context).facts[month], counted(context))
    return total(left)


def _doubted(context: FactorContext) -> tuple[Missing, ...]:
    return tuple(m for m in jobs(context).missing if m.cause.tainted)
