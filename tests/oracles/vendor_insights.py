"""The vendor's ready-made factors (Insights), computed from the stand-in's records by its words.

The service reads the counts of linked lenders of them alone; the others are what factors marked
`parity` are compared with.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from datetime import date, datetime
from itertools import pairwise

from decision_service.standin.formats import PROVIDERS, civil_day, month_number, month_of
from decision_service.standin.lists import NO_DATA
from decision_service.standin.world import DataSource, Json

NOT_COMPUTABLE = -998
_WINDOWS = (3, 6, 9, 12, 18)
_STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "average": statistics.fmean,
    "min": min,
    "max": max,
    "median": statistics.median,
    "std": lambda values: statistics.stdev(values) if len(values) > 1 else NOT_COMPUTABLE,
}
_PAYMENTS = ("max", "min", "median", "average", "sum", "std")


def features(source: DataSource, cutoff: datetime) -> Json:
    today = civil_day(cutoff)
    return {
        **_incomes(source.of("eincomes"), month_of(today)),
        **_loans(source.of("liabilities")),
        **_employment(source, today),
        "identity_age": _age(source.of("identities"), today),
    }


def _figures(name: str, values: Sequence[float], wanted: Sequence[str]) -> Json:
    if not values:
        return {f"{name}_{figure}": NO_DATA for figure in wanted}
    return {f"{name}_{figure}": round(_STATISTICS[figure](values), 2) for figure in wanted}


def _incomes(items: Sequence[Json], this_month: int) -> Json:
    records = sorted((month_number(item["month"]), float(item["amount"])) for item in items)
    amounts = [amount for _, amount in records]
    found = _figures("incomes_amount", amounts, tuple(_STATISTICS))
    for months in _WINDOWS:
        window = _window(records, this_month, months)
        found |= _figures(f"incomes_last{months}_months_amount", window, tuple(_STATISTICS))
    return found | {"incomes_count": len(records)} | _course(records, this_month)


def _window(records: Sequence[tuple[int, float]], this_month: int, months: int) -> list[float]:
    return [amount for month, amount in records if this_month - months <= month < this_month]


def _course(records: Sequence[tuple[int, float]], this_month: int) -> Json:
    names = ("first_income_month_range", "missing_month_max", "missing_month_count",
             "starting_amount", "current_amount", "latest_growth",
             "last18_months_max_amount_count")  # fmt: skip
    if not records:
        return {f"incomes_{name}": NO_DATA for name in names}
    steps = [later - earlier for (earlier, _), (later, _) in pairwise(records)]
    recent = _window(records, this_month, 18)
    values = (
        this_month - records[0][0],
        max((step - 1 for step in steps if step > 1), default=0),
        sum(step > 1 for step in steps),
        records[0][1],
        records[-1][1],
        _growth(records),
        recent.count(max(recent)) if recent else NO_DATA,
    )
    return {f"incomes_{name}": value for name, value in zip(names, values, strict=True)}


def _growth(records: Sequence[tuple[int, float]]) -> float:
    month, latest = records[-1]
    year_ago = dict(records).get(month - 12)
    return round((latest - year_ago) / year_ago, 4) if year_ago else NOT_COMPUTABLE


def _loans(loans: Sequence[Json]) -> Json:
    owed = [loan["outstandingBalance"] for loan in loans if loan["outstandingBalance"] > 0]
    ongoing = [loan["amortizationAmount"] for loan in loans if loan["outstandingBalance"] > 0]
    late = [loan["overduePaymentAmount"] for loan in loans if loan["overduePaymentAmount"] > 0]
    return {
        "liabilities_loan_count": len(loans),
        "liabilities_finished_loan_count": len(loans) - len(owed),
        "liabilities_outstanding_loan_count": len(owed),
        "liabilities_overdue_loan_count": len(late),
        **_totals("loan_amount", [loan["loanAmount"] for loan in loans], ("min", "max", "std")),
        **_totals("outstanding_amount", owed, ("max",)),
        **_totals("overdue_amount", late, ()),
        **_figures("liabilities_ongoing_amortization_amount", ongoing, tuple(_STATISTICS)),
        "liabilities_payment_count": NO_DATA,
        **{f"liabilities_payment_amount_{name}": NO_DATA for name in _PAYMENTS},
    }


def _totals(name: str, amounts: Sequence[float], more: Sequence[str]) -> Json:
    figures = _figures(f"liabilities_{name}", amounts, ("sum", "average", *more))
    return {key.replace("_sum", "_total"): value for key, value in figures.items()}


def _employment(source: DataSource, today: date) -> Json:
    jobs = source.of("employments")
    gig = PROVIDERS.get(source.provider_id, {}).get("type") == "GIG"
    current = [job["startDate"] for job in jobs if not job.get("endDate")]
    tenure = month_of(today) - month_of(date.fromisoformat(max(current))) if current else NO_DATA
    found = {
        "employments_employer_count": len({job["employer"] for job in jobs}) if jobs else NO_DATA,
        "employments_current_tenure": tenure,
    }
    status = "EMPLOYED" if current else "UNEMPLOYED" if jobs else None
    status = "GIG" if gig and source.of("transactions") else status
    return found | ({"employments_current_status": status} if status else {})


def _age(identities: Sequence[Json], today: date) -> int:
    born = next((item["dob"] for item in identities if item.get("dob")), None)
    if born is None:
        return NO_DATA
    day = date.fromisoformat(born)
    return today.year - day.year - ((today.month, today.day) < (day.month, day.day))
