"""Months: values that count, compare and print."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_service.domain.values import Month


@given(st.dates(date(2, 1, 1), date(9998, 12, 31)))
def test_a_month_holds_its_days(day: date) -> None:
    """A date lies between the first and last day of its month, and the day after does not."""
    month = Month.of(day)
    assert month.first_day <= day <= month.last_day
    assert Month.of(month.last_day + timedelta(days=1)) == month.plus(1)
    assert Month.parse(str(month)) == month


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "26-01", "2026/01", "2026-1", "0000-01", "٢٠٢٦-٠١"]
)
def test_what_is_no_month_is_refused(text: str) -> None:
    """Only `yyyy-MM` with a real month parses."""
    with pytest.raises(ValueError, match=r"."):
        Month.parse(text)
