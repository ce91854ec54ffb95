"""Importing the package registers every family's factors."""

from decision_service.factors import (
    accounts,
    contributions,
    employment,
    fee_presence,
    identity,
    income,
    income_jobs,
    income_parity,
    liabilities,
    links,
    loan_statistics,
    loan_terms,
    transactions,
    working,
)

__all__ = [
    "accounts",
    "contributions",
    "employment",
    "fee_presence",
    "identity",
    "income",
    "income_jobs",
    "income_parity",
    "liabilities",
    "links",
    "loan_statistics",
    "loan_terms",
    "transactions",
    "working",
]
