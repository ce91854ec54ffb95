"""liabilities.*"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import Liability
from decision_service.domain.values import Cause, Money, Month
from tests.oracles.factors.applicant import (
    Applicant,
    Unknown,
    feeders_of,
    records_of,
)
from tests.oracles.factors.income import conservative
from tests.oracles.factors.monthly_income import incomes_of
from tests.oracles.factors.records import mean, money, number
from tests.oracles.factors.taints import refuse_tainted

Factor = Callable[[Applicant], Money | Decimal | int]

TIMES_A_YEAR = {
    "Daily": 365,
    "Weekly": 52,
    "Semimonthly": 24,
    "Monthly": 12,
    "Bimonthly": 6,
    "Quarterly": 4,
    "Annually": 1,
}


HOUSING = {"house", "housing", "home", "mortgage"}
UNTOLD = ("Hourly", "Variable", "Unspecified", None)


def loans_of(who: Applicant) -> list[Liability]:
    """Every loan of used accounts; none is an answer where an account supports them."""
    refuse_tainted(who, [Kind.LIABILITIES])
    family = feeders_of(who, [Kind.LIABILITIES])
    if not family:
        raise Unknown(Cause.NOT_CONNECTED)
    found = []
    for feeder in family:
        found.extend(records_of(who, Kind.LIABILITIES, feeder))
    whole = [
        feeder
        for feeder in family
        if feeder.account is not None and not feeder.partial and feeder.supported is not None
    ]
    if not found and not whole:
        raise Unknown(Cause.NO_DATA)
    return found


def refuse_foreign(who: Applicant, loans: list[Liability]) -> None:
    """Raise Unknown for a loan in another currency."""
    for loan in loans:
        if loan.currency != who.policy.currency:
            raise Unknown(Cause.MIXED_CURRENCY)


def balance_of(loan: Liability) -> int:
    """What is left to pay; a loan that does not tell has no answer."""
    if loan.outstanding is None:
        raise Unknown(Cause.NO_DATA)
    return loan.outstanding


def overdue_of(loan: Liability) -> int:
    """What is overdue; a finished loan need not tell."""
    if loan.overdue is not None:
        return max(loan.overdue, 0)
    if loan.outstanding is not None and loan.outstanding <= 0:
        return 0
    raise Unknown(Cause.NO_DATA)


def loan_count(who: Applicant) -> int:
    return len(loans_of(who))


def outstanding_count(who: Applicant) -> int:
    """Loans with something left to pay."""
    return len([loan for loan in loans_of(who) if balance_of(loan) > 0])


def finished_count(who: Applicant) -> int:
    """Loans that are paid."""
    return len([loan for loan in loans_of(who) if balance_of(loan) <= 0])


def overdue_count(who: Applicant) -> int:
    """Loans with something overdue."""
    return len([loan for loan in loans_of(who) if overdue_of(loan) > 0])


def unpaid(loan: Liability) -> bool:
    """Whether there may be something left to pay."""
    return loan.outstanding is None or loan.outstanding > 0


def any_loan(loan: Liability) -> bool:
    """Every loan's currency matters."""
    return True


def tells_overdue(loan: Liability) -> bool:
    """Whether a loan says what is overdue, or would have to."""
    return loan.overdue is not None or unpaid(loan)


def lent(loans: list[Liability]) -> list[int]:
    return [loan.loan_amount for loan in loans]


def balances(loans: list[Liability]) -> list[int]:
    """What is left to pay, where it is something."""
    return [balance for balance in map(balance_of, loans) if balance > 0]


def overdues(loans: list[Liability]) -> list[int]:
    return [amount for amount in map(overdue_of, loans) if amount > 0]


def repayments(loans: list[Liability]) -> list[int]:
    """What is paid back of each loan, where it is something."""
    paid = [loan.loan_amount - max(balance_of(loan), 0) for loan in loans]
    return [amount for amount in paid if amount > 0]


def over_amounts(
    amounts: Callable[[list[Liability]], list[int]],
    concerned: Callable[[Liability], bool],
    aggregate: Callable[[list[int]], int | Fraction],
    needed: int,
) -> Factor:
    """An aggregate of one amount of the loans, which needs a number of them."""

    def factor(who: Applicant) -> Money:
        loans = loans_of(who)
        refuse_foreign(who, [loan for loan in loans if concerned(loan)])
        found = amounts(loans)
        if len(found) < needed:
            raise Unknown(Cause.NO_EVIDENCE)
        return money(aggregate(found), who.policy.currency)

    return factor


