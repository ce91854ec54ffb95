"""income.*: payroll alone, over all employers together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from math import ceil

import msgspec

from decision_service.domain.accounts import Kind
from decision_service.domain.factor import Better, ValueType
from decision_service.domain.snapshot import Employment, Income
from decision_service.domain.values import Cause, Missing, Month
from decision_service.factors.answer import PAYROLL_GRADE, Amount, Answer, answer, in_order, median
from decision_service.factors.employment import NO_EVIDENCE, is_open, jobs
from decision_service.factors.horizons import Settlement, last_seen
from decision_service.factors.income import since_last
from decision_service.factors.income_months import (
    formal_payroll,
    income_feed,
    income_months,
    platform_taints,
)
from decision_service.factors.income_sources import (
    formal_jobs,
    income_settlement,
    income_sources,
    shown_by_work,
)
from decision_service.factors.monthly_income import INCOME, income, overlapping
from decision_service.factors.newest_truth import CARRIES, KNOWN_MONTHS
from decision_service.factors.paychecks import paychecks
from decision_service.factors.paydays import pay_delay, step_of
from decision_service.factors.payroll import (
    amount_of,
    employer_key,
    is_pay,
    last_day_of,
    named_employer,
    payroll_jobs,
)
from decision_service.factors.quality import (
    contributions,
    employments,
    incomes,
    supply,
    supply_taints,
)
from decision_service.factors.registry import FactorContext, once
from decision_service.factors.series import (
    MonthBook,
    MonthSpan,
    SeriesBuilder,
    SeriesView,
    at,
    over,
    over_spans,
)
from decision_service.factors.usage import counted

LEAST_ENDS = 4
HANDED_OVER = timedelta(days=31)
"""So long may an old job's pay overlap with that of the job which took its place."""
SILENT_MONTHS = 2
"""So many settled months without a job's pay show whether the income goes on without it."""
GOES_ON = Fraction(3, 5)
"""The part of the former pay that other work reports in those months where it does."""
NOT_MUCH_LESS = Fraction(3, 4)
"""The part of an old job's pay for a day that the best payslip of the one in its place has."""


class Payroll(msgspec.Struct, frozen=True):
    """Up to the month that a live source has settled; `complete` is settled by all of them."""

    book: MonthBook
    complete: int


@INCOME.factor(
    "months_since_last_payroll",
    ValueType.INTEGER,
    "Months from the last month with payroll to the latest that payroll has settled.",
    "The latest month that a live payroll source has settled (of none live: any) minus the last one"
    " up to it with payroll above zero, over all employers together; NO_EVIDENCE where no payroll"
    " account feeds. Payroll's own silence: nothing else is looked at.",
    unit="months",
    causes=NO_EVIDENCE,
    better=Better.DOWN,
)
def months_since_last_payroll(context: FactorContext) -> Answer:
    found = payroll(context)
    if found is None:
        return _no_payroll(context)
    silent = since_last(found.book.values)
    last = found.book.horizon - silent if isinstance(silent, int) else found.book.first
    return over_spans(found.book, ((last, found.book.horizon),), lambda: silent)


@INCOME.factor(
    "latest_payroll_month",
    ValueType.MONEY,
    "Payroll of the latest month that all payroll accounts have settled.",
    "Payroll over all employers together of the latest month that every live payroll source has"
    " settled (of none live: every one); NO_EVIDENCE where no payroll account feeds.",
    causes=NO_EVIDENCE,
    months=1,
    better=Better.UP,
)
def latest_payroll_month(context: FactorContext) -> Answer:
    found = payroll(context)
    if found is None:
        return _no_payroll(context)
    overlap = overlapping(context).get(found.complete)
    if overlap is not None and not found.book.missing:
        return Answer(None, (overlap,))
    month = (found.complete, found.complete)
    return at(found.book, (month,), lambda values: values[0][0])


