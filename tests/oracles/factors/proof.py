"""income.* about how well the income is proven."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Any

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause
from decision_service.domain.months import Month
from tests.oracles.factors.amounts import (
    last_amounts,
    last_known,
    refuse_unknown,
)
from tests.oracles.factors.applicant import Applicant, Unknown, all_records_of, feeders
from tests.oracles.factors.arithmetic import mean, number
from tests.oracles.factors.employers import key_of
from tests.oracles.factors.monthly_income import Incomes, formal_payroll, settled_shares
from tests.oracles.factors.parts import (
    GRADES,
    month_income,
    parts_of,
    payroll_by_job,
    payroll_parts,
)
from tests.oracles.factors.payslips import once_each, slip_of, without_parts
from tests.oracles.factors.shares import (
    Share,
    shares_of,
    transaction_shares,
)
from tests.oracles.factors.sources import amounts_of
from tests.oracles.factors.taints import taints

Factor = Callable[[Incomes], Any]
Pair = list[tuple[Fraction, Fraction]]
"""What two tellers say of each of their common months."""


def is_backed(incomes: Incomes, month: int) -> bool:
    """Whether two thirds of a month's income are proven."""
    whole = month_income(incomes, month)
    backed = sum((one.backed for one in parts_of(incomes, month)), Fraction(0))
    return whole > 0 and backed * 3 >= whole * 2


def refuse_tainted_proof(incomes: Incomes, window: list[int]) -> None:
    """Raise Unknown where what could prove more of these months is spoilt, or was never read."""
    grades = {part.grade for month in window for part in parts_of(incomes, month)}
    snapshot = incomes.who.snapshot
    causes: set[Any] = set()
    if grades & {"DECLARED", "DOCUMENT"} or snapshot.employments is None:
        causes = causes | taints(incomes.who, [Kind.EMPLOYMENTS])
    if "DECLARED" in grades or snapshot.contributions is None:
        causes = causes | taints(incomes.who, [Kind.CONTRIBUTIONS])
    if causes:
        raise Unknown(*causes)


def backed_months_12m(incomes: Incomes) -> int:
    """Backed months among the last twelve."""
    window = last_amounts(incomes, 12)
    refuse_unknown(incomes, window)
    refuse_tainted_proof(incomes, window)
    return len([month for month in window if is_backed(incomes, month)])


def last_backed(incomes: Incomes) -> int | None:
    """The last backed month, by what is settled so far."""
    latest = max((one.settled for one in incomes.sources), default=0)
    months = range(incomes.first, latest + 1)
    return max((month for month in months if is_backed(incomes, month)), default=None)


def unbacked(incomes: Incomes) -> list[int]:
    """The months from the last backed one, or from the first, to the latest known one."""
    known, last = last_known(incomes), last_backed(incomes)
    return list(range(incomes.first if last is None else min(last, known), known + 1))


def months_since_backed(incomes: Incomes) -> int:
    """Months from the last backed one to the latest known, or settled by payroll or a platform."""
    known, last, window = last_known(incomes), last_backed(incomes), unbacked(incomes)
    refuse_unknown(incomes, window)
    refuse_tainted_proof(incomes, window)
    if last is None:
        raise Unknown(Cause.NO_EVIDENCE)
    work = [one.settled for one in incomes.sources if one.payroll or one.platform]
    return max(max([known, *work]) - last, 0)


def weakest_grade_6m(incomes: Incomes) -> str:
    """The first grade, from the weakest up, that with all weaker ones carries over a third."""
    window = last_amounts(incomes, 6)
    refuse_unknown(incomes, window)
    refuse_tainted_proof(incomes, window)
    whole = sum((month_income(incomes, month) for month in window), Fraction(0))
    if whole <= 0:
        raise Unknown(Cause.NO_EVIDENCE)
    carried = Fraction(0)
    for grade in GRADES:
        for month in window:
            for part in parts_of(incomes, month):
                if part.grade == grade:
                    carried = carried + part.amount
        if carried * 3 > whole:
            return grade
    raise AssertionError("all grades together carry the whole")


def ceiling_of(who: Applicant, provider_id: str, month: int) -> int | None:
    """The most that a scheme tells of a month's income, in minor units."""
    fitting = [
        one
        for one in who.policy.ceilings
        if fnmatchcase(provider_id, one.provider)
        and one.currency == who.policy.currency
        and one.since <= Month(month).first_day
    ]
    return max(fitting, key=lambda one: one.since).amount if fitting else None


def scheme_figure(incomes: Incomes, month: int, payroll: Fraction) -> Fraction | None:
    """The highest scheme's estimate; at its ceiling the payroll's own figure, where it is more."""
    told: dict[tuple[str, str], Fraction] = {}
    for share in settled_shares(incomes, Kind.EINCOMES, month):
        if share.feeder.scheme and share.currency == incomes.who.policy.currency:
            key = (share.feeder.id, share.feeder.provider_id)
            told[key] = told.get(key, Fraction(0)) + share.amount
    if not told:
        return None
    most = max(told.values())
    for (_, provider_id), amount in told.items():
        ceiling = ceiling_of(incomes.who, provider_id, month)
        if amount == most and ceiling is not None and amount >= ceiling and payroll > amount:
            return payroll
    return most


def beside_schemes(incomes: Incomes, window: list[int]) -> Pair:
    """The whole month's payroll beside the highest scheme's estimate."""
    found = []
    for month in window:
        if formal_payroll(incomes, month):
            payroll = sum((one.amount for one in payroll_parts(incomes, month)), Fraction(0))
            scheme = scheme_figure(incomes, month, payroll)
            if scheme is not None:
                found.append((payroll, scheme))
    return found


def beside_documents(incomes: Incomes, window: list[int]) -> list[Pair]:
    """Of each job the payroll beside the documents."""
    found: dict[str, Pair] = {}
    for month in window:
        for job, told in payroll_by_job(incomes, month).items():
            proven = [one.amount for one in told if one.grade == "PAYROLL"]
            uploaded = [one.amount for one in told if one.grade == "DOCUMENT"]
            if proven and uploaded:
                found.setdefault(job, []).append((max(proven), max(uploaded)))
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
    pairs = [beside_schemes(incomes, window), *beside_documents(incomes, window)]
    told = [difference(pair) for pair in pairs if pair]
    if not told:
        raise Unknown(Cause.NO_EVIDENCE)
    return number(max(told))


def claimed_payroll(who: Applicant, feeder: Any) -> list[Share]:
    """What an unknown provider says of pay, pay told twice counted once."""
    slips: dict[tuple[str, str], list[Any]] = {}
    for income in all_records_of(who, Kind.INCOMES, feeder):
        key = (key_of(who, income.employer), income.currency)
        slips.setdefault(key, []).append(slip_of(income))
    found = []
    for (employer, _), told in slips.items():
        for slip in without_parts(once_each(told)):
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


FACTORS: dict[str, Factor] = {
    "backed_months_12m": backed_months_12m,
    "months_since_backed": months_since_backed,
    "weakest_grade_6m": weakest_grade_6m,
    "source_disagreement_6m": source_disagreement_6m,
    "unknown_provider_excess": unknown_provider_excess,
}
