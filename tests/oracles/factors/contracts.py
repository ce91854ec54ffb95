"""When jobs that carry the income end on record, and what income is left then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import Employment
from decision_service.domain.values import Cause, Money, Month
from tests.oracles.factors.amounts import as_money, last_amounts, refuse_unknown, seen_amounts
from tests.oracles.factors.applicant import Applicant, Unknown, feeders
from tests.oracles.factors.arithmetic import mean, median
from tests.oracles.factors.employers import contracts, key_of, names_one
from tests.oracles.factors.monthly_income import Incomes, incomes_of
from tests.oracles.factors.parts import (
    Part,
    gig_parts,
    jobs_by_employer,
    month_income,
    parts_of,
    whole_of,
)
from tests.oracles.factors.shares import all_slips
from tests.oracles.factors.taints import taints

NAMELESS = ""
Spell = list[Employment]


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


EMPLOYMENT: dict[str, Callable[[Applicant], Any]] = {
    "months_to_end": months_to_end,
    "next_end_date": first_end,
}
ALONE: dict[str, Callable[[Applicant], Any]] = {
    "income.conservative_open_6m": conservative_open_6m,
}
