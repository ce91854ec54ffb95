"""A month's income in parts: jobs, platforms, an estimate; each with its proof and its tellers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from decision_service.domain.kinds import Kind
from decision_service.domain.needs import CombineIncome
from tests.oracles.factors.applicant import Feeder, feeders
from tests.oracles.factors.employers import same_jobs
from tests.oracles.factors.grades import confirmed, estimate_grade, payroll_grade, work_grade
from tests.oracles.factors.monthly_income import Incomes, has_better, settled_shares
from tests.oracles.factors.shares import EARNED, Share, all_slips

GRADES = ("DECLARED", "DOCUMENT", "PLATFORM", "REMITTED", "PAYROLL")
Teller = tuple[str, Kind]


@dataclass(frozen=True)
class Part:
    """What one job, platform or estimate gives to a month; `backed` is what is proven of it.

    `tellers` are the sources whose figure counted, with it: several where they are equal.
    """

    form: str
    name: str
    amount: Fraction
    grade: str
    backed: Fraction
    tellers: tuple[tuple[Teller, Fraction], ...]


def domestic(incomes: Incomes, kind: Kind, month: int, feeder: Feeder) -> list[Share]:
    """One account's shares of one kind in a month, in the ruleset's currency."""
    return [
        share
        for share in settled_shares(incomes, kind, month)
        if share.feeder.id == feeder.id
        and share.currency == incomes.who.policy.currency
        and not share.unread
    ]


def total(shares: list[Share]) -> Fraction:
    """The sum of some shares."""
    return sum((share.amount for share in shares), Fraction(0))


def backed_payroll(incomes: Incomes, feeder: Feeder, shares: list[Share]) -> Fraction:
    """What is proven of an account's payroll: of documents what another source confirms."""
    if payroll_grade(feeder) == "PAYROLL":
        return total(shares)
    return total([one for one in shares if confirmed(incomes.who, feeder, one.employer)])


def payroll_part(
    incomes: Incomes, feeder: Feeder, shares: list[Share], form: str, name: str
) -> Part:
    """An account's payroll as a part."""
    amount = total(shares)
    teller = ((feeder.id, Kind.INCOMES), amount)
    backed = backed_payroll(incomes, feeder, shares)
    return Part(form, name, amount, payroll_grade(feeder), backed, (teller,))


def simple_part(
    feeder: Feeder, kind: Kind, amount: Fraction, grade: str, form: str, name: str
) -> Part:
    """An estimate or earnings as a part."""
    backed = amount if grade in ("REMITTED", "PLATFORM") else Fraction(0)
    return Part(form, name, amount, grade, backed, (((feeder.id, kind), amount),))


def account_part(incomes: Incomes, feeder: Feeder, month: int, name: str) -> Part | None:
    """One account's figure of a month: payroll, else estimates, else what the work earned."""
    payroll = domestic(incomes, Kind.INCOMES, month, feeder)
    estimates = domestic(incomes, Kind.EINCOMES, month, feeder)
    if payroll:
        form = "gig" if feeder.gig else "payroll"
        return payroll_part(incomes, feeder, payroll, form, name)
    if estimates:
        grade = work_grade(feeder) if feeder.gig else estimate_grade(incomes.who, feeder, month)
        form = "gig" if feeder.gig else "estimate"
        return simple_part(feeder, Kind.EINCOMES, total(estimates), grade, form, name)
    moves = domestic(incomes, Kind.TRANSACTIONS, month, feeder)
    if not any(move.cls in EARNED for move in moves) or has_better(incomes, feeder, month):
        return None
    earned = next(
        source.amount(month)
        for source in incomes.sources
        if source.name == feeder.id and source.kind is Kind.TRANSACTIONS
    )
    return simple_part(feeder, Kind.TRANSACTIONS, earned, work_grade(feeder), "gig", name)


def strongest(parts: list[Part]) -> Part:
    """Of equal figures the one that is proven best."""
    return max(parts, key=lambda one: (GRADES.index(one.grade), one.backed))


def highest(parts: list[Part]) -> Part:
    """The highest of several accounts; every one that says as much is a teller."""
    most = max(one.amount for one in parts)
    equal = [one for one in parts if one.amount == most]
    best = strongest(equal)
    tellers = tuple(teller for one in equal for teller in one.tellers)
    return Part(best.form, best.name, most, best.grade, best.backed, tellers)


