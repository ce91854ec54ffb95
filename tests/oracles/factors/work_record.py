"""When jobs end on record, since when somebody works, and what is left or owed then."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import Employment, Liability
from decision_service.domain.values import ABSENT, Cause, Money, Month
from tests.oracles.factors.amounts import as_money, last_amounts, refuse_unknown, seen_amounts
from tests.oracles.factors.applicant import Applicant, Unknown, Wait, feeders, read_of
from tests.oracles.factors.contributions import (
    Contributions,
    all_schemes,
    contributions_of,
    covered_months,
    lag_of,
    settled_of,
    window_reach,
    within,
    without_single,
)
from tests.oracles.factors.liabilities import (
    TIMES_A_YEAR,
    is_housing,
    is_long,
    loans_of,
    open_total,
    unpaid,
)
from tests.oracles.factors.monthly_income import Incomes, incomes_of, taints_of_work
from tests.oracles.factors.parts import (
    Part,
    gig_parts,
    jobs_by_employer,
    month_income,
    parts_of,
    whole_of,
)
from tests.oracles.factors.paydays import believable_jobs
from tests.oracles.factors.records import contracts, employments, key_of, mean, median, names_one
from tests.oracles.factors.shares import all_slips
from tests.oracles.factors.sources import Source, sources_of
from tests.oracles.factors.taints import taints

if TYPE_CHECKING:
    from collections.abc import Callable

NAMELESS = ""

Spell = list[Employment]

Causes = set[Cause | Wait]


def believed(who: Applicant) -> list[Employment]:
    """What employers say, and a scheme of the employers that say nothing of themselves."""
    own: list[Employment] = []
    other: list[Employment] = []
    for feeder in feeders(who):
        if not feeder.unknown and not feeder.document:
            mine = [one for one in contracts(who) if one.source == feeder.id]
            (other if feeder.scheme else own).extend(mine)
    keys = {key_of(who, one.employer) for one in own}
    return own + [one for one in other if key_of(who, one.employer) not in keys]


def payers(incomes: Incomes) -> dict[str, set[str]]:
    """The jobs that each account's payroll is of."""
    jobs = jobs_by_employer(incomes)
    found: dict[str, set[str]] = {}
    for feeder in feeders(incomes.who):
        told = {} if feeder.gig else all_slips(incomes.who, feeder)
        found[feeder.id] = {jobs[employer] for employer in told}
    return found


def is_of(incomes: Incomes, one: Employment, job: str) -> bool:
    """Whether an employment is that of a job: by its name, or in an account that names none."""
    who = incomes.who
    mine, key = payers(incomes)[one.source], key_of(who, one.employer)
    if job == NAMELESS:
        return NAMELESS in mine
    if key:
        known = jobs_by_employer(incomes)
        return names_one(who, one.employer) and known.get(key, key) == job
    return mine == {job}


def jobs_on_record(incomes: Incomes) -> dict[str, list[Employment]]:
    """The contracts of every job."""
    known, told = jobs_by_employer(incomes), believed(incomes.who)
    keys = {key_of(incomes.who, one.employer) for one in told}
    names = {known.get(key, key) for key in keys} | set(known.values()) | {NAMELESS}
    found = {job: [one for one in told if is_of(incomes, one, job)] for job in names}
    return {job: several for job, several in found.items() if several}


def spells(several: list[Employment]) -> list[Spell]:
    """The contracts in runs that no gap of more than 31 days divides."""
    found: list[Spell] = []
    for one in sorted(several, key=lambda each: (each.start, each.end or date.max)):
        if found:
            last = max(each.end or date.max for each in found[-1])
            if last >= one.start or (one.start - last) <= timedelta(days=32):
                found[-1].append(one)
                continue
        found.append([one])
    return found


def renewals(spell: Spell) -> int:
    """How often a contract took over where the others ended."""
    count = 0
    for at in range(1, len(spell)):
        until = max(each.end or date.max for each in spell[:at])
        later = (spell[at].end or date.max) > until
        if later and spell[at].start + timedelta(days=30) >= until:
            count = count + 1
    return count


def end_of(several: list[Employment], today: date) -> date | None:
    """The last day of the run that is on today, or comes next."""
    for spell in spells(several):
        if any(one.end is None or one.end >= today for one in spell):
            if any(one.end is None for one in spell) or renewals(spell) >= 2:
                return None
            return max(one.end for one in spell if one.end is not None)
    return None


def ends_of(incomes: Incomes) -> dict[str, date]:
    """The jobs that end ahead on record."""
    today = incomes.who.as_of.date
    found = {job: end_of(several, today) for job, several in jobs_on_record(incomes).items()}
    return {job: end for job, end in found.items() if end is not None}


def is_given_by(incomes: Incomes, part: Part, job: str, month: int) -> bool:
    """Whether a part of a month is the job's pay, or an estimate of a month in which it ran."""
    if part.form == "payroll":
        return part.name == job
    first, last = Month(month).first_day, Month(month).last_day
    return part.form == "estimate" and any(
        one.start <= last and (one.end is None or one.end >= first)
        for one in jobs_on_record(incomes).get(job, [])
    )