@INCOME.factor(
    "live_sources_count",
    ValueType.INTEGER,
    "Payroll and platform sources that are live.",
    "Count of the payroll sources (an account with payroll) and platform sources (a gig account's"
    " payroll, estimates or transactions) whose newest income is at most 3 months before their"
    " settled month; documents are none. 0 where only schemes report.",
    unit="sources",
    better=Better.UP,
)
def live_sources_count(context: FactorContext) -> Answer:
    missing = income_feed(context).missing or tuple(platform_taints(context))
    return Answer(None, missing) if missing else Answer(len(income_settlement(context).prompt))


@INCOME.factor(
    "paydays_missed",
    ValueType.INTEGER,
    "Paydays that have passed without pay, of the jobs that carry the income.",
    "The most of any payroll employer that carried a third or more of the income of the last 6"
    " known months: the steps after the newest end of its pay periods whose day, delay included,"
    " lies before the earlier of as_of and the account's sync. Periods of at most 31 days with pay"
    " count, 13th-month and bonus slips do not; the step is the median of the last 6 between their"
    " ends, in whole days rounded up. The delay is the longest from a period's end to its first"
    " sight that the account's readings showed, of periods that ended and came between readings at"
    " most 16 days apart, at least two such; else the median of the days from a period's end to its"
    " pay date where pay dates are on record. To either, which is 2 at least, 3 days are added for"
    " weekends and holidays, and the sum is at most 45. Else it is the posting lag that names the"
    " provider, else 11 days for steps up to 16 days and 20 for longer ones. A job does not count"
    " whose employment ended after its last period began; nor one in whose place another payroll"
    " pays: from at most 31 days before its newest end to after it, and for a day three quarters of"
    " its median or more; nor one that a job of another named employer followed within 31 days of"
    " its newest end, whose scheme has a contribution of a later month; nor one whose account has"
    " settled two months without it in which other payroll and platforms report 60 percent or more"
    " of what all of them did, by the median of the 6 months up to its newest end. NO_EVIDENCE with"
    " fewer than four ends.",
    unit="paydays",
    months=KNOWN_MONTHS,
    causes=NO_EVIDENCE,
    kinds=frozenset({Kind.CONTRIBUTIONS}),
    better=Better.DOWN,
)
def paydays_missed(context: FactorContext) -> Answer:
    book = income(context)
    found = over(book, KNOWN_MONTHS, lambda _: _missed(context))
    if any(m.cause.tainted for m in found.missing):
        return found
    doubts = [m for m in jobs(context).missing if m.cause.tainted and found.figure]
    asked = found.figure and any(_followers(context, job) for job in _carrying(context))
    if asked or context.snapshot.contributions is None:
        doubts += supply_taints(context, (supply(context, Kind.CONTRIBUTIONS),))
        doubts += contributions(context).taints
    return Answer(None, in_order(doubts), found.evidence) if doubts else found


class Paydays(msgspec.Struct, frozen=True):
    """The pay periods of one employer's payroll, by the names and accounts that report them."""

    records: list[Income]
    names: set[str]
    accounts: set[str]

    @property
    def ends(self) -> Sequence[date]:
        return sorted({last_day_of(record) for record in self.records})

    def missed(self, context: FactorContext) -> int | None:
        """The paydays after the newest end that passed without pay; None where no step is known."""
        ends = self.ends
        if len(ends) < LEAST_ENDS:
            return None
        seen = max(last_seen(context.as_of, counted(context)[one]) for one in self.newest)
        delay = max(pay_delay(context, source) for source in self.newest)
        late = (seen - ends[-1]).days - delay
        return max(ceil(late / step_of(ends)) - 1, 0)

    @property
    def newest(self) -> Collection[str]:
        """The accounts that report the newest end."""
        last = self.ends[-1]
        return {record.source for record in self.records if last_day_of(record) == last}

    def ended(self, context: FactorContext) -> date | None:
        """The day on which the employment ended on record; None where it goes on, or pay does."""
        held = [
            job
            for job in believed_jobs(context)
            if employer_key(job.employer, context.policy) in self.names
            or (self.names == {""} and job.source in self.accounts)
        ]
        if not held or any(is_open(job, context.as_of.date) for job in held):
            return None
        end = max(job.end for job in held if job.end)
        return None if any(record.start > end for record in self.records) else end

    def daily(self) -> Sequence[Fraction]:
        """What each payslip pays for a day of its period."""
        days = [(r, (last_day_of(r) - r.start).days + 1) for r in self.records]
        return [Fraction(paid[0], count) for r, count in days if (paid := amount_of(r))]

    def pays_like(self, old: Paydays) -> bool:
        return max(self.daily()) >= NOT_MUCH_LESS * median(old.daily())

    def replaces(self, old: Paydays) -> bool:
        """Whether its pay took the place of the old job's, and is not much less."""
        last = old.ends[-1]
        newer = self.ends[-1] > last and self.ends[0] >= last - HANDED_OVER
        return newer and self.pays_like(old)