def jobs_by_employer(incomes: Incomes) -> dict[str, str]:
    """Which job each employer of formal payroll is."""
    slips = {
        (feeder.id, employer): same
        for feeder in feeders(incomes.who)
        if not feeder.gig
        for employer, same in all_slips(incomes.who, feeder).items()
    }
    return same_jobs(slips)


def payroll_by_job(incomes: Incomes, month: int) -> dict[str, list[Part]]:
    """What each formal account says of each job in a month."""
    jobs: dict[str, str] = incomes.once("jobs", lambda: jobs_by_employer(incomes))
    found: dict[str, list[Part]] = {}
    for feeder in feeders(incomes.who):
        if feeder.gig:
            continue
        paid: dict[str, list[Share]] = {}
        for share in domestic(incomes, Kind.INCOMES, month, feeder):
            paid.setdefault(jobs[share.employer], []).append(share)
        for job, shares in paid.items():
            part = payroll_part(incomes, feeder, shares, "payroll", job)
            found.setdefault(job, []).append(part)
    return found


def payroll_parts(incomes: Incomes, month: int) -> list[Part]:
    """Each job's strongest grade, and of it the highest account."""
    found = []
    for told in payroll_by_job(incomes, month).values():
        proven = [one for one in told if one.grade == "PAYROLL"]
        found.append(highest(proven or told))
    return found


def gig_parts(incomes: Incomes, month: int) -> list[Part]:
    """Each platform's highest account among those that prove best."""
    found: dict[str, list[Part]] = {}
    for feeder in feeders(incomes.who):
        if feeder.gig:
            part = account_part(incomes, feeder, month, feeder.provider_id)
            if part is not None:
                found.setdefault(feeder.provider_id, []).append(part)
    return [highest(best_proven(told)) for told in found.values()]


def best_proven(told: list[Part]) -> list[Part]:
    """Those of the strongest grade."""
    strongest = max(GRADES.index(one.grade) for one in told)
    return [one for one in told if GRADES.index(one.grade) == strongest]


def estimate_parts(incomes: Incomes, month: int) -> list[Part]:
    """The estimates of formal accounts without payroll in the month."""
    found = []
    for feeder in feeders(incomes.who):
        part = None if feeder.gig else account_part(incomes, feeder, month, "")
        if part is not None and part.form == "estimate":
            found.append(part)
    return found


def per_job(incomes: Incomes, month: int) -> list[Part]:
    """Payroll and gig; without payroll the larger of estimates and gig."""
    payroll, gig = payroll_parts(incomes, month), gig_parts(incomes, month)
    if payroll:
        return payroll + gig
    estimates = estimate_parts(incomes, month)
    if not estimates:
        return gig
    best = highest(estimates)
    worked = sum((one.amount for one in gig), Fraction(0))
    if gig and worked > best.amount:
        return gig
    if gig and worked == best.amount:
        more = tuple(teller for one in gig for teller in one.tellers)
        return [Part(best.form, "", best.amount, best.grade, best.backed, best.tellers + more)]
    return [best]


def per_account(incomes: Incomes, month: int) -> list[Part]:
    """Every account by itself."""
    told = [account_part(incomes, one, month, one.id) for one in feeders(incomes.who)]
    return [one for one in told if one is not None]


def only_highest(parts: list[Part]) -> list[Part]:
    """The highest account; of equal ones an estimate before gig work before payroll, then by id."""
    if not parts:
        return []
    first = sorted(parts, key=lambda one: (-one.amount, one.form, one.name))[0]
    equal = [one for one in parts if one.amount == first.amount]
    tellers = tuple(teller for one in equal for teller in one.tellers)
    return [Part(first.form, first.name, first.amount, first.grade, first.backed, tellers)]


def parts_of(incomes: Incomes, month: int) -> list[Part]:
    """What a month's income is made of, as the policy combines it."""
    how = incomes.who.policy.combine_income
    ways: dict[CombineIncome, Callable[[], list[Part]]] = {
        CombineIncome.PER_JOB: lambda: per_job(incomes, month),
        CombineIncome.SUM: lambda: per_account(incomes, month),
        CombineIncome.MAX: lambda: only_highest(per_account(incomes, month)),
    }
    found: list[Part] = incomes.once(("parts", month), ways[how])
    return found


def month_income(incomes: Incomes, month: int) -> Fraction:
    """The month's income."""
    return sum((one.amount for one in parts_of(incomes, month)), Fraction(0))
