"""Factors that others make up, and those that are missing together."""

from __future__ import annotations

from decision_service.factors.law_forms import DAYS, MONTHS, OWN, RECORDS, STATISTICS, TRIPS

DEFINED: tuple[tuple[str, str], ...] = (
    (
        "liabilities.scheme_debt_to_income",
        "liabilities.monthly_amortization / income.conservative_6m",
    ),
)
"""Factors with the expression that each is equal to where all have a value."""

TOGETHER_TEXTS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "accounts",
        (
            "connected_count",
            "disconnected_count",
            "error_count",
            "pending_count",
            "providers_count",
        ),
        (),
    ),
    ("accounts", ("newest_sync_age_days", "oldest_sync_age_days"), ()),
    ("income", ("months_{n}", "count_{n}"), MONTHS),
    ("income", ("months_{n}", "gap_months_{n}"), ("12m", "24m")),
    ("income", ("average_{n}", "max_{n}", "median_{n}", "min_{n}"), STATISTICS),
    ("income", ("max_all", "current_amount", "starting_amount"), ()),
    ("income", ("gig_share_12m", "payroll_share_12m", "top_job_share_12m"), ()),
    ("contributions", ("average_{n}", "max_{n}", "min_{n}"), MONTHS),
    ("contributions", ("count_{n}", "sum_{n}"), RECORDS),
    ("contributions", ("longest_streak_months", "months_total", "schemes_count"), ()),
    ("employment", ("employers_count", "jobs_started_24m", "longest_tenure_months"), ()),
    ("liabilities", ("finished_count", "outstanding_count", "repaid_count"), ()),
    ("liabilities", ("loan_amount_average", "loan_amount_max", "loan_amount_min"), ()),
    ("liabilities", ("outstanding_average", "outstanding_max"), ()),
    (
        "liabilities",
        tuple(f"ongoing_amortization_{of}" for of in ("average", "max", "median", "min")),
        (),
    ),
    ("liabilities", tuple(f"repaid_{of}" for of in ("average", "max", "median", "min")), ()),
    (
        "transactions",
        ("active_days_{n}", "earnings_{n}", "fees_{n}", "withdrawals_{n}"),
        TRIPS,
    ),
    ("transactions", ("active_days_{n}", "earnings_{n}"), DAYS),
    ("transactions", ("fee_ratio_{n}", "largest_earning_share_{n}"), TRIPS),
    (
        "history",
        (
            *(f"{what}_{n}" for what in ("applications", "approvals", "declines") for n in OWN),
            "overdue_loans",
            "repaid_loans",
            "today",
        ),
        (),
    ),
    ("history", ("days_since_last_decline", "last_decline_date"), ()),
)
"""Family, factors and windows of those that are missing for the same applicants."""
