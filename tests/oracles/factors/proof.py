"""income.* about how well the income is proven."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from typing import Any

from decision_service.domain.accounts import Kind
from decision_service.domain.needs import TransactionClass
from decision_service.domain.values import ABSENT, Cause, Month
from tests.oracles.factors.amounts import (
    Causes,
    last_amounts,
    last_known,
    refuse_unknown,
    spoilt,
    whole,
)
from tests.oracles.factors.applicant import (
    Applicant,
    Unknown,
    all_records_of,
    feeders,
    records_of,
)
from tests.oracles.factors.monthly_income import Incomes, incomes_of
from tests.oracles.factors.parts import (
    GRADES,
    Part,
    account_part,
    clipped_total,
    domestic,
    estimate_grade,
    estimate_parts,
    gig_parts,
    is_employed,
    jobs_by_employer,
    month_income,
    own_estimates,
    parts_of,
    payroll_by_job,
    whole_of,
    works,
)
from tests.oracles.factors.records import (
    ceiling_of,
    employments,
    key_of,
    mean,
    median,
    names_one,
    number,
    paid_once,
    slip_of,
)
from tests.oracles.factors.shares import (
    Share,
    shares_of,
    transaction_shares,
)
from tests.oracles.factors.sources import Source, amounts_of, moves_of

Factor = Callable[[Incomes], Any]
Pair = list[tuple[Fraction, Fraction]]
"""What two tellers say of each of their common months."""


def is_backed(incomes: Incomes, month: int) -> bool:
    """Whether two thirds of a month's income are proven."""
    whole = month_income(incomes, month)
    backed = sum((one.backed for one in parts_of(incomes, month)), Fraction(0))
    return whole > 0 and backed * 3 >= whole * 2


Window = Callable[[Incomes], list[int]]


HABIT = "REMITTED without an employer"


def grades_in(incomes: Incomes, window: Window) -> set[str]:
    """The grades of what is told in some months, and whether a habit alone is one of them."""
    found = set()
    for month in window(incomes):
        for part in parts_of(incomes, month):
            found.add(part.grade)
            tellers = {name for (name, _), _ in part.tellers}
            if part.grade == "REMITTED" and not is_employed(incomes.who, month, tellers):
                found.add(HABIT)
    return found


def proof_taints(who: Applicant, grades: set[str]) -> Causes:
    """What is spoilt of what could prove more of these grades, or less, or was never read."""
    causes: Causes = set()
    if grades & {"DECLARED", "DOCUMENT", HABIT} or who.snapshot.employments is None:
        causes = causes | spoilt(who, Kind.EMPLOYMENTS)
    if "DECLARED" in grades or who.snapshot.contributions is None:
        causes = causes | spoilt(who, Kind.CONTRIBUTIONS)
    return causes


def proven(window: Window, work: Callable[[Incomes], Any]) -> Callable[[Applicant], Any]:
    """A factor on proof: what spoils the proof goes before that there is no income."""

    def factor(who: Applicant) -> Any:
        grades: set[str] = set()
        try:
            incomes = incomes_of(who)
            last_known(incomes)
            grades = grades_in(incomes, window)
            refuse_unknown(incomes, window(incomes))
            found = work(incomes)
        except Unknown as unknown:
            doubts = proof_taints(who, grades)
            absent = all(cause in ABSENT for cause in unknown.causes)
            raise Unknown(*(doubts if absent and doubts else unknown.causes)) from unknown
        doubts = proof_taints(who, grades)
        if doubts:
            raise Unknown(*doubts)
        return found

    return factor


def last_backed(incomes: Incomes) -> int | None:
    """The last backed month, by what is settled so far."""
    latest = max((one.settled for one in incomes.sources), default=0)
    months = range(incomes.first, latest + 1)
    return max((month for month in months if is_backed(incomes, month)), default=None)


