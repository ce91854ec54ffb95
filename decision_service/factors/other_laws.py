"""Laws between factors of trips, jobs, debts, own records, accounts and identities."""

from __future__ import annotations

from decision_service.factors.law_forms import DAYS, OWN, TRIPS, LawText, longer, ordered

TRANSACTIONS = [
    *longer("transactions.count", TRIPS),
    *longer("transactions.active_days", TRIPS),
    *longer("transactions.active_days", DAYS),
    LawText(
        "transactions: days between {a} and {b}",
        "transactions.active_days_{b} - transactions.active_days_{a} <= {more}",
        DAYS,
    ),
    *ordered(
        "transactions.active_days_{n}",
        "transactions.count_{n}",
        windows=TRIPS,
    ),
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
    *ordered(
        "employment.current_tenure_months",
        "employment.longest_tenure_months",
    ),
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
    *ordered(
        "liabilities.matured_unpaid_total",
        "liabilities.outstanding_total",
    ),
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
    *ordered(
        "liabilities.repaid_min",
        "liabilities.repaid_median",
        "liabilities.repaid_max",
    ),
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
