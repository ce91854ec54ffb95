"""A month's income in parts: jobs, platforms, an estimate; how well each is proven, and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from decision_service.domain.accounts import Kind
from decision_service.domain.values import Month
from tests.oracles.factors.applicant import Applicant, Feeder, feeders, records_of
from tests.oracles.factors.monthly_income import Incomes, has_better, lost, settled_shares
from tests.oracles.factors.records import (
    ceiling_of,
    clipped,
    employments,
    median,
    names_one,
    same_jobs,
)
from tests.oracles.factors.shares import EARNED, Share, all_slips


def payroll_grade(feeder: Feeder) -> str:
    """Payroll of an upload, an archive or a provider of documents is a document."""
    return "DOCUMENT" if feeder.document else "PAYROLL"


def work_grade(feeder: Feeder) -> str:
    """What a platform says of its own work, unless it was uploaded."""
    return "DOCUMENT" if feeder.document else "PLATFORM"


def is_employed(who: Applicant, month: int, tellers: set[str]) -> bool:
    """Whether an employment with a named employer, told by some accounts, covers a month's day."""
    first, last = Month(month).first_day, Month(month).last_day
    for one in employments(who):
        covers = one.start <= last and (one.end is None or one.end >= first)
        begun = one.start <= who.as_of.date
        if covers and begun and one.source in tellers and names_one(who, one.employer):
            return first <= who.as_of.date
    return False


def works(who: Applicant, month: int) -> bool:
    """Whether anybody but a document tells of an employer in a month."""
    return is_employed(who, month, {one.id for one in feeders(who) if not one.document})


def paid_in(who: Applicant, provider_id: str) -> set[int]:
    """The months in which a scheme was paid to, by any of its accounts."""
    found = set()
    for feeder in feeders(who):
        if feeder.provider_id != provider_id:
            continue
        sums: dict[int, int] = {}
        for one in records_of(who, Kind.CONTRIBUTIONS, feeder):
            if one.currency != who.policy.currency:
                continue
            month = Month.of(one.date).index
            sums[month] = sums.get(month, 0) + one.amount
        found |= {month for month, amount in sums.items() if amount > 0}
    return found


def has_habit(who: Applicant, provider_id: str, month: int) -> bool:
    """Whether a scheme was paid to in 18 of the 24 months up to a month, with no employer."""
    paid = [one for one in paid_in(who, provider_id) if not works(who, one)]
    return len([one for one in paid if month - 23 <= one <= month]) >= 18


def is_usual(who: Applicant, feeder: Feeder, month: int) -> bool:
    """Whether a month's estimate is at most 1.5 times the median of a year ago and before.

    That is of the thirteenth to the twenty-fourth month before, those with an employer apart; what
    was usual then is not known where there is none.
    """
    sums = own_estimates(who, feeder)
    before = [
        sums[one]
        for one in range(month - 24, month - 12)
        if sums.get(one, 0) > 0 and not works(who, one)
    ]
    return bool(before) and sums.get(month, 0) <= median(before) * Fraction(3, 2)


def own_estimates(who: Applicant, feeder: Feeder) -> dict[int, int]:
    """What an account estimates of each month, up to its scheme's ceiling."""
    sums: dict[int, int] = {}
    for one in records_of(who, Kind.EINCOMES, feeder):
        if one.currency == who.policy.currency:
            sums[one.month] = sums.get(one.month, 0) + one.amount
    return {one: clipped(who, feeder.provider_id, one, amount) for one, amount in sums.items()}


def estimate_grade(who: Applicant, feeder: Feeder, month: int) -> str:
    """What stands behind a formal account's estimate of a month."""
    if feeder.document:
        return "DOCUMENT"
    if not feeder.scheme:
        return "DECLARED"
    if is_employed(who, month, {feeder.id}):
        return "REMITTED"
    if has_habit(who, feeder.provider_id, month) and is_usual(who, feeder, month):
        return "REMITTED"
    return "DECLARED"


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


def payroll_part(feeder: Feeder, shares: list[Share], form: str, name: str) -> Part:
    """An account's payroll as a part; paper proves no amount."""
    amount = total(shares)
    teller = ((feeder.id, Kind.INCOMES), amount)
    backed = Fraction(0) if feeder.document else amount
    return Part(form, name, amount, payroll_grade(feeder), backed, (teller,))


