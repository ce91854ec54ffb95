"""The data of a social security scheme: estimated incomes, contributions and loans."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from decision_service.simulator.formats.dates import first_day, last_day, month_text
from decision_service.simulator.people.posting import PROMPT, Posting
from decision_service.simulator.people.shapes import AmountOf, Origin, money
from decision_service.simulator.people.world import Json

_CREDIT_STEP = 500
_CREDIT_FLOOR, _CREDIT_CEILING = 5_000, 35_000
_CONTRIBUTION_RATE = 0.15


def salary_credit(income: float) -> int:
    """Return the monthly salary credit a scheme books an income under, in steps of 500 PHP."""
    stepped = round(income / _CREDIT_STEP) * _CREDIT_STEP
    return min(max(stepped, _CREDIT_FLOOR), _CREDIT_CEILING)


def contribution_of(income: float) -> float:
    """Return the monthly contribution for an income, employee's and employer's share together."""
    return money(salary_credit(income) * _CONTRIBUTION_RATE)


def estimates(
    origin: Origin,
    months: Iterable[int],
    amount_of: AmountOf,
    *,
    currency: str = "PHP",
    posting: Posting = PROMPT,
) -> list[Json]:
    """Return one estimated income for each month, shown on the day of the payer's posting."""
    return [
        _estimate(origin, month, money(amount_of(month)), currency, posting.day(month))
        for month in months
    ]


def contributions(
    origin: Origin,
    months: Iterable[int],
    amount_of: AmountOf,
    *,
    currency: str = "PHP",
    posting: Posting = PROMPT,
) -> list[Json]:
    """Return one contribution for each month, dated to its end."""
    return [
        _contribution(origin, month, money(amount_of(month)), currency, posting.day(month))
        for month in months
    ]


def loan(
    origin: Origin,
    kind: str,
    first_month: int,
    months: int,
    *,
    principal: float,
    amortization: float,
    paid: int,
    overdue: float = 0,
    currency: str = "PHP",
) -> Json:
    """Return a loan of `months` instalments, the first in `first_month`, `paid` of them paid."""
    owed = money(amortization * (months - paid))
    fields: Json = {
        "type": kind,
        "referenceId": f"SL{month_text(first_month).replace('-', '')}{months:03d}",
        "startDate": first_day(first_month - 2).isoformat(),
        "firstAmortizationDate": first_day(first_month).isoformat(),
        "endDate": last_day(first_month + months - 1).isoformat(),
        "amortizationFrequency": "Monthly",
        "currency": currency,
        "loanAmount": money(principal),
        "amortizationAmount": money(amortization),
        "outstandingBalance": owed,
        "nextPaymentAmount": money(amortization if owed else 0),
        "overduePaymentAmount": money(overdue),
    }
    return origin.item("lia", (kind, first_month), fields)


def _estimate(origin: Origin, month: int, amount: float, currency: str, shown: date) -> Json:
    text = month_text(month)
    fields = {"month": text, "currency": currency, "baseAmount": amount, "amount": amount}
    return origin.item("einc", text, fields, shown)


def _contribution(origin: Origin, month: int, amount: float, currency: str, shown: date) -> Json:
    fields = {
        "date": last_day(month).isoformat(),
        "currency": currency,
        "amount": amount,
        "referenceId": f"PRN{month_text(month).replace('-', '')}",
    }
    return origin.item("con", month_text(month), fields, shown)
