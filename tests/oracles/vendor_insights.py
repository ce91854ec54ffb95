"""The vendor's ready-made factors (Insights) with which factors marked `parity` are compared.

They are computed from the stand-in's records by the vendor's words.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from datetime import datetime

from decision_service.standin.formats import civil_day, month_number, month_of
from decision_service.standin.lists import NO_DATA
from decision_service.standin.world import DataSource, Json

_WINDOWS = (3, 6, 12)
_STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "average": statistics.fmean,
    "min": min,
    "max": max,
    "median": statistics.median,
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
    found: Json = {}
    for months in _WINDOWS:
        window = _window(records, this_month, months)
        found |= _figures(f"incomes_last{months}_months_amount", window, tuple(_STATISTICS))
    return found


def _window(records: Sequence[tuple[int, float]], this_month: int, months: int) -> list[float]:
    return [amount for month, amount in records if this_month - months <= month < this_month]


def _loans(loans: Sequence[Json]) -> Json:
    owed = [loan["outstandingBalance"] for loan in loans if loan["outstandingBalance"] > 0]
    late = [loan["overduePaymentAmount"] for loan in loans if loan["overduePaymentAmount"] > 0]
    return {
        "liabilities_loan_count": len(loans),
        "liabilities_finished_loan_count": len(loans) - len(owed),
        "liabilities_outstanding_loan_count": len(owed),
        "liabilities_overdue_loan_count": len(late),
        **_totals("loan_amount", [loan["loanAmount"] for loan in loans], ("min", "max")),
        **_totals("outstanding_amount", owed, ("max",)),
        **_totals("overdue_amount", late, ()),
    }


def _totals(name: str, amounts: Sequence[float], more: Sequence[str]) -> Json:
    figures = _figures(f"liabilities_{name}", amounts, ("sum", "average", *more))
    return {key.replace("_sum", "_total"): value for key, value in figures.items()}
