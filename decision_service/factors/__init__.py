"""Importing the package registers every family's factors."""

from __future__ import annotations

from decision_service.factors import (
    accounts,
    contributions,
    employment,
    employment_status,
    income,
    income_payroll,
    income_proof,
    income_statistics,
    liabilities,
    match,
    own,
    transactions,
)

__all__ = [
    "accounts",
    "contributions",
    "employment",
    "employment_status",
    "income",
    "income_payroll",
    "income_proof",
    "income_statistics",
    "liabilities",
    "match",
    "own",
    "transactions",
]
