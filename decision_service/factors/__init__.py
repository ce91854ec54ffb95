"""Importing the package registers every family's factors."""

from __future__ import annotations

from decision_service.factors import (  # noqa: F401 - importing them registers them
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
    work_record,
)