def clipped_total(incomes: Incomes, feeder: Feeder, month: int, told: list[Share]) -> Fraction:
    """An account's estimate of a month, up to its scheme's ceiling."""
    ceiling = ceiling_of(incomes.who, feeder.provider_id, month)
    return total(told) if ceiling is None else min(total(told), Fraction(ceiling))


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
        return payroll_part(feeder, payroll, form, name)
    if estimates and not lost(incomes, feeder, month):
        grade = work_grade(feeder) if feeder.gig else estimate_grade(incomes.who, feeder, month)
        form = "gig" if feeder.gig else "estimate"
        amount = clipped_total(incomes, feeder, month, estimates)
        return simple_part(feeder, Kind.EINCOMES, amount, grade, form, name)
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
            part = payroll_part(feeder, shares, "payroll", job)
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
    """The estimates of formal accounts without payroll in the month; paper only without others."""
    found = []
    for feeder in feeders(incomes.who):
        part = None if feeder.gig else account_part(incomes, feeder, month, "")
        if part is not None and part.form == "estimate":
            found.append((feeder, part))
    real = [part for feeder, part in found if not feeder.document]
    return real or [part for _, part in found]


def whole_of(parts: list[Part]) -> Fraction:
    """What some parts give together."""
    return sum((one.amount for one in parts), Fraction(0))


def scheme_tells(incomes: Incomes, month: int) -> bool:
    """Whether a scheme, and not a paper of one, tells of a month."""
    return any(
        one.scheme and not one.document and domestic(incomes, Kind.EINCOMES, month, one)
        for one in feeders(incomes.who)
    )


def with_paper(incomes: Incomes, month: int, best: Part, papers: list[Part]) -> Part:
    """An estimate at its ceiling with what documents may add to it: a quarter of the ceiling."""
    ceilings = []
    for feeder in feeders(incomes.who):
        ceiling = ceiling_of(incomes.who, feeder.provider_id, month)
        said = [amount for (name, _), amount in best.tellers if name == feeder.id]
        if ceiling is not None and said and said[0] >= ceiling:
            ceilings.append(ceiling)
    if not ceilings:
        return best
    amount = max(best.amount, min(whole_of(papers), Fraction(5, 4) * max(ceilings)))
    return Part(best.form, best.name, amount, best.grade, best.backed, best.tellers)


def per_job(incomes: Incomes, month: int) -> list[Part]:
    """Payroll and gig; without payroll the larger of estimates and gig; documents without both."""
    paid = payroll_by_job(incomes, month).values()
    payroll = [highest(real) for told in paid if (real := [p for p in told if is_payroll(p)])]
    papers = [highest(told) for told in paid if not any(is_payroll(one) for one in told)]
    every = gig_parts(incomes, month)
    worked = [one for one in every if one.grade != "DOCUMENT"]
    if payroll:
        return payroll + worked
    estimates = estimate_parts(incomes, month)
    if scheme_tells(incomes, month):
        more = papers + [one for one in every if one not in worked]
        return larger([with_paper(incomes, month, highest(estimates), more)], worked)
    if papers:
        return papers + every
    return larger([highest(estimates)] if estimates else [], every)


def is_payroll(part: Part) -> bool:
    """Whether payroll itself tells it, and no paper."""
    return part.grade == "PAYROLL"


def larger(estimate: list[Part], gig: list[Part]) -> list[Part]:
    """The larger of the two; a platform's month below zero lowers the estimate."""
    if not estimate or not gig:
        return estimate or gig
    (best,), worked = estimate, whole_of(gig)
    if worked < 0:
        return [best, *gig]
    if worked > best.amount:
        return gig
    if worked == best.amount:
        more = tuple(teller for one in gig for teller in one.tellers)
        return [Part(best.form, "", best.amount, best.grade, best.backed, best.tellers + more)]
    return [best]


def parts_of(incomes: Incomes, month: int) -> list[Part]:
    """What a month's income is made of."""
    found: list[Part] = incomes.once(("parts", month), lambda: per_job(incomes, month))
    return found


def month_income(incomes: Incomes, month: int) -> Fraction:
    """The month's income."""
    return sum((one.amount for one in parts_of(incomes, month)), Fraction(0))
