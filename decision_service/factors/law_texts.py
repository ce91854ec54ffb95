"""The laws between factors as they are declared, for each window or pair of windows.

`{n}` stands for a window of the list and `{length}` for its months or days; `{a}` and `{b}` stand
for a window and the next longer one, `{more}` for the difference.
"""

from __future__ import annotations

from itertools import pairwise

import msgspec

_MONTHS = ("3m", "6m", "9m", "12m", "18m", "24m")
_STATISTICS = (*_MONTHS, "all")
_RECORDS = ("3m", "6m", "9m", "12m")
_TRIPS = ("1m", "3m", "6m", "12m")
_DAYS = ("7d", "14d", "28d", "91d")
_OWN = ("1d", "7d", "30d", "90d")


class LawText(msgspec.Struct, frozen=True):
    """A law, or one for each window where there are `windows`."""

    name: str
    expression: str
    windows: tuple[str, ...] = ()


def _ordered(*factors: str, windows: tuple[str, ...] = ()) -> list[LawText]:
    """Each factor is at most the next one."""
    pairs = list(pairwise(factors))
    return [LawText(_at_most(low, high), f"{low} <= {high}", windows) for low, high in pairs]


def _at_most(low: str, high: str) -> str:
    """`income: min_6m at most max_6m`."""
    family, _, short = low.partition(".")
    other = high.removeprefix(f"{family}.")
    return f"{family}: {short} at most {other}"


def _longer(factor: str, windows: tuple[str, ...]) -> list[LawText]:
    """A longer window holds what a shorter one holds."""
    return _ordered(f"{factor}_{{a}}", f"{factor}_{{b}}", windows=windows)


def _within(kind: str) -> list[LawText]:
    """What is true of the months and amounts of income, and of those of contributions."""
    return [
        *_longer(f"{kind}.months", _MONTHS),
        LawText(
            f"{kind}: months between {{a}} and {{b}}",
            f"{kind}.months_{{b}} - {kind}.months_{{a}} <= {{more}}",
            _MONTHS,
        ),
        *_ordered(f"{kind}.months_{{n}}", f"{kind}.months_total", windows=_MONTHS),
        *_longer(f"{kind}.sum", _MONTHS),
        *_longer(f"{kind}.max", _MONTHS),
        *_ordered(f"{kind}.min_{{b}}", f"{kind}.min_{{a}}", windows=_MONTHS),
        *_ordered(
            f"{kind}.min_{{n}}",
            f"{kind}.average_{{n}}",
            f"{kind}.max_{{n}}",
            f"{kind}.sum_{{n}}",
            windows=_MONTHS,
        ),
        LawText(
            f"{kind}: sum against the largest of {{n}}",
            f"{kind}.sum_{{n}} <= {{length}} * {kind}.max_{{n}}",
            _MONTHS,
        ),
        *_longer(f"{kind}.count", _MONTHS if kind == "income" else _RECORDS),
    ]