def unbacked(incomes: Incomes) -> list[int]:
    """The months from the last backed one, or of the whole history, to the latest known one."""
    known, last = last_known(incomes), last_backed(incomes)
    if last is None:
        return [month for month in whole(incomes) if month <= known]
    return list(range(min(last, known), known + 1))


def months_since_backed(incomes: Incomes) -> int:
    """Months from the last backed one to the latest known, or settled by payroll or a platform."""
    known, last = last_known(incomes), last_backed(incomes)
    if last is None:
        raise Unknown(Cause.NO_EVIDENCE)
    work = [
        one.settled
        for one in incomes.sources
        if (one.payroll or one.platform) and not one.feeder.document
    ]
    return max(max([known, *work]) - last, 0)


def last_year(incomes: Incomes) -> list[int]:
    """The last twelve months."""
    return last_amounts(incomes, 12)


def last_half(incomes: Incomes) -> list[int]:
    """The last six months."""
    return last_amounts(incomes, 6)


def weakest_grade(incomes: Incomes) -> str:
    """The first grade, from the weakest up, that with all weaker ones carries over a third."""
    window = last_half(incomes)
    whole_income = sum((month_income(incomes, month) for month in window), Fraction(0))
    if whole_income <= 0:
        raise Unknown(Cause.NO_EVIDENCE)
    carried = Fraction(0)
    for grade in GRADES:
        for month in window:
            for part in parts_of(incomes, month):
                if part.grade == grade:
                    carried = carried + part.amount
        if carried * 3 > whole_income:
            return grade
    raise AssertionError("all grades together carry the whole")


@dataclass(frozen=True)
class Estimate:
    """A scheme's highest estimate of a grade, if it means "at least", and the accounts of it."""

    amount: Fraction
    at_least: bool
    accounts: set[str]


def scheme_figures(incomes: Incomes, month: int) -> dict[str, Estimate]:
    """The highest scheme's estimate of each grade."""
    who = incomes.who
    told: dict[str, list[tuple[Fraction, bool, str]]] = {}
    works_there = works(who, month) or pays_by_name(incomes, month)
    for feeder in feeders(who):
        shares = domestic(incomes, Kind.EINCOMES, month, feeder)
        if not feeder.scheme or not shares:
            continue
        amount = clipped_total(incomes, feeder, month, shares)
        ceiling = ceiling_of(who, feeder.provider_id, month)
        at_least = ceiling is not None and amount >= ceiling and works_there
        grade = estimate_grade(who, feeder, month)
        told.setdefault(grade, []).append((amount, at_least, feeder.id))
    found = {}
    for grade, figures in told.items():
        most = max(amount for amount, _, _ in figures)
        same = [one for one in figures if one[0] == most]
        at_least = any(least for _, least, _ in same)
        found[grade] = Estimate(most, at_least, {account for _, _, account in same})
    return found


def pays_by_name(incomes: Incomes, month: int) -> bool:
    """Whether a payslip of real payroll names its employer in a month."""
    for feeder in feeders(incomes.who):
        if feeder.gig or feeder.document:
            continue
        named = {
            record.id
            for record in records_of(incomes.who, Kind.INCOMES, feeder)
            if names_one(incomes.who, record.employer)
        }
        shares = domestic(incomes, Kind.INCOMES, month, feeder)
        if any(share.record in named for share in shares):
            return True
    return False


def jobs_named(incomes: Incomes, month: int, accounts: set[str]) -> set[str]:
    """The jobs whose employer some accounts' employments name in a month."""
    names: dict[str, str] = incomes.once("jobs", lambda: jobs_by_employer(incomes))
    first, last = Month(month).first_day, Month(month).last_day
    found = set()
    for one in employments(incomes.who):
        runs = one.start <= last and (one.end is None or one.end >= first)
        if runs and one.source in accounts and names_one(incomes.who, one.employer):
            key = key_of(incomes.who, one.employer)
            found |= {key, names.get(key, key)}
    return found


