"""Importing the package registers every family's factors."""

from decision_service.factors import (
    accounts,
    contributions,
    income,
    income_jobs,
    income_parity,
    liabilities,
)

__all__ = [
    "accounts",
    "contributions",
    "income",
    "income_jobs",
    "income_parity",
    "liabilities",
]
