"""Laws between factors: what holds of every applicant, and what is missing alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import combinations

import msgspec

MONTHS = ("3m", "6m", "9m", "12m", "18m", "24m")
STATISTICS = (*MONTHS, "all")
RECORDS = ("3m", "6m", "9m", "12m")
TRIPS = ("1m", "3m", "6m", "12m")
DAYS = ("7d", "14d", "28d", "91d")
OWN = ("1d", "7d", "30d", "90d")
_NAME = re.compile(r"[a-z]\w*\.[a-z]\w*", re.ASCII)


class LawText(msgspec.Struct, frozen=True):
    """A law, or one for each window where there are `windows`."""

    name: str
    expression: str
    windows: tuple[str, ...] = ()


def ordered(*factors: str, windows: tuple[str, ...] = ()) -> list[LawText]:
    """Each factor is at most any later one."""
    laws = []
    for low, high in combinations(factors, 2):
        family, _, short = low.partition(".")
        name = f"{family}: {short} at most {high.removeprefix(f'{family}.')}"
        laws.append(LawText(name, f"{low} <= {high}", windows))
    return laws


def longer(factor: str, windows: tuple[str, ...]) -> list[LawText]:
    """A longer window holds what a shorter one holds."""
    return ordered(f"{factor}_{{a}}", f"{factor}_{{b}}", windows=windows)


def _within(kind: str) -> list[LawText]:
    return [
        *longer(f"{kind}.months", MONTHS),
        LawText(
            f"{kind}: months between {{a}} and {{b}}",
            f"{kind}.months_{{b}} - {kind}.months_{{a}} <= {{more}}",
            MONTHS,
        ),
        *ordered(f"{kind}.months_{{n}}", f"{kind}.months_total", windows=MONTHS),
        *longer(f"{kind}.sum", MONTHS),
        *longer(f"{kind}.max", MONTHS),
        *ordered(f"{kind}.min_{{b}}", f"{kind}.min_{{a}}", windows=MONTHS),
        *ordered(
            f"{kind}.min_{{n}}",
            f"{kind}.average_{{n}}",
            f"{kind}.max_{{n}}",
            f"{kind}.sum_{{n}}",
            windows=MONTHS,
        ),
        LawText(
            f"{kind}: sum against the largest of {{n}}",
            f"{kind}.sum_{{n}} <= {{length}} * {kind}.max_{{n}}",
            MONTHS,
        ),
        *longer(f"{kind}.count", MONTHS if kind == "income" else RECORDS),
    ]


INCOME = [
    *_within("income"),
    LawText(
        "income: none in the {length} months since the last",
        "income.months_{n} == 0 or income.months_since_last < {length}",
        MONTHS,
    ),
    LawText(
        "income: months since the last of {n}",
        "income.months_{n} <= max({length} - income.months_since_last, 0)",
        MONTHS,
    ),
    LawText(
        "income: some where the last is of {n}",
        "income.months_{n} > 0 or income.months_since_last >= {length}",
        MONTHS,
    ),
    LawText(
        "income: months since the first of {n}",
        "income.months_{n} <= income.months_since_first + 1",
        MONTHS,
    ),
    *ordered("income.months_since_last", "income.months_since_first"),
    LawText(
        "income: months between first and last",
        "income.months_total <= income.months_since_first - income.months_since_last + 1",
    ),
    *ordered("income.min_{n}", "income.median_{n}", "income.max_{n}", windows=STATISTICS),
    *ordered("income.std_{n}", "income.max_{n}", windows=MONTHS),
    *ordered("income.sum_{n}", "income.sum_all", windows=MONTHS),
    *ordered("income.max_{n}", "income.max_all", windows=MONTHS),
    *ordered("income.min_all", "income.min_{n}", windows=MONTHS),
    *ordered("income.calendar_average_{n}", "income.average_{n}", windows=MONTHS),
    *ordered("income.latest_month", "income.max_{n}", windows=MONTHS),
    *ordered("income.months_24m", "income.tenure_months_known"),
    *ordered("income.conservative_{n}", "income.calendar_average_{n}", windows=("6m", "12m")),
    *ordered("income.conservative_{n}", "income.median_{n}", windows=("6m", "12m")),
    *ordered("income.conservative_{n}", "income.average_{n}", windows=("6m", "12m")),
    LawText(
        "income: months with and without of {n}",
        "income.gap_months_{n} + income.months_{n} <= {length}",
        ("12m", "24m"),
    ),
    *ordered("income.longest_gap_{n}", "income.gap_months_{n}", windows=("12m", "24m")),
    LawText(
        "income: some gap is the longest of {n}",
        "income.gap_months_{n} == 0 or income.longest_gap_{n} > 0",
        ("12m", "24m"),
    ),
    *longer("income.gap_months", ("12m", "24m")),
    *longer("income.longest_gap", ("12m", "24m")),
    LawText(
        "income: shares of payroll and gig", "income.payroll_share_12m + income.gig_share_12m <= 1"
    ),
    *ordered("income.min_all", "income.starting_amount", "income.max_all"),
    *ordered("income.min_all", "income.current_amount", "income.max_all"),
]
CONTRIBUTIONS = [
    *_within("contributions"),
    *ordered("contributions.longest_streak_months", "contributions.months_total"),
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


DEFINED = {
    "liabilities.scheme_debt_to_income": "liabilities.monthly_amortization / income.conservative_6m"
}
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
    ("transactions", ("active_days_{n}", "earnings_{n}", "fees_{n}", "withdrawals_{n}"), TRIPS),
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


TRANSACTIONS = [
    *longer("transactions.count", TRIPS),
    *longer("transactions.active_days", TRIPS),
    *longer("transactions.active_days", DAYS),
    LawText(
        "transactions: days between {a} and {b}",
        "transactions.active_days_{b} - transactions.active_days_{a} <= {more}",
        DAYS,
    ),
    *ordered("transactions.active_days_{n}", "transactions.count_{n}", windows=TRIPS),
    LawText(
        "transactions: active in {length} days where the last day is",
        "transactions.active_days_{n} > 0 or transactions.days_since_last >= {length}",
        DAYS[:3],
    ),
    LawText(
        "transactions: the last day where active in {length} days",
        "transactions.active_days_{n} == 0 or transactions.days_since_last < {length}",
        DAYS[:3],
    ),
]
EMPLOYMENT = [
    *ordered("employment.current_tenure_months", "employment.longest_tenure_months"),
    LawText("employment: gig has earnings", 'employment.status != "GIG" or employment.has_gig'),
    LawText(
        "employment: a tenure has an employer",
        "employment.longest_tenure_months == 0 or employment.employers_count > 0",
    ),
]
LIABILITIES = [
    LawText(
        "liabilities: running and finished loans",
        "liabilities.outstanding_count + liabilities.finished_count <= liabilities.loan_count",
    ),
    *ordered("liabilities.overdue_count", "liabilities.loan_count"),
    *ordered("liabilities.repaid_count", "liabilities.loan_count"),
    *ordered(
        "liabilities.outstanding_average",
        "liabilities.outstanding_max",
        "liabilities.outstanding_total",
    ),
    *ordered("liabilities.outstanding_short_term", "liabilities.outstanding_total"),
    *ordered("liabilities.matured_unpaid_total", "liabilities.outstanding_total"),
    *ordered("liabilities.overdue_average", "liabilities.overdue_total"),
    *ordered(
        "liabilities.loan_amount_min",
        "liabilities.loan_amount_average",
        "liabilities.loan_amount_max",
        "liabilities.loan_amount_total",
    ),
    *ordered(
        "liabilities.repaid_min",
        "liabilities.repaid_average",
        "liabilities.repaid_max",
        "liabilities.repaid_total",
    ),
    *ordered("liabilities.repaid_min", "liabilities.repaid_median", "liabilities.repaid_max"),
    *ordered(
        "liabilities.ongoing_amortization_min",
        "liabilities.ongoing_amortization_average",
        "liabilities.ongoing_amortization_max",
        "liabilities.ongoing_amortization_sum",
    ),
    *ordered(
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
OWN_RECORDS = [
    *longer("history.applications", OWN),
    *longer("history.approvals", OWN),
    *longer("history.declines", OWN),
    LawText(
        "history: what applications came to in {n}",
        "history.approvals_{n} + history.declines_{n} <= history.applications_{n}",
        OWN,
    ),
    *ordered("history.last_decline_date", "history.today"),
    LawText(
        "history: a decline of the last {length} days is counted",
        "history.days_since_last_decline >= {length} or history.declines_{n} > 0",
        OWN,
    ),
]
OTHERS = [
    *ordered("accounts.newest_sync_age_days", "accounts.oldest_sync_age_days"),
    *ordered("accounts.providers_count", "accounts.connected_count"),
    LawText(
        "accounts: an account has a provider",
        "accounts.connected_count == 0 or accounts.providers_count > 0",
    ),
    *ordered("identity.age_years", "identity.age_at_maturity_years"),
]


class Law(msgspec.Struct, frozen=True):
    """A condition that holds of every applicant; `factors` are those that it names, in order."""

    name: str
    expression: str
    factors: tuple[str, ...]


class Definition(msgspec.Struct, frozen=True):
    """A factor that others make up exactly wherever all of them have a value."""

    factor: str
    expression: str
    factors: tuple[str, ...]


def named(expression: str) -> tuple[str, ...]:
    """The factors that an expression names, each once, in the order of the text."""
    return tuple(dict.fromkeys(_NAME.findall(expression)))


def _laws(texts: Iterable[LawText]) -> tuple[Law, ...]:
    """The laws of texts, each once: several orders may have a pair of factors in common."""
    found: dict[str, Law] = {}
    for text in texts:
        for words in _windows(text):
            expression = text.expression.format(**words)
            law = Law(text.name.format(**words), expression, named(expression))
            found.setdefault(expression, law)
    return tuple(found.values())


def _windows(text: LawText) -> Iterator[dict[str, str | int]]:
    """What replaces `{n}`, or `{a}` and `{b}`: each window, or each with any longer one."""
    if not text.windows:
        yield {}
    elif "{b}" in text.expression:
        for a, b in combinations(text.windows, 2):
            yield {"a": a, "b": b, "more": _length(b) - _length(a)}
    else:
        for n in text.windows:
            yield {"n": n, "length": _length(n)}


def _length(window: str) -> int:
    digits = window.rstrip("dm")
    return int(digits) if digits.isdigit() else 0


LAWS = _laws(
    (*INCOME, *CONTRIBUTIONS, *TRANSACTIONS, *EMPLOYMENT, *LIABILITIES, *OWN_RECORDS, *OTHERS)
)
"""Every law of the catalogue, family by family."""

TOGETHER: tuple[tuple[str, ...], ...] = tuple(
    tuple(f"{family}.{name.format(n=n)}" for name in names)
    for family, names, windows in TOGETHER_TEXTS
    for n in windows or ("",)
)
"""Groups of factors of which all are known, all are absent, or a failure hides all."""

DEFINITIONS = tuple(
    Definition(factor, expression, named(expression)) for factor, expression in DEFINED.items()
)
"""Factors that are computed from the values of others alone."""
