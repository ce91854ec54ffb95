"""Laws between factors: what holds of every applicant, and what is missing alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import combinations

import msgspec

_NAME = re.compile(r"[a-z]\w*\.[a-z]\w*", re.ASCII)
_WINDOWS = {
    "months": "3m 6m 9m 12m 18m 24m",
    "statistics": "3m 6m 9m 12m 18m 24m all",
    "records": "3m 6m 9m 12m",
    "trips": "1m 3m 6m 12m",
    "days": "7d 14d 28d 91d",
    "own": "1d 7d 30d 90d",
}

_OF_MONTHS = """
KIND.months_{a} <= KIND.months_{b} @ months
KIND: months between {a} and {b} | KIND.months_{b} - KIND.months_{a} <= {more} @ months
KIND.months_{n} <= KIND.months_total @ months
KIND.sum_{a} <= KIND.sum_{b} @ months
KIND.max_{a} <= KIND.max_{b} @ months
KIND.min_{b} <= KIND.min_{a} @ months
KIND.min_{n} <= KIND.average_{n} <= KIND.max_{n} <= KIND.sum_{n} @ months
KIND: sum against the largest of {n} | KIND.sum_{n} <= {length} * KIND.max_{n} @ months
KIND.count_{a} <= KIND.count_{b} @ COUNTED
"""
_INCOME = """
income: none in the {length} months since the last |
    income.months_{n} == 0 or income.months_since_last < {length} @ months
income: months since the last of {n} |
    income.months_{n} <= max({length} - income.months_since_last, 0) @ months
income: some where the last is of {n} |
    income.months_{n} > 0 or income.months_since_last >= {length} @ months
income: months since the first of {n} |
    income.months_{n} <= income.months_since_first + 1 @ months
income.months_since_last <= income.months_since_first
income: months between first and last |
    income.months_total <= income.months_since_first - income.months_since_last + 1
income.min_{n} <= income.median_{n} <= income.max_{n} @ statistics
income.std_{n} <= income.max_{n} @ months
income.sum_{n} <= income.sum_all @ months
income.max_{n} <= income.max_all @ months
income.min_all <= income.min_{n} @ months
income.calendar_average_{n} <= income.average_{n} @ months
income.latest_month <= income.max_{n} @ months
income.months_24m <= income.tenure_months_known
income.conservative_{n} <= income.calendar_average_{n} @ 6m 12m
income.conservative_{n} <= income.median_{n} @ 6m 12m
income.conservative_{n} <= income.average_{n} @ 6m 12m
income: months with and without of {n} |
    income.gap_months_{n} + income.months_{n} <= {length} @ 12m 24m
income.longest_gap_{n} <= income.gap_months_{n} @ 12m 24m
income: some gap is the longest of {n} |
    income.gap_months_{n} == 0 or income.longest_gap_{n} > 0 @ 12m 24m
income.gap_months_{a} <= income.gap_months_{b} @ 12m 24m
income.longest_gap_{a} <= income.longest_gap_{b} @ 12m 24m
income: shares of payroll and gig | income.payroll_share_12m + income.gig_share_12m <= 1
income.min_all <= income.starting_amount <= income.max_all
income.min_all <= income.current_amount <= income.max_all
"""
_OTHERS = """
contributions.longest_streak_months <= contributions.months_total
contributions: some month is the longest streak |
    contributions.months_total == 0 or contributions.longest_streak_months > 0
contributions: a month has a scheme |
    contributions.months_total == 0 or contributions.schemes_count > 0
contributions: a scheme has a month |
    contributions.schemes_count == 0 or contributions.months_total > 0
transactions.count_{a} <= transactions.count_{b} @ trips
transactions.active_days_{a} <= transactions.active_days_{b} @ trips
transactions.active_days_{a} <= transactions.active_days_{b} @ days
transactions: days between {a} and {b} |
    transactions.active_days_{b} - transactions.active_days_{a} <= {more} @ days
transactions.active_days_{n} <= transactions.count_{n} @ trips
transactions: active in {length} days where the last day is |
    transactions.active_days_{n} > 0 or transactions.days_since_last >= {length} @ 7d 14d 28d
transactions: the last day where active in {length} days |
    transactions.active_days_{n} == 0 or transactions.days_since_last < {length} @ 7d 14d 28d
employment.current_tenure_months <= employment.longest_tenure_months
employment: gig has earnings | employment.status != "GIG" or employment.has_gig
employment: a tenure has an employer |
    employment.longest_tenure_months == 0 or employment.employers_count > 0
liabilities: running and finished loans |
    liabilities.outstanding_count + liabilities.finished_count <= liabilities.loan_count
liabilities.overdue_count <= liabilities.loan_count
liabilities.repaid_count <= liabilities.loan_count
liabilities.outstanding_average <= liabilities.outstanding_max <= liabilities.outstanding_total
liabilities.outstanding_short_term <= liabilities.outstanding_total
liabilities.matured_unpaid_total <= liabilities.outstanding_total
liabilities.overdue_average <= liabilities.overdue_total
liabilities.loan_amount_min <= liabilities.loan_amount_average <= liabilities.loan_amount_max
    <= liabilities.loan_amount_total
liabilities.repaid_min <= liabilities.repaid_average <= liabilities.repaid_max
    <= liabilities.repaid_total
liabilities.repaid_min <= liabilities.repaid_median <= liabilities.repaid_max
liabilities.ongoing_amortization_min <= liabilities.ongoing_amortization_average
    <= liabilities.ongoing_amortization_max <= liabilities.ongoing_amortization_sum
liabilities.ongoing_amortization_min <= liabilities.ongoing_amortization_median
    <= liabilities.ongoing_amortization_max
