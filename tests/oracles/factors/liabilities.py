"""liabilities.*"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause
from decision_service.domain.money import Money
from decision_service.domain.snapshot import Liability
from tests.oracles.factors.applicant import (
    Applicant,
    Unknown,
    feeders_of,
    records_of,
    refuse_tainted,
)
from tests.oracles.factors.arithmetic import deviation, mean, money, number
from tests.oracles.factors.income import conservative_exact
from tests.oracles.factors.monthly_income import incomes_of

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


def loans_of(who: Applicant) -> list[Liability]:
    """Every loan of used accounts; none is an answer where an account supports them."""
    refuse_tainted(who, [Kind.LIABILITIES])
    family = feeders_of(who, [Kind.LIABILITIES])
    if not family:
        raise Unknown(Cause.NOT_CONNECTED)
    found = []
    for feeder in family:
        found.extend(records_of(who, Kind.LIABILITIES, feeder))
    return found


def in_one_currency(who: Applicant) -> list[Liability]:
    """The loans, once their currency is known to be ours alone."""
    loans = loans_of(who)
    for loan in loans:
        if loan.currency != who.policy.currency:
            raise Unknown(Cause.MIXED_CURRENCY)
    return loans


def outstanding(loans: list[Liability]) -> list[Liability]:
    """The loans with something left to pay."""
    return [loan for loan in loans if loan.outstanding is not None and loan.outstanding > 0]


def loan_count(who: Applicant) -> int:
    """All loans."""
    return len(in_one_currency(who))


def outstanding_count(who: Applicant) -> int:
    """Loans with something left to pay."""
    return len(outstanding(in_one_currency(who)))


def overdue_count(who: Applicant) -> int:
    """Loans with something overdue."""
    loans = in_one_currency(who)
    return len([loan for loan in loans if loan.overdue is not None and loan.overdue > 0])


def finished_count(who: Applicant) -> int:
    """Loans that are paid."""
    loans = in_one_currency(who)
    return len([loan for loan in loans if loan.outstanding is not None and loan.outstanding <= 0])


def loan_amount_total(who: Applicant) -> Money:
    """What was lent."""
    return money(sum(loan.loan_amount for loan in in_one_currency(who)), who.policy.currency)


def over_loans(aggregate: Callable[[list[int]], int | Fraction]) -> Factor:
    """An aggregate that needs at least one loan."""

    def factor(who: Applicant) -> Money:
        loans = in_one_currency(who)
        if not loans:
            raise Unknown(Cause.NO_DATA)
        return money(aggregate([loan.loan_amount for loan in loans]), who.policy.currency)

    return factor


def outstanding_total(who: Applicant) -> Money:
    """What is left to pay."""
    loans = outstanding(in_one_currency(who))
    return money(sum(loan.outstanding or 0 for loan in loans), who.policy.currency)


def overdue_total(who: Applicant) -> Money:
    """What is overdue."""
    loans = in_one_currency(who)
    owed = sum(loan.overdue for loan in loans if loan.overdue is not None and loan.overdue > 0)
    return money(owed, who.policy.currency)


def amortization_exact(who: Applicant) -> Fraction:
    """What the outstanding loans cost a month."""
    total = Fraction(0)
    for loan in outstanding(in_one_currency(who)):
        if loan.amortization is None or loan.amortization_frequency not in TIMES_A_YEAR:
            raise Unknown(Cause.NO_DATA)
        times = TIMES_A_YEAR[loan.amortization_frequency]
        total = total + Fraction(loan.amortization * times, 12)
    return total


def monthly_amortization(who: Applicant) -> Money:
    """What outstanding loans cost a month."""
    return money(amortization_exact(who), who.policy.currency)


def scheme_debt_to_income(who: Applicant) -> Decimal:
    """What they cost over the conservative income."""
    debt = amortization_exact(who)
    income = conservative_exact(incomes_of(who), 6)
    if income == 0:
        raise Unknown(Cause.DIVISION_BY_ZERO)
    return number(debt / income)


FACTORS: dict[str, Factor] = {
    "loan_count": loan_count,
    "outstanding_count": outstanding_count,
    "overdue_count": overdue_count,
    "finished_count": finished_count,
    "loan_amount_total": loan_amount_total,
    "loan_amount_average": over_loans(mean),
    "loan_amount_min": over_loans(min),
    "loan_amount_max": over_loans(max),
    "loan_amount_std": over_loans(deviation),
    "outstanding_total": outstanding_total,
    "overdue_total": overdue_total,
    "monthly_amortization": monthly_amortization,
    "scheme_debt_to_income": scheme_debt_to_income,
}
