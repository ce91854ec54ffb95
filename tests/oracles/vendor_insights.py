"""The vendor's ready-made factors (Insights) with which factors marked `parity` are compared.

They are computed from the stand-in's records by the vendor's words.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise

from decision_service.standin.formats import civil_day, month_number, month_of
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


def features(source: DataSource, cutoff: datetime) -> Json:
    incomes = _incomes(source.of("eincomes"), month_of(civil_day(cutoff)))
    return incomes | _loans(source.of("liabilities"))


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
    return found | _course(records, this_month)


def _window(records: Sequence[tuple[int, float]], this_month: int, months: int) -> list[float]:
    return [amount for month, amount in records if this_month - months <= month < this_month]


def _course(records: Sequence[tuple[int, float]], this_month: int) -> Json:
    names = ("missing_month_max", "missing_month_count",
             "starting_amount", "current_amount", "latest_growth",
             "last18_months_max_amount_count")  # fmt: skip
    if not records:
        return {f"incomes_{name}": NO_DATA for name in names}
    steps = [later - earlier for (earlier, _), (later, _) in pairwise(records)]
    recent = _window(records, this_month, 18)
    values = (
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
    }


def _totals(name: str, amounts: Sequence[float], more: Sequence[str]) -> Json:
    figures = _figures(f"liabilities_{name}", amounts, ("sum", "average", *more))
    return {key.replace("_sum", "_total"): value for key, value in figures.items()}