liabilities: a balance has a loan |
    liabilities.outstanding_total == 0 or liabilities.outstanding_count > 0
liabilities: a running loan has a balance |
    liabilities.outstanding_count == 0 or liabilities.outstanding_total > 0
liabilities: an overdue amount has a loan |
    liabilities.overdue_total == 0 or liabilities.overdue_count > 0
liabilities: an overdue loan has an amount |
    liabilities.overdue_count == 0 or liabilities.overdue_total > 0
liabilities: an instalment has a running loan |
    liabilities.monthly_amortization == 0 or liabilities.outstanding_count > 0
history.applications_{a} <= history.applications_{b} @ own
history.approvals_{a} <= history.approvals_{b} @ own
history.declines_{a} <= history.declines_{b} @ own
history: what applications came to in {n} |
    history.approvals_{n} + history.declines_{n} <= history.applications_{n} @ own
history.last_decline_date <= history.today
history: a decline of the last {length} days is counted |
    history.days_since_last_decline >= {length} or history.declines_{n} > 0 @ own
accounts.newest_sync_age_days <= accounts.oldest_sync_age_days
accounts.providers_count <= accounts.connected_count
accounts: an account has a provider |
    accounts.connected_count == 0 or accounts.providers_count > 0
identity.age_years <= identity.age_at_maturity_years
"""
"""A line is a chain in which each factor is at most any later one, or a name and an expression; one
that is indented goes on with the line above. After `@` come the windows for each of which it holds:
`{n}` is one, with its `{length}`, `{a}` and `{b}` are one and any longer one, with the difference
`{more}`.
"""

_TOGETHER = """
accounts: connected_count disconnected_count error_count pending_count providers_count
accounts: newest_sync_age_days oldest_sync_age_days
income: months_{n} count_{n} @ months
income: months_{n} gap_months_{n} @ 12m 24m
income: average_{n} max_{n} median_{n} min_{n} @ statistics
income: max_all current_amount starting_amount
income: gig_share_12m payroll_share_12m top_job_share_12m
contributions: average_{n} max_{n} min_{n} @ months
contributions: count_{n} sum_{n} @ records
contributions: longest_streak_months months_total schemes_count
employment: employers_count jobs_started_24m longest_tenure_months
liabilities: finished_count outstanding_count repaid_count
liabilities: loan_amount_average loan_amount_max loan_amount_min
liabilities: outstanding_average outstanding_max
liabilities: ongoing_amortization_average ongoing_amortization_max ongoing_amortization_median
    ongoing_amortization_min
liabilities: repaid_average repaid_max repaid_median repaid_min
transactions: active_days_{n} earnings_{n} fees_{n} withdrawals_{n} @ trips
transactions: active_days_{n} earnings_{n} @ days
transactions: fee_ratio_{n} largest_earning_share_{n} @ trips
history: applications_1d applications_7d applications_30d applications_90d
    approvals_1d approvals_7d approvals_30d approvals_90d
    declines_1d declines_7d declines_30d declines_90d overdue_loans repaid_loans today
history: days_since_last_decline last_decline_date
"""
"""Those that are missing for the same applicants, by family, with their windows after `@`."""


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


def _rows(table: str) -> Iterator[tuple[str, list[str]]]:
    """The lines of a table with their windows."""
    for line in table.replace("\n    ", " ").strip().splitlines():
        text, _, windows = line.partition(" @ ")
        yield text, _WINDOWS.get(windows, windows).split()


def _laws(*tables: str) -> tuple[Law, ...]:
    """The laws of tables, each once: several chains may have a pair of factors in common."""
    found: dict[str, Law] = {}
    for table in tables:
        for text, windows in _rows(table):
            for name, expression in _texts(text):
                for words in _words(windows, pairs="{b}" in expression):
                    law = expression.format(**words)
                    found.setdefault(law, Law(name.format(**words), law, named(law)))
    return tuple(found.values())


def _texts(text: str) -> Iterable[tuple[str, str]]:
    name, _, expression = text.partition(" | ")
    if expression:
        return [(name, expression.strip())]
    pairs = combinations(text.split(" <= "), 2)
    return [(_at_most(low, high), f"{low} <= {high}") for low, high in pairs]


def _at_most(low: str, high: str) -> str:
    family, _, short = low.partition(".")
    return f"{family}: {short} at most {high.removeprefix(f'{family}.')}"


def _words(windows: list[str], *, pairs: bool) -> Iterator[dict[str, str | int]]:
    """What replaces `{n}`, or `{a}` and `{b}`: each window, or each with any longer one."""
    if pairs:
        for a, b in combinations(windows, 2):
            yield {"a": a, "b": b, "more": _length(b) - _length(a)}
    else:
        for n in windows or ("",):
            yield {"n": n, "length": _length(n)}


def _length(window: str) -> int:
    digits = window.rstrip("dm")
    return int(digits) if digits.isdigit() else 0


def _of(kind: str, counted: str) -> str:
    return _OF_MONTHS.replace("KIND", kind).replace("COUNTED", counted)


LAWS = _laws(_of("income", "months"), _INCOME, _of("contributions", "records"), _OTHERS)
"""Every law of the catalogue, family by family."""

TOGETHER: tuple[tuple[str, ...], ...] = tuple(
    tuple(f"{family}.{name.format(n=n)}" for name in names.split())
    for text, windows in _rows(_TOGETHER)
    for family, _, names in [text.partition(": ")]
    for n in windows or ("",)
)
"""Groups of factors of which all are known, all are absent, or a failure hides all."""

_DEBT = "liabilities.monthly_amortization / income.conservative_6m"
DEFINITIONS = (Definition("liabilities.scheme_debt_to_income", _DEBT, named(_DEBT)),)
"""Factors that are computed from the values of others alone."""