_INCOME = [
    *_within("income"),
    LawText(
        "income: none in the {length} months since the last",
        "income.months_{n} == 0 or income.months_since_last < {length}",
        _MONTHS,
    ),
    LawText(
        "income: months since the last of {n}",
        "income.months_{n} <= max({length} - income.months_since_last, 0)",
        _MONTHS,
    ),
    LawText(
        "income: some where the last is of {n}",
        "income.months_{n} > 0 or income.months_since_last >= {length}",
        _MONTHS,
    ),
    LawText(
        "income: months since the first of {n}",
        "income.months_{n} <= income.months_since_first + 1",
        _MONTHS,
    ),
    *_ordered("income.months_since_last", "income.months_since_first"),
    LawText(
        "income: months between first and last",
        "income.months_total <= income.months_since_first - income.months_since_last + 1",
    ),
    *_ordered(
        "income.min_{n}",
        "income.median_{n}",
        "income.max_{n}",
        windows=_STATISTICS,
    ),
    *_ordered("income.std_{n}", "income.max_{n}", windows=_MONTHS),
    *_ordered("income.sum_{n}", "income.sum_all", windows=_MONTHS),
    *_ordered("income.max_{n}", "income.max_all", windows=_MONTHS),
    *_ordered("income.min_all", "income.min_{n}", windows=_MONTHS),
    *_ordered(
        "income.calendar_average_{n}",
        "income.average_{n}",
        windows=_MONTHS,
    ),
    *_ordered("income.latest_month", "income.max_{n}", windows=_MONTHS),
    *_ordered(
        "income.conservative_{n}",
        "income.calendar_average_{n}",
        windows=("6m", "12m"),
    ),
    *_ordered(
        "income.conservative_{n}",
        "income.median_{n}",
        windows=("6m", "12m"),
    ),
    *_ordered(
        "income.conservative_{n}",
        "income.average_{n}",
        windows=("6m", "12m"),
    ),
    LawText(
        "income: months with and without of {n}",
        "income.gap_months_{n} + income.months_{n} <= {length}",
        ("12m", "24m"),
    ),
    *_ordered(
        "income.longest_gap_{n}",
        "income.gap_months_{n}",
        windows=("12m", "24m"),
    ),
    LawText(
        "income: some gap is the longest of {n}",
        "income.gap_months_{n} == 0 or income.longest_gap_{n} > 0",
        ("12m", "24m"),
    ),
    *_longer("income.gap_months", ("12m", "24m")),
    *_longer("income.longest_gap", ("12m", "24m")),
    *_ordered("income.backed_months_12m", "income.months_12m"),
    *_ordered("income.months_since_last", "income.months_since_backed"),
    *_ordered("income.months_since_last", "income.months_since_last_payroll"),
    LawText(
        "income: shares of payroll and gig",
        "income.payroll_share_12m + income.gig_share_12m <= 1",
    ),
    *_ordered("income.min_all", "income.starting_amount", "income.max_all"),
    *_ordered("income.min_all", "income.current_amount", "income.max_all"),
]
_CONTRIBUTIONS = [
    *_within("contributions"),
    *_ordered(
        "contributions.longest_streak_months",
        "contributions.months_total",
    ),
    LawText(
        "contributions: some month is the longest streak",
        "contributions.months_total == 0 or contributions.longest_streak_months > 0",
    ),
    LawText(
        "contributions: a month has a scheme",
        "contributions.months_total == 0 or contributions.schemes_count > 0",
    ),
    LawText(
        "contributions: a scheme has a month",
        "contributions.schemes_count == 0 or contributions.months_total > 0",
    ),
]
_TRANSACTIONS = [
    *_longer("transactions.count", _TRIPS),
    *_longer("transactions.active_days", _TRIPS),
    *_longer("transactions.active_days", _DAYS),
    LawText(
        "transactions: days between {a} and {b}",
        "transactions.active_days_{b} - transactions.active_days_{a} <= {more}",
        _DAYS,
    ),
    *_ordered(
        "transactions.active_days_{n}",
        "transactions.count_{n}",
        windows=_TRIPS,
    ),
    LawText(
        "transactions: active in {length} days where the last day is",
        "transactions.active_days_{n} > 0 or transactions.days_since_last >= {length}",
        _DAYS[:3],
    ),
    LawText(
        "transactions: the last day where active in {length} days",
        "transactions.active_days_{n} == 0 or transactions.days_since_last < {length}",
        _DAYS[:3],
    ),
]
_EMPLOYMENT = [
    *_ordered(
        "employment.current_tenure_months",
        "employment.longest_tenure_months",
    ),
    LawText("employment: gig has earnings", 'employment.status != "GIG" or employment.has_gig'),
    LawText(
        "employment: a tenure has an employer",
        "employment.longest_tenure_months == 0 or employment.employers_count > 0",
    ),
]
_LIABILITIES = [
    LawText(
        "liabilities: running and finished loans",
        "liabilities.outstanding_count + liabilities.finished_count <= liabilities.loan_count",
    ),
    *_ordered("liabilities.overdue_count", "liabilities.loan_count"),
    *_ordered("liabilities.repaid_count", "liabilities.loan_count"),
    *_ordered(
        "liabilities.outstanding_average",
        "liabilities.outstanding_max",
        "liabilities.outstanding_total",
    ),
    *_ordered("liabilities.outstanding_short_term", "liabilities.outstanding_total"),
    *_ordered(
        "liabilities.matured_unpaid_total",
        "liabilities.outstanding_total",
    ),
    *_ordered("liabilities.overdue_average", "liabilities.overdue_total"),
    *_ordered(
        "liabilities.loan_amount_min",
        "liabilities.loan_amount_average",
        "liabilities.loan_amount_max",
        "liabilities.loan_amount_total",
    ),
    *_ordered(
        "liabilities.repaid_min",
        "liabilities.repaid_average",
        "liabilities.repaid_max",
        "liabilities.repaid_total",
    ),
    *_ordered(
        "liabilities.repaid_min",
        "liabilities.repaid_median",
        "liabilities.repaid_max",
    ),
    *_ordered(
        "liabilities.ongoing_amortization_min",
        "liabilities.ongoing_amortization_average",
        "liabilities.ongoing_amortization_max",
        "liabilities.ongoing_amortization_sum",
    ),
    *_ordered(
        "liabilities.ongoing_amortization_min",
        "liabilities.ongoing_amortization_median",
        "liabilities.ongoing_amortization_max",
    ),
    LawText(
        "liabilities: a balance has a loan",
        "liabilities.outstanding_total == 0 or liabilities.outstanding_count > 0",
    ),
    LawText(
        "liabilities: a running loan has a balance",
        "liabilities.outstanding_count == 0 or liabilities.outstanding_total > 0",
    ),
    LawText(
        "liabilities: an overdue amount has a loan",
        "liabilities.overdue_total == 0 or liabilities.overdue_count > 0",
    ),
    LawText(
        "liabilities: an overdue loan has an amount",
        "liabilities.overdue_count == 0 or liabilities.overdue_total > 0",
    ),
    LawText(
        "liabilities: an instalment has a running loan",
        "liabilities.monthly_amortization == 0 or liabilities.outstanding_count > 0",
    ),
]
_OWN_RECORDS = [
    *_longer("history.applications", _OWN),
    *_longer("history.approvals", _OWN),
    *_longer("history.declines", _OWN),
    LawText(
        "history: what applications came to in {n}",
        "history.approvals_{n} + history.declines_{n} <= history.applications_{n}",
        _OWN,
    ),
    *_ordered("history.last_decline_date", "history.today"),
    LawText(
        "history: a decline of the last {length} days is counted",
        "history.days_since_last_decline >= {length} or history.declines_{n} > 0",
        _OWN,
    ),
]
_OTHERS = [
    *_ordered("accounts.newest_sync_age_days", "accounts.oldest_sync_age_days"),
    *_ordered("accounts.providers_count", "accounts.connected_count"),
    LawText(
        "accounts: an account has a provider",
        "accounts.connected_count == 0 or accounts.providers_count > 0",
    ),
    *_ordered("identity.age_years", "identity.age_at_maturity_years"),
]

