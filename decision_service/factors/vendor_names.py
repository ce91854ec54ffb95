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
_DIVISOR = "divisor n - 1, which the vendor's document leaves open"


def vendor_factors() -> Iterator[tuple[str, str, str]]:
    """Each of the vendor's Insights features: its name, ours, and where they differ.

    Where nothing is said of a difference, there is none in the one case that parity is claimed for.
    """
    yield from _incomes()
    yield from _liabilities()
    yield from _people()


def _incomes() -> Iterator[tuple[str, str, str]]:
    yield "incomes_count", "income.months_total", "months with income, not records"
    yield "incomes_first_income_month_range", "income.months_since_first", "ours up to the horizon"
    yield "incomes_missing_month_max", "income.longest_inner_gap_all", ""
    yield "incomes_missing_month_count", "income.inner_gaps_all", ""
    for name in _STATISTICS:
        yield f"incomes_amount_{name}", f"income.{name}_all", _noted(name)
    for n in (3, 6, 9, 12, 18):
        for name in _STATISTICS:
            yield f"incomes_last{n}_months_amount_{name}", f"income.{name}_{n}m", _noted(name)
    yield "incomes_last18_months_max_amount_count", "income.months_at_max_18m", ""
    yield "incomes_starting_amount", "income.starting_amount", ""
    yield "incomes_current_amount", "income.current_amount", ""
    yield "incomes_latest_growth", "income.growth_12m", "ours in percent"


def _liabilities() -> Iterator[tuple[str, str, str]]:
    yield "liabilities_loan_count", "liabilities.loan_count", ""
    for name in _LOAN_STATISTICS:
        yield f"liabilities_loan_amount_{name}", f"liabilities.loan_amount_{name}", _noted(name)
    for state in ("finished", "outstanding", "overdue"):
        yield f"liabilities_{state}_loan_count", f"liabilities.{state}_count", ""
    for name in ("max", "total", "average"):
        yield f"liabilities_outstanding_amount_{name}", f"liabilities.outstanding_{name}", ""
    for name in ("total", "average"):
        yield f"liabilities_overdue_amount_{name}", f"liabilities.overdue_{name}", ""
    for name in _STATISTICS:
        ours = f"liabilities.ongoing_amortization_{name}"
        yield f"liabilities_ongoing_amortization_amount_{name}", ours, _noted(name)
    unpaid = "no endpoint lists payments; ours is what is paid back of each loan"
    yield "liabilities_payment_count", "liabilities.repaid_count", unpaid
    for name in _STATISTICS:
        ours = "total" if name == "sum" else name
        yield f"liabilities_payment_amount_{name}", f"liabilities.repaid_{ours}", unpaid


def _people() -> Iterator[tuple[str, str, str]]:
    seen = "ours asks for payroll, contributions or earnings of the last 3 months"
    yield "employments_current_status", "employment.status", seen
    yield "employments_employer_count", "employment.employers_count", ""
    tenure = "ours the oldest open employment, in completed months"
    yield "employments_current_tenure", "employment.current_tenure_months", tenure
    yield "identity_age", "identity.age_years", ""
    for edge in ("first", "last"):
        yield f"link_days_since_{edge}", f"links.days_since_{edge}", "as told"
    for n in (3, 7, 30, 90, 180, 365, 730):
        yield f"link_day{n}_count", f"links.connected_{n}d", "as told"


def _noted(name: str) -> str:
    return _DIVISOR if name == "std" else ""
