"""Importing the package registers every family's factors."""

from __future__ import annotations

from decision_service.factors import (
    accounts,
    contributions,
    employment,
    identity,
    income,
    income_payroll,
    income_proof,
    liabilities,
    match,
    transactions,
)
from decision_service.factors import accounts as links
from decision_service.factors import employment_status as work_since
from decision_service.factors import employment_status as working
from decision_service.factors import income as income_latest
from decision_service.factors import income_proof as disagreement
from decision_service.factors import income_statistics as income_jobs
from decision_service.factors import income_statistics as income_parity
from decision_service.factors import liabilities as loan_statistics
from decision_service.factors import liabilities as loan_terms
from decision_service.factors import own as history
from decision_service.factors import own as reuse
from decision_service.factors import transactions as fee_presence

__all__ = [
    "accounts",
    "contributions",
    "disagreement",
    "employment",
    "fee_presence",
    "history",
    "identity",
    "income",
    "income_jobs",
    "income_latest",
    "income_parity",
    "income_payroll",
    "income_proof",
    "liabilities",
    "links",
    "loan_statistics",
    "loan_terms",
    "match",
    "reuse",
    "transactions",
    "work_since",
    "working",
]