LAW_TEXTS: tuple[LawText, ...] = (
    *_INCOME,
    *_CONTRIBUTIONS,
    *_TRANSACTIONS,
    *_EMPLOYMENT,
    *_LIABILITIES,
    *_OWN_RECORDS,
    *_OTHERS,
)
"""Every law, family by family."""

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
    ("income", ("months_{n}", "count_{n}"), _MONTHS),
    ("income", ("months_{n}", "gap_months_{n}"), ("12m", "24m")),
    ("income", ("average_{n}", "max_{n}", "median_{n}", "min_{n}"), _STATISTICS),
    ("income", ("max_all", "current_amount", "starting_amount"), ()),
    ("income", ("gig_share_12m", "payroll_share_12m", "top_job_share_12m"), ()),
    ("contributions", ("average_{n}", "max_{n}", "min_{n}"), _MONTHS),
    ("contributions", ("count_{n}", "sum_{n}"), _RECORDS),
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
        _TRIPS,
    ),
    ("transactions", ("active_days_{n}", "earnings_{n}"), _DAYS),
    ("transactions", ("fee_ratio_{n}", "largest_earning_share_{n}"), _TRIPS),
    (
        "history",
        (
            *(f"{what}_{n}" for what in ("applications", "approvals", "declines") for n in _OWN),
            "overdue_loans",
            "repaid_loans",
            "today",
        ),
        (),
    ),
    ("history", ("days_since_last_decline", "last_decline_date"), ()),
)
"""Family, factors and windows of those that are missing for the same applicants."""
