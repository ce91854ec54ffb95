"""The factor catalogue written a second time, slowly: what each factor is, and nothing else.

Nothing here shares code with the service but the domain's types. An answer is a value, or the set
of causes for which there is none, NOT_YET_POSTED with its month, source and due date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from decision_service.domain.needs import DataPolicy
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.values import AsOf, Cause, Money
from tests.oracles.factors import (
    accounts,
    contributions,
    dead_ends,
    employment,
    fees,
    income,
    liabilities,
    paydays,
    proof,
    transactions,
    work_record,
)
from tests.oracles.factors.applicant import Applicant, Unknown, Wait
from tests.oracles.factors.contributions import contributions_of
from tests.oracles.factors.monthly_income import incomes_of
from tests.oracles.factors.transactions import transactions_of

Answer = Money | Decimal | int | str | bool | date | set[Cause | Wait]

FAMILIES: dict[str, tuple[Callable[[Applicant], Any], dict[str, Any]]] = {
    "income": (
        incomes_of,
        income.FACTORS | paydays.FACTORS | proof.FACTORS,
    ),
    "contributions": (contributions_of, contributions.FACTORS),
    "transactions": (transactions_of, transactions.FACTORS),
    "employment": (lambda who: who, employment.FACTORS | work_record.EMPLOYMENT),
    "liabilities": (lambda who: who, liabilities.FACTORS),
    "accounts": (lambda who: who, accounts.ACCOUNTS),
    "links": (lambda who: who, accounts.LINKS),
    "identity": (lambda who: who, accounts.IDENTITY),
}


ALONE: dict[str, Callable[[Applicant], Any]] = {
    "transactions.fee_presence_91d": fees.fee_presence_91d,
    "transactions.unexplained_credit_share_91d": fees.unexplained_credit_share_91d,
    "transactions.unfee_share_91d": fees.unfee_share_91d,
    "transactions.daily_variation_30d": fees.daily_variation_30d,
    "income.paydays_missed": paydays.paydays_missed,
    **proof.ALONE,
    **work_record.ALONE,
}
"""Factors that rest on other than their family does."""


def names() -> list[str]:
    """Every factor there is a reference for."""
    found = [f"{family}.{name}" for family, (_, factors) in FAMILIES.items() for name in factors]
    return [*found, *ALONE]


def reference(
    snapshot: Snapshot,
    policy: DataPolicy,
    as_of: AsOf,
    chosen: Iterable[str] | None = None,
    term_months: int | None = None,
) -> dict[str, Answer]:
    """The factors of one applicant: all of them, or the chosen ones."""
    wanted = names() if chosen is None else list(chosen)
    who = Applicant(snapshot, policy, as_of, tuple(wanted), term_months)
    gone, over = dead_ends.find(who)
    who.memory.update(superseded=gone, ended=over)
    who.memory.update(quiet=dead_ends.quiet(who))
    answers: dict[str, Answer] = {}
    prepared: dict[str, Any] = {}
    for name in wanted:
        family, _, short = name.partition(".")
        prepare, factors = FAMILIES[family]
        try:
            if name in ALONE:
                answers[name] = ALONE[name](who)
                continue
            if family not in prepared:
                prepared[family] = prepare(who)
            answers[name] = factors[short](prepared[family])
        except Unknown as unknown:
            answers[name] = unknown.causes
    return answers