def _missed(context: FactorContext) -> int | Cause:
    found = [
        job.missed(context)
        for job in _carrying(context)
        if not (job.ended(context) or _followed(context, job) or _counted_out(context, job))
    ]
    return max([missed for missed in found if missed is not None], default=Cause.NO_EVIDENCE)


def _followed(context: FactorContext, old: Paydays) -> bool:
    """Whether a job elsewhere began as the pay ended, and its scheme has had a contribution since.

    Pay of the new job is looked at by `replaces`.
    """
    followers = _followers(context, old)
    since = Month.of(old.ends[-1]).last_day
    return any(
        record.source in followers and record.amount > 0 and record.date > since
        for record in contributions(context).records
    )


def _followers(context: FactorContext, old: Paydays) -> Collection[str]:
    """The accounts that report a job elsewhere that began as the pay ended."""
    return {
        job.source
        for job in open_jobs(context)
        if abs(job.start - old.ends[-1]) <= HANDED_OVER
        and employer_key(job.employer, context.policy) not in old.names
    }


def _counted_out(context: FactorContext, old: Paydays) -> bool:
    """Whether two settled months show that the income goes on without a job's pay."""
    sources = income_sources(context)
    settled = min(sources[one, Kind.INCOMES].settled for one in old.newest)
    last = Month.of(old.ends[-1]).index
    if settled - last < SILENT_MONTHS:
        return False
    first = Month.of(old.ends[0]).index
    before = _work(context, range(max(first, last - KNOWN_MONTHS + 1), last + 1))
    since = _work(context, range(settled - SILENT_MONTHS + 1, settled + 1))
    return sum(since) >= GOES_ON * SILENT_MONTHS * median(before)


def _work(context: FactorContext, months: Iterable[int]) -> Sequence[Amount]:
    """What payroll and platforms report of each month; 0 where they report nothing."""
    facts = income_months(context).facts
    feeders = counted(context)
    return [shown_by_work(facts[m], feeders) if m in facts else 0 for m in months]


@once
def _carrying(context: FactorContext) -> Sequence[Paydays]:
    """The jobs that carried the last known months, but those in whose place another pays."""
    paid = _paydays(context)
    known = income(context).last(KNOWN_MONTHS)
    return [
        job
        for name, job in paid.items()
        if _carries(context, name, known) and not any(o.replaces(job) for o in paid.values())
    ]


def lost_job(context: FactorContext) -> date | None:
    """When a job ended on record that carried the income and that no other followed, if one did."""
    ends = [
        end
        for job in _carrying(context)
        if (end := job.ended(context))
        and not any(_follows(context, new, end, old=job) for new in open_jobs(context))
    ]
    return max(ends, default=None)


def _follows(context: FactorContext, new: Employment, end: date, old: Paydays) -> bool:
    """Whether an employment began as the old job ended, and has not paid yet or pays as much."""
    key = employer_key(new.employer, context.policy)
    paid = [job for job in _paydays(context).values() if key in job.names and job.ends[-1] > end]
    return new.start >= end - HANDED_OVER and all(job.pays_like(old) for job in paid)