def pay_and_estimate(
    incomes: Incomes, month: int, grade: str, paid: Fraction, estimate: Estimate
) -> tuple[Fraction, Fraction]:
    """What payroll and a scheme say of a month; the scheme may know of its employers' jobs only."""
    jobs = payroll_by_job(incomes, month)
    known = jobs_named(incomes, month, estimate.accounts)
    real = {one.id for one in feeders(incomes.who) if not one.document}
    employed = jobs_named(incomes, month, real)
    mine = {job: job_pay(told, grade) for job, told in jobs.items() if job in known}
    other = {job: job_pay(told, grade) for job, told in jobs.items() if job not in known}
    own = sum(mine.values(), Fraction(0))
    believed = True
    for job, pay in other.items():
        if all(one.grade != "PAYROLL" for one in jobs[job]):
            believed = False
        if pay in mine.values() and job not in employed:
            believed = False
    near = own * Fraction(9, 10) <= estimate.amount <= own * Fraction(11, 10)
    if other and believed and near and sum(other.values(), Fraction(0)) <= own:
        return paid, paid
    return compared((paid, False), (estimate.amount, estimate.at_least))


def job_pay(told: list[Part], grade: str) -> Fraction:
    """A job's pay as one grade tells it, or else as the other does."""
    own = [one.amount for one in told if one.grade == grade]
    return max(own or [one.amount for one in told])


def of_payroll(incomes: Incomes, month: int, grade: str) -> Fraction | None:
    """A month's payroll as one grade tells it; jobs of which it does not tell as the other does."""
    jobs = payroll_by_job(incomes, month)
    if not any(one.grade == grade for told in jobs.values() for one in told):
        return None
    return sum((job_pay(told, grade) for told in jobs.values()), Fraction(0))


def compared(one: tuple[Fraction, bool], other: tuple[Fraction, bool]) -> tuple[Fraction, Fraction]:
    """Two figures of one month; what means "at least" agrees with more."""
    (left, left_least), (right, right_least) = one, other
    if left_least and right > left:
        return right, right
    if right_least and left > right:
        return left, left
    return left, right


def tellings(incomes: Incomes, window: list[int]) -> list[Pair]:
    """Every two grades of source that tell of the same months, month by month."""
    found: dict[Any, Pair] = {}
    for month in window:
        told_of = {("job", job): told for job, told in payroll_by_job(incomes, month).items()}
        for feeder in feeders(incomes.who):
            part = account_part(incomes, feeder, month, "") if feeder.gig else None
            if part is not None:
                told_of.setdefault(("platform", feeder.provider_id), []).append(part)
        for work, told in told_of.items():
            grades = sorted({one.grade for one in told})
            for one, other in combinations(grades, 2):
                pair = [max(p.amount for p in told if p.grade == grade) for grade in (one, other)]
                found.setdefault((work, one, other), []).append((pair[0], pair[1]))
        schemes = scheme_figures(incomes, month)
        for grade in ("PAYROLL", "DOCUMENT"):
            paid = of_payroll(incomes, month, grade)
            for proof, estimate in schemes.items():
                if paid is not None:
                    figures = pay_and_estimate(incomes, month, grade, paid, estimate)
                    found.setdefault((grade, "scheme", proof), []).append(figures)
        for one, other in combinations(sorted(schemes), 2):
            left, right = schemes[one], schemes[other]
            both = compared((left.amount, left.at_least), (right.amount, right.at_least))
            found.setdefault(("schemes", one, other), []).append(both)
    return list(found.values())


def difference(pair: Pair) -> Fraction:
    """How far two averages differ, as a part of the larger one."""
    one, other = mean([left for left, _ in pair]), mean([right for _, right in pair])
    larger, smaller = max(one, other), min(one, other)
    if larger <= 0:
        return Fraction(0)
    return min((larger - smaller) / larger, Fraction(1))


def source_disagreement_6m(incomes: Incomes) -> Decimal:
    """The largest difference between two tellers of the same work."""
    window = last_amounts(incomes, 6)
    refuse_unknown(incomes, window)
    told = [difference(pair) for pair in tellings(incomes, window)]
    if not told:
        raise Unknown(Cause.NO_EVIDENCE)
    return number(max(told))


