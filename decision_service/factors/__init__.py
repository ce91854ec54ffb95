"""Importing the package registers every family's factors."""

from decision_service.factors import (
    accounts,
    contributions,
    employment,
    identity,
    income,
    income_jobs,
    income_parity,
    liabilities,
    links,
    loan_statistics,
    transactions,
    working,
)

__all__ = [
    "accounts",
    "contributions",
    "employment",
    "identity",
    "income",
    "income_jobs",
    "income_parity",
    "liabilities",
    "links",
    "loan_statistics",
    "transactions",
    "working",
]