def open_jobs(context: FactorContext) -> Sequence[Employment]:
    today = context.as_of.date
    policy = context.policy
    every = believed_jobs(context)
    return [job for job in every if is_open(job, today) and named_employer(job.employer, policy)]


@once
def believed_jobs(context: FactorContext) -> Sequence[Employment]:
    """Those of the jobs that have begun which are believed."""
    return believable(context, employments(context).records)


def believable(context: FactorContext, every: Sequence[Employment]) -> Sequence[Employment]:
    """All but those of papers and unknown providers, and a scheme's where another account has one.

    An employer reports an end to a scheme weeks after its own payroll shows it.
    """
    feeders = counted(context)
    policy = context.policy
    fed = [(job, feeders[job.source]) for job in every]
    live = [(job, feeder) for job, feeder in fed if feeder.known and not feeder.document]
    own = {employer_key(job.employer, policy) for job, feeder in live if not feeder.scheme}
    return [
        job
        for job, feeder in live
        if not (feeder.scheme and employer_key(job.employer, policy) in own)
    ]


def _carries(context: FactorContext, employer: str, known: MonthSpan) -> bool:
    facts = income_months(context).facts
    feeders = counted(context)
    months = [facts[month] for month in range(known[0], known[1] + 1) if month in facts]
    paid = [formal_jobs(one, feeders).get(employer, {}).get(PAYROLL_GRADE, 0) for one in months]
    whole = sum(income(context).between(known))
    return 0 < whole <= sum(paid) * CARRIES


@once
def _paydays(context: FactorContext) -> Mapping[str, Paydays]:
    """The jobs whose payroll has paid for short periods, by employer; no platform or document."""
    records = incomes(context).records
    feeders = counted(context)
    of = payroll_jobs(records, context.policy)
    names = paychecks(context).employers
    found: dict[str, Paydays] = {}
    for record in records:
        feeder = feeders[record.source]
        if feeder.gig or feeder.document or not is_pay(record):
            continue
        job = of[record.id]
        one = found.setdefault(names.get(job, job[1]), Paydays([], set(), set()))
        one.records.append(record)
        one.names.add(job[1])
        one.accounts.add(record.source)
    return found


@once
def payroll(context: FactorContext) -> Payroll | None:
    """The applicant's formal payroll; None where no account has any."""
    payroll = [s for s in income_sources(context).values() if s.kind is Kind.INCOMES]
    sources = [s for s in payroll if not s.feeder.gig]
    if not sources:
        return None
    settled = Settlement(sources, (), 0)
    amounts = formal_payroll(context)
    paid = [month for month, amount in amounts.items() if amount > 0]
    silent = range(max(paid, default=settled.horizon) + 1, settled.horizon + 1)
    view = SeriesView(
        settled.horizon, income_feed(context).missing, settled.open_months(silent, ())
    )
    book = MonthBook(Kind.INCOMES, view, _draft(context), values=amounts)
    return Payroll(book, min(s.settled for s in settled.judges))


def _draft(context: FactorContext) -> SeriesBuilder:
    whole = income_months(context).draft
    flaws = {m: {f for f in found if _of_payroll(context, f)} for m, found in whole.flaws.items()}
    abroad = {
        m: {id_: f for id_, f in found.items() if _of_payroll(context, f)}
        for m, found in whole.foreign.items()
    }
    foreign = {m: found for m, found in abroad.items() if found}
    paid = formal_payroll(context)
    proofs = {m: p for m, p in whole.proofs.items() if m in paid or flaws.get(m) or foreign.get(m)}
    return SeriesBuilder(whole.amounts, proofs, flaws, foreign=foreign)


def _of_payroll(context: FactorContext, flaw: Missing) -> bool:
    return flaw.kind is Kind.INCOMES and not (flaw.source and counted(context)[flaw.source].gig)


def _no_payroll(context: FactorContext) -> Answer:
    missing = income_feed(context).missing
    return Answer(None, missing) if missing else answer(Cause.NO_EVIDENCE, Kind.INCOMES)