def scheme_conflict(incomes: Incomes) -> str:
    """The first scheme of which two live accounts differ by over 5 % in two of twelve months."""
    schemes = [one for one in incomes.sources if one.scheme]
    if not schemes:
        raise Unknown(Cause.NO_EVIDENCE)
    in_conflict = set()
    for one in schemes:
        for other in schemes:
            same = one.feeder.provider_id == other.feeder.provider_id
            both = one.name < other.name and one.live and other.live
            if same and both and differing(incomes, one, other) >= 2:
                in_conflict.add(one.feeder.provider_id)
    return min(in_conflict, default="none")


def differing(incomes: Incomes, one: Source, other: Source) -> int:
    """In how many of the last twelve months that both have posted they differ by over 5 %."""
    both = sorted(set(one.amounts) & set(other.amounts))
    posted = [month for month in both if month <= min(one.settled, other.settled)][-12:]
    count = 0
    for month in posted:
        more, less = sorted((one.amounts[month], other.amounts[month]), reverse=True)
        if more - less > Fraction(5, 100) * more:
            count = count + 1
    return count


def claimed_payroll(who: Applicant, feeder: Any) -> list[Share]:
    """What an unknown provider says of pay, pay told twice counted once."""
    slips: dict[tuple[str, str], list[Any]] = {}
    for income in all_records_of(who, Kind.INCOMES, feeder):
        key = (key_of(who, income.employer), income.currency)
        slips.setdefault(key, []).append(slip_of(income))
    found = []
    for (employer, _), told in slips.items():
        for slip in paid_once(told):
            found.extend(shares_of(feeder, slip, employer))
    return found


def claims_of(who: Applicant, feeder: Any) -> dict[Kind, dict[int, Fraction]]:
    """What an unknown provider says of each month, by kind."""
    given = all_records_of(who, Kind.TRANSACTIONS, feeder)
    estimates = [
        Share(feeder, Kind.EINCOMES, one.month, Fraction(one.amount), one.currency, one.id)
        for one in all_records_of(who, Kind.EINCOMES, feeder)
    ]
    shares = {
        Kind.INCOMES: claimed_payroll(who, feeder),
        Kind.EINCOMES: estimates,
        Kind.TRANSACTIONS: transaction_shares(who, feeder, given),
    }
    return {kind: amounts_of(who, kind, found) for kind, found in shares.items()}


def unknown_provider_excess(incomes: Incomes) -> Decimal:
    """What unknown providers claim over the known income of the last six months."""
    window = last_amounts(incomes, 6)
    refuse_unknown(incomes, window)
    claimed = Fraction(0)
    for feeder in feeders(incomes.who):
        if feeder.unknown:
            told = claims_of(incomes.who, feeder)
            for month in window:
                figures = [told[kind].get(month) for kind in told]
                claimed += next((one for one in figures if one is not None), Fraction(0))
    if claimed <= 0:
        return number(0)
    known = sum((month_income(incomes, month) for month in window), Fraction(0))
    if known <= 0:
        raise Unknown(Cause.DIVISION_BY_ZERO)
    return number(claimed / known)


def platform_parts(incomes: Incomes, month: int) -> list[Part]:
    """What platforms say of their own work in a month."""
    return [one for one in gig_parts(incomes, month) if one.grade != "DOCUMENT"]


def first_worked(incomes: Incomes) -> int | None:
    """The first month in which platforms paid more than they took."""
    months = range(incomes.first, max(one.settled for one in incomes.sources) + 1)
    worked = [month for month in months if whole_of(platform_parts(incomes, month)) > 0]
    return min(worked, default=None)


