"""The ready-made factors, on figures worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from decision_service.standin.formats import month_number
from decision_service.standin.lists import NO_DATA
from decision_service.standin.sources import estimates, loan
from decision_service.standin.world import Origin, employment, identity, source, transaction
from tests.oracles.vendor_insights import NOT_COMPUTABLE, features

CUTOFF = datetime(2026, 11, 24, 6, tzinfo=UTC)
ORIGIN = Origin("tenantId-" + "1" * 32, "sss_ph", CUTOFF - timedelta(days=90), CUTOFF)


def computed(provider: str = "sss_ph", **items: Any) -> dict[str, Any]:
    """The features of a source with these items."""
    origin = Origin(ORIGIN.user_id, provider, ORIGIN.connected, ORIGIN.synced)
    return features(source(origin, items), CUTOFF)


def earning(**amounts: float) -> dict[str, Any]:
    """The features of estimates given by month, written `m2026_08=…`."""
    by_month = {month_number(k[1:].replace("_", "-")): v for k, v in amounts.items()}
    return computed(eincomes=estimates(ORIGIN, by_month, by_month.__getitem__))


def test_incomes_are_summed_over_complete_months() -> None:
    """The last three months are the complete ones before the cutoff's; lifetime is everything."""
    found = earning(m2026_07=50, m2026_08=100, m2026_09=200, m2026_10=600, m2026_11=999)
    assert found["incomes_count"] == 5
    assert found["incomes_amount_sum"] == 1949
    three = {k.rpartition("_")[2]: v for k, v in found.items() if "last3_months" in k}
    assert three == {
        "sum": 900,
        "average": 300,
        "min": 100,
        "max": 600,
        "median": 200,
        "std": pytest.approx(264.58),  # the root of (200² + 100² + 300²) / 2
    }
    assert found["incomes_last6_months_amount_sum"] == 950


def test_gaps_and_growth() -> None:
    """Gaps are counted, the longest measured, growth taken against the same month a year ago."""
    found = earning(m2025_01=80, m2025_08=100, m2025_10=90, m2026_08=125)
    assert found["incomes_missing_month_count"] == 3
    assert found["incomes_missing_month_max"] == 9
    assert found["incomes_first_income_month_range"] == 22
    assert (found["incomes_starting_amount"], found["incomes_current_amount"]) == (80, 125)
    assert found["incomes_latest_growth"] == 0.25
    assert found["incomes_last18_months_max_amount_count"] == 1


def test_growth_without_a_year_ago_cannot_be_computed() -> None:
    """Without the same month last year growth is −998."""
    assert earning(m2026_08=1)["incomes_latest_growth"] == NOT_COMPUTABLE


def test_a_sample_of_one_has_no_deviation() -> None:
    """The standard deviation of one record is −998, of two equal ones 0."""
    assert earning(m2026_08=1)["incomes_amount_std"] == NOT_COMPUTABLE
    assert earning(m2026_08=1, m2026_09=1)["incomes_amount_std"] == 0


def test_nothing_is_no_data() -> None:
    """Without records figures are −999, counts 0, and the status is left out."""
    found = computed()
    assert (found["incomes_count"], found["liabilities_loan_count"]) == (0, 0)
    for name in ("incomes_amount_sum", "incomes_last12_months_amount_std", "identity_age",
                 "liabilities_loan_amount_total", "employments_current_tenure",
                 "incomes_current_amount"):  # fmt: skip
        assert found[name] == NO_DATA
    assert "employments_current_status" not in found


def test_loans_are_counted_by_what_is_owed() -> None:
    """Outstanding, finished, overdue and ongoing amortization follow the balances."""
    start = month_number("2026-01")
    half = {"principal": 1000, "amortization": 100, "paid": 5}
    loans = [
        loan(ORIGIN, "A", start, 12, **half),
        loan(ORIGIN, "B", start, 12, principal=3000, amortization=300, paid=10, overdue=300),
        loan(ORIGIN, "C", start, 12, principal=600, amortization=55, paid=12),
    ]
    found = computed(liabilities=loans)
    assert found["liabilities_loan_count"] == 3
    assert found["liabilities_loan_amount_total"] == 4600
    assert found["liabilities_finished_loan_count"] == 1
    assert found["liabilities_outstanding_loan_count"] == 2
    assert found["liabilities_outstanding_amount_total"] == 1300
    assert found["liabilities_outstanding_amount_max"] == 700
    assert (found["liabilities_overdue_loan_count"], found["liabilities_overdue_amount_total"]) == (
        1,
        300,
    )
    assert found["liabilities_ongoing_amortization_amount_sum"] == 400
    assert found["liabilities_ongoing_amortization_amount_std"] == 141.42


def test_employment_and_age() -> None:
    """An open employment is EMPLOYED with its tenure, an ended one UNEMPLOYED, a wallet GIG."""
    now = [employment(ORIGIN, "B", "Clerk", date(2025, 11, 2))]
    past = [employment(ORIGIN, "A", "Clerk", date(2020, 1, 1), date(2021, 1, 1))]
    employed, ended = computed(employments=now + past), computed(employments=past)
    assert (employed["employments_current_status"], employed["employments_current_tenure"]) == (
        "EMPLOYED",
        12,
    )
    assert employed["employments_employer_count"] == 2
    assert ended["employments_current_status"] == "UNEMPLOYED"
    ride = transaction(ORIGIN, date(2026, 11, 1), "1", 5, "Trip")
    assert computed("grab_ph", transactions=[ride])["employments_current_status"] == "GIG"
    for born, age in ((date(2000, 11, 24), 26), (date(2000, 11, 25), 25)):
        known = computed(identities=[identity(ORIGIN, "Ana Cruz", born, "PH")])
        assert known["identity_age"] == age
