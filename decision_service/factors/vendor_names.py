"""The guide's and the vendor's own factors, and which of ours each one is."""

from __future__ import annotations

from collections.abc import Iterator

from decision_service.factors.window import months

UNVERIFIED = (
    "Parity is claimed only for one account, one record a month and full history, on made-up data;"
    " against the real vendor it is unverified."
)

GUIDE = (
    ("accumulated number of months with income", "income.months_total"),
    ("accumulated number of months with contributions", "contributions.months_total"),
    *(
        (f"number of incomes in the {w.period}", f"income.count_{w.label}")
        for w in months(3, 6, 9, 12)
    ),
    *(
        (f"number of contributions in the {w.period}", f"contributions.count_{w.label}")
        for w in months(3, 6, 9, 12)
    ),
    *(
        (f"difference in income amount over the {w.period}", f"income.change_{w.label}")
        for w in months(6, 12, 24)
    ),
    *(
        (
            f"difference in contribution amount over the {w.period}",
            f"contributions.change_{w.label}",
        )
        for w in months(6, 12, 24)
    ),
)
"""The integration guide's factor families, with our names."""

_STATISTICS = ("sum", "average", "min", "max", "median", "std")
_LOAN_STATISTICS = ("total", "average", "min", "max", "std")


def vendor_factors() -> Iterator[tuple[str, str, str]]:
    """Each of the vendor's Insights features: its name, ours, and where they differ.

    Ours is empty where there is none.
    """
    yield from _incomes()
    yield from _liabilities()
    yield from _people()


def _incomes() -> Iterator[tuple[str, str, str]]:
    yield "incomes_count", "income.months_total", "months with income, not records"
    yield "incomes_first_income_month_range", "income.months_since_first", "up to the horizon"
    yield "incomes_missing_month_max", "income.longest_gap_24m", "of 24 months"
    yield "incomes_missing_month_count", "income.gap_months_24m", "months, not gaps; of 24 months"
    for name in _STATISTICS:
        yield f"incomes_amount_{name}", f"income.{name}_all", ""
    for n in (3, 6, 9, 12, 18):
        for name in _STATISTICS:
            yield f"incomes_last{n}_months_amount_{name}", f"income.{name}_{n}m", ""
    yield "incomes_last18_months_max_amount_count", "income.months_at_max_18m", ""
    yield "incomes_starting_amount", "income.starting_amount", ""
    yield "incomes_current_amount", "income.current_amount", ""
    yield "incomes_latest_growth", "income.growth_12m", "ours in percent"


def _liabilities() -> Iterator[tuple[str, str, str]]:
    yield "liabilities_loan_count", "liabilities.loan_count", ""
    for name in _LOAN_STATISTICS:
        yield f"liabilities_loan_amount_{name}", f"liabilities.loan_amount_{name}", ""
    yield "liabilities_finished_loan_count", "liabilities.finished_count", ""
    yield "liabilities_outstanding_loan_count", "liabilities.outstanding_count", ""
    yield "liabilities_outstanding_amount_total", "liabilities.outstanding_total", ""
    yield "liabilities_outstanding_amount_max", "", ""
    yield "liabilities_outstanding_amount_average", "", ""
    yield "liabilities_overdue_loan_count", "liabilities.overdue_count", ""
    yield "liabilities_overdue_amount_total", "liabilities.overdue_total", ""
    yield "liabilities_overdue_amount_average", "", ""
    sums = "ours a month, whatever the frequency"
    yield "liabilities_ongoing_amortization_amount_sum", "liabilities.monthly_amortization", sums
    for name in ("average", "min", "max", "median", "std"):
        yield f"liabilities_ongoing_amortization_amount_{name}", "", ""
    for name in ("count", *(f"amount_{statistic}" for statistic in _STATISTICS)):
        yield f"liabilities_payment_{name}", "", "the payments themselves are not read"


def _people() -> Iterator[tuple[str, str, str]]:
    seen = "ours asks for payroll, contributions or earnings of the last 3 months"
    yield "employments_current_status", "employment.status", seen
    yield "employments_employer_count", "employment.employers_count", ""
    tenure = "ours the oldest open employment"
    yield "employments_current_tenure", "employment.current_tenure_months", tenure
    yield "identity_age", "identity.age_years", ""
    yield "link_days_since_first", "", ""
    yield "link_days_since_last", "", ""
    for n in (3, 7, 30, 90, 180, 365, 730):
        yield f"link_day{n}_count", f"links.connected_{n}d", ""