def by_the_side(incomes: Incomes, since: int, last: int, *, begins: bool) -> bool:
    """Whether there are trips on half of the days or fewer, from the first trip on."""
    days = set()
    for feeder in feeders(incomes.who):
        for share in moves_of(incomes.who, feeder) if feeder.gig and not feeder.document else []:
            known = share.currency == incomes.who.policy.currency
            if known and share.cls is TransactionClass.EARNING and since <= share.month <= last:
                assert share.transaction is not None
                days.add(share.transaction.date)
    start = min(days, default=Month(since).first_day) if begins else Month(since).first_day
    length = (Month(last).last_day - start).days + 1
    return bool(days) and Fraction(len(days), length) <= Fraction(1, 2)


def is_an_old_habit(
    incomes: Incomes, teller: str, figure: Fraction, month: int, first: int
) -> bool:
    """Whether a member pays no more than before the first trip, of habit."""
    who = incomes.who
    feeder = next(one for one in feeders(who) if one.id == teller)
    if estimate_grade(who, feeder, month) != "REMITTED":
        return False
    told = own_estimates(who, feeder)
    before = [told.get(one, 0) for one in range(first - 12, first) if not works(who, one)]
    usual = [amount for amount in before if amount > 0]
    return bool(usual) and figure <= Fraction(5, 4) * median(usual)


def unvouched_excess_6m(who: Applicant) -> Decimal:
    """What nobody vouches for over what platforms paid, of the same months."""
    try:
        return unvouched(who)
    except Unknown as unknown:
        if who.snapshot.contributions is None and all(one in ABSENT for one in unknown.causes):
            raise Unknown(*spoilt(who, Kind.CONTRIBUTIONS)) from unknown
        raise


def unvouched(who: Applicant) -> Decimal:
    """The same, unless contributions were not read."""
    incomes = incomes_of(who)
    window = last_amounts(incomes, 6)
    refuse_unknown(incomes, window)
    first = first_worked(incomes)
    if first is None or first > window[-1]:
        raise Unknown(Cause.NO_EVIDENCE)
    months = [month for month in window if month >= first]
    side = by_the_side(incomes, months[0], months[-1], begins=months[0] == first)
    claimed, excess, earned, worked = False, Fraction(0), Fraction(0), False
    for month in months:
        if any(
            one.grade == "PAYROLL"
            for told in payroll_by_job(incomes, month).values()
            for one in told
        ):
            continue
        work = platform_parts(incomes, month)
        worked = worked or bool(work)
        earned = earned + whole_of(work)
        parts = estimate_parts(incomes, month)
        best = [one for one in parts if one.amount == max(part.amount for part in parts)]
        tellers = [name for one in best for (name, _), _ in one.tellers]
        if not best or best[0].amount <= 0 or is_employed(who, month, set(tellers)):
            continue
        claimed = True
        figure = best[0].amount
        if not side or not any(
            is_an_old_habit(incomes, teller, figure, month, first) for teller in tellers
        ):
            excess = excess + figure
    if not claimed or not worked:
        raise Unknown(Cause.NO_EVIDENCE)
    doubts = spoilt(who, Kind.EMPLOYMENTS) | spoilt(who, Kind.CONTRIBUTIONS)
    if doubts:
        raise Unknown(*doubts)
    if excess == 0:
        raise Unknown(Cause.NO_EVIDENCE)
    return number(min(excess / earned, Fraction(100)) if earned > 0 else Fraction(100))


FACTORS: dict[str, Factor] = {
    "source_disagreement_6m": source_disagreement_6m,
    "scheme_conflict": scheme_conflict,
    "unknown_provider_excess": unknown_provider_excess,
}

ALONE: dict[str, Callable[[Applicant], Any]] = {
    "income.backed_months_12m": proven(
        last_year,
        lambda incomes: len([one for one in last_year(incomes) if is_backed(incomes, one)]),
    ),
    "income.months_since_backed": proven(unbacked, months_since_backed),
    "income.weakest_grade_6m": proven(last_half, weakest_grade),
    "income.unvouched_excess_6m": unvouched_excess_6m,
}
"""Those that say something of the proof where there is no income."""