def repaid_count(who: Applicant) -> int:
    """Loans of which something is paid back."""
    return len(repayments(loans_of(who)))


def outstanding_total(who: Applicant) -> Money:
    """What is left to pay."""
    loans = loans_of(who)
    refuse_foreign(who, loans)
    return money(sum(max(balance_of(loan), 0) for loan in loans), who.policy.currency)


def overdue_total(who: Applicant) -> Money:
    loans = loans_of(who)
    refuse_foreign(who, [loan for loan in loans if tells_overdue(loan)])
    return money(sum(overdue_of(loan) for loan in loans), who.policy.currency)


def is_housing(loan: Liability) -> bool:
    """Whether the words of a loan's type say that it is for a home."""
    words = re.split(r"[^a-z]+", loan.type.casefold())
    return bool(HOUSING & set(words)) or ("real", "estate") in pairwise(words)


def is_long(loan: Liability) -> bool:
    """Whether a loan's original term exceeds 60 months."""
    if loan.end is None:
        return False
    after = Month.of(loan.start).plus(60)
    day = min(loan.start.day, after.last_day.day)
    return loan.end > after.first_day.replace(day=day)


def open_total(who: Applicant, loans: list[Liability]) -> Money:
    """What is left to pay on some loans."""
    refuse_foreign(who, [loan for loan in loans if unpaid(loan)])
    return money(sum(max(balance_of(loan), 0) for loan in loans), who.policy.currency)


def matured_unpaid_total(who: Applicant) -> Money:
    """What is left to pay on loans past their end date."""
    today = who.as_of.date
    loans = loans_of(who)
    return open_total(who, [one for one in loans if one.end is not None and one.end < today])


def instalment_of(loan: Liability) -> Fraction:
    """What one outstanding loan costs a month."""
    if loan.amortization_frequency not in (*UNTOLD, *TIMES_A_YEAR):
        raise Unknown(Cause.BAD_DATA)
    if loan.amortization_frequency in UNTOLD or loan.amortization is None:
        raise Unknown(Cause.NO_DATA)
    return Fraction(loan.amortization * TIMES_A_YEAR[loan.amortization_frequency], 12)


def monthly_amortization(who: Applicant) -> Money:
    """What outstanding loans cost a month."""
    loans = loans_of(who)
    refuse_foreign(who, [loan for loan in loans if unpaid(loan)])
    total = Fraction(0)
    causes = set()
    for loan in loans:
        try:
            if balance_of(loan) > 0:
                total = total + instalment_of(loan)
        except Unknown as unknown:
            causes = causes | unknown.causes
    if causes:
        raise Unknown(*causes)
    return money(total, who.policy.currency)


def scheme_debt_to_income(who: Applicant) -> Decimal:
    """What they cost over the conservative income."""
    causes = set()
    debt, income = Money("", 0), Money("", 0)
    try:
        debt = monthly_amortization(who)
    except Unknown as unknown:
        causes = causes | unknown.causes
    try:
        income = conservative(6)(incomes_of(who))
    except Unknown as unknown:
        causes = causes | unknown.causes
    if causes:
        raise Unknown(*causes)
    if income.minor <= 0:
        raise Unknown(Cause.DIVISION_BY_ZERO)
    return number(Fraction(debt.minor, income.minor))


FACTORS: dict[str, Factor] = {
    "loan_count": loan_count,
    "outstanding_count": outstanding_count,
    "overdue_count": overdue_count,
    "finished_count": finished_count,
    "outstanding_total": outstanding_total,
    "overdue_total": overdue_total,
    "matured_unpaid_total": matured_unpaid_total,
    "monthly_amortization": monthly_amortization,
    "scheme_debt_to_income": scheme_debt_to_income,
}
FACTORS["outstanding_average"] = over_amounts(balances, any_loan, mean, 1)
FACTORS["outstanding_max"] = over_amounts(balances, any_loan, max, 1)
FACTORS["overdue_average"] = over_amounts(overdues, tells_overdue, mean, 1)
FACTORS["repaid_count"] = repaid_count
FACTORS["repaid_total"] = over_amounts(repayments, any_loan, sum, 0)
FACTORS["loan_amount_total"] = over_amounts(lent, any_loan, sum, 0)
FACTORS["loan_amount_average"] = over_amounts(lent, any_loan, mean, 1)
FACTORS["loan_amount_min"] = over_amounts(lent, any_loan, min, 1)
FACTORS["loan_amount_max"] = over_amounts(lent, any_loan, max, 1)