def carrying(incomes: Incomes) -> dict[str, date]:
    """Those of them that gave a third of the last half year's income."""
    months = seen_amounts(incomes, 6)
    whole = sum((month_income(incomes, month) for month in months), Fraction(0))
    found = {}
    for job, end in ends_of(incomes).items():
        given = Fraction(0)
        for month in last_amounts(incomes, 6):
            for part in parts_of(incomes, month):
                if is_given_by(incomes, part, job, month):
                    given = given + part.amount
        if whole > 0 and given >= whole / 3:
            found[job] = end
    return found


def has_an_end(who: Applicant) -> bool:
    """Whether anything on record ends ahead at all; the income may be spoilt for all that."""
    known = Incomes(who, [], [], 0, 0)
    return bool(ends_of(known))


def first_end(who: Applicant) -> date:
    """The first day on which such a job ends."""
    causes = taints(who, [Kind.EMPLOYMENTS])
    if causes:
        raise Unknown(*causes)
    if not has_an_end(who):
        unread = who.snapshot.incomes is None or who.snapshot.eincomes is None
        raise Unknown(Cause.NOT_FETCHED if unread else Cause.NO_EVIDENCE)
    incomes = incomes_of(who)
    refuse_unknown(incomes, last_amounts(incomes, 6))
    ends = carrying(incomes)
    if not ends:
        raise Unknown(Cause.NO_EVIDENCE)
    return min(ends.values())


def months_to_end(who: Applicant) -> int:
    """Whole months from today to that day."""
    today, end, count = who.as_of.date, first_end(who), 0
    while True:
        month = Month.of(today).plus(count + 1)
        # the first of the next month where the month has no such day
        day = (
            month.first_day.replace(day=today.day)
            if today.day <= month.last_day.day
            else month.plus(1).first_day
        )
        if day > end:
            return count
        count = count + 1


def left_in(incomes: Incomes, month: int, ends: dict[str, date]) -> Fraction:
    """What a month gives without the jobs that end."""
    parts = parts_of(incomes, month)
    kept = [one for one in parts if not any(is_given_by(incomes, one, job, month) for job in ends)]
    if any(one.form == "estimate" for one in parts) and not any(
        one.form == "estimate" for one in kept
    ):
        kept = [one for one in gig_parts(incomes, month) if one.grade != "DOCUMENT"]
    return min(month_income(incomes, month), whole_of(kept))


def conservative_open_6m(who: Applicant) -> Money:
    """The careful income of what is left."""
    doubts = taints(who, [Kind.EMPLOYMENTS])
    try:
        incomes = incomes_of(who)
        refuse_unknown(incomes, last_amounts(incomes, 6))
        ends = carrying(incomes)
        left = [left_in(incomes, month, ends) for month in seen_amounts(incomes, 6)]
        if len(left) < 3:
            raise Unknown(Cause.SHORT_HISTORY)
    except Unknown as unknown:
        if doubts and not any(getattr(one, "tainted", True) for one in unknown.causes):
            raise Unknown(*doubts) from unknown
        raise
    if doubts:
        raise Unknown(*doubts)
    return as_money(incomes, min(mean(left), median(left), mean(left[-3:])))


def tainted(causes: Causes) -> Causes:
    """Those that are failures, and not merely nothing."""
    return {one for one in causes if one not in ABSENT}


def working(who: Applicant) -> list[Source]:
    """What pays by its own word: payroll and platforms, no papers."""
    return [
        one for one in sources_of(who) if (one.payroll or one.platform) and not one.feeder.document
    ]


def gap_months(n: int) -> Callable[[Applicant], int]:
    """Months without a contribution, those before all work apart, at the scheme with the fewest."""

    def factor(who: Applicant) -> int:
        doubts = doubts_of_work(who)
        unread = any(
            read_of(who, kind) is None for kind in (Kind.INCOMES, Kind.EINCOMES, Kind.EMPLOYMENTS)
        )
        try:
            family = contributions_of(who)
            whole = unpaid_months(family, n, None)
            shorter = unpaid_months(family, n, beginning(family))
        except Unknown as unknown:
            if unread and doubts and not tainted(unknown.causes):
                raise Unknown(*doubts) from unknown
            raise
        if doubts and (unread or whole != shorter):
            raise Unknown(*doubts)
        return shorter if first_worked(who) is not None else whole

    return factor


def doubts_of_work(who: Applicant) -> Causes:
    """What hides work, or an earlier beginning of it."""
    causes = set(taints_of_work(who)) | taints(who, [Kind.EMPLOYMENTS])
    try:
        incomes_of(who)
    except Unknown as unknown:
        causes |= unknown.causes
    return tainted(causes)


def unpaid_months(family: Contributions, n: int, since: int | None) -> int:
    """The fewest months without one, of every scheme and every month that its year may end with."""
    cleaned = without_single(family, lambda scheme: window_reach(family, scheme, n))
    counts, causes = [], set()
    for scheme in all_schemes(family):
        reach = window_reach(family, scheme, n)
        try:
            paid = covered_months(within(cleaned, reach, scheme), [scheme])
        except Unknown as unknown:
            causes |= unknown.causes
            continue
        for end in range(lag_of(family, scheme), settled_of(family, scheme) + 1):
            window = [month for month in reach if end - n < month <= end]
            looked_at = [month for month in window if since is None or month >= since]
            counts.append(len([month for month in looked_at if month not in paid]))
    if causes:
        raise Unknown(*causes)
    return min(counts)


def first_worked(who: Applicant) -> int | None:
    """The first month in which payroll or a platform shows income."""
    months = list[int]()
    for source in working(who):
        shown = {month for month in source.amounts if source.amount(month) > 0}
        if source.kind is Kind.EINCOMES:
            shown -= taken_back(who, source)
        months += shown
    return min(months, default=None)


def taken_back(who: Applicant, estimated: Source) -> set[int]:
    """The months of which an account's trips say that nothing was left, and no payroll does."""
    found, paid = set[int](), set[int]()
    for source in sources_of(who):
        if source.feeder.id == estimated.feeder.id:
            if source.kind is Kind.TRANSACTIONS:
                found |= {month for month in source.amounts if source.amount(month) < 0}
            elif source.payroll:
                paid |= {month for month in source.amounts if month <= source.settled}
    return found - paid


def beginning(family: Contributions) -> int | None:
    """The first month of work, of a job on record or of a contribution."""
    who, months = family.who, []
    for scheme in all_schemes(family):
        history = [one for one in family.paid if one.currency == who.policy.currency]
        paid = covered_months([one for one in history if one.scheme == scheme], [scheme])
        months += [month for month in paid if month <= settled_of(family, scheme)][:1]
    months += [Month.of(one.start).index for one in employments(who)]
    worked = first_worked(who)
    return min(months + ([] if worked is None else [worked]), default=None)


def outstanding_short_term(who: Applicant) -> object:
    """What is left to pay on short loans, those apart that are kept back from a salary."""
    doubts = tainted(taints(who, [Kind.INCOMES]) | taints(who, [Kind.EMPLOYMENTS]))
    unread = read_of(who, Kind.INCOMES) is None or read_of(who, Kind.EMPLOYMENTS) is None
    waiting = False
    try:
        loans = [one for one in loans_of(who) if not is_housing(one) and not is_long(one)]
        kept_back = [one for one in loans if may_be_kept_back(who, one)]
        salaried = [one for one in kept_back if works_since(who, one)]
        waiting = len(salaried) < len(kept_back)
        total = sum_of(who, [one for one in loans if one not in salaried], salaried)
    except Unknown as unknown:
        if doubts and (unread or waiting) and not tainted(unknown.causes):
            raise Unknown(*doubts) from unknown
        raise
    if doubts and (unread or waiting):
        raise Unknown(*doubts)
    return total


def sum_of(who: Applicant, counted: list[Liability], salaried: list[Liability]) -> object:
    """What is open on some loans; those that a salary repays have to say what is overdue."""
    total = open_total(who, counted)
    if any(one.overdue is None for one in salaried):
        raise Unknown(Cause.NO_DATA)
    return total


def may_be_kept_back(who: Applicant, loan: Liability) -> bool:
    """Whether an employer would keep its instalments back: a scheme's loan in good order."""
    schemes = {one.id for one in feeders(who) if one.scheme}
    late = (loan.overdue or 0) > 0 or (loan.end is not None and loan.end < who.as_of.date)
    told = loan.amortization_frequency in TIMES_A_YEAR and (loan.amortization or 0) > 0
    return loan.source in schemes and unpaid(loan) and told and not late


def works_since(who: Applicant, loan: Liability) -> bool:
    """Whether jobs and pay follow each other from a loan's first month to today."""
    today = Month.of(who.as_of.date).index
    spells = list[tuple[int, int]]()
    lasting = False
    for job in believable_jobs(who):
        if names_one(who, job.employer):
            over = job.end is not None and job.end < who.as_of.date
            end = Month.of(job.end).index if over and job.end else today
            spells.append((Month.of(job.start).index, end))
            lasting = lasting or not over
    for source in working(who):
        if not source.payroll or source.platform:
            continue
        months = [month for month in source.amounts if source.amount(month) > 0]
        spells += [(month, month) for month in months]
        if source.live:
            lasting = True
            newest = max(month for month, amount in source.amounts.items() if amount > 0)
            spells.append((newest, today))
    reached = Month.of(loan.start).index - 1
    for first, last in sorted(spells):
        if first - reached - 1 > 2:
            return False
        reached = max(reached, last)
    return lasting and today - reached <= 2


EMPLOYMENT: dict[str, Callable[[Applicant], Any]] = {
    "months_to_end": months_to_end,
    "next_end_date": first_end,
}

ALONE: dict[str, Callable[[Applicant], Any]] = {
    "income.conservative_open_6m": conservative_open_6m,
    "liabilities.outstanding_short_term": outstanding_short_term,
    "contributions.gap_months_12m": gap_months(12),
    "contributions.gap_months_24m": gap_months(24),
}
