"""Reports of loans beside the earlier ones: the newest day counts, and nothing is told twice."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.casework.outcomes import (
    Lent,
    LoanOutcome,
    LoanStatus,
    ReportRelation,
    compare,
    overdrawn,
)
from decision_service.domain.values import Money

DAY = timedelta(days=1)
BOOKED = LoanOutcome(
    "dec_1", "loan-1", date(2026, 12, 1), LoanStatus.BOOKED, Money("PHP", 100), date(2026, 11, 30)
)
REPORTS = st.builds(
    replace,
    st.just(BOOKED),
    as_of=st.integers(0, 5).map(lambda days: BOOKED.as_of + days * DAY),
    overdue_days=st.integers(0, 2),
)


@pytest.mark.parametrize(
    ("earlier", "comparison"),
    [
        ([], ReportRelation.NEWEST),
        ([replace(BOOKED, as_of=BOOKED.as_of - DAY)], ReportRelation.NEWEST),
        ([replace(BOOKED, as_of=BOOKED.as_of + DAY)], ReportRelation.OLDER),
        ([BOOKED], ReportRelation.REPEATED),
        ([BOOKED, replace(BOOKED, as_of=BOOKED.as_of + DAY)], ReportRelation.REPEATED),
        ([replace(BOOKED, overdue_days=1)], ReportRelation.CONTRADICTS),
        ([replace(BOOKED, disbursed=Money("PHP", 101))], ReportRelation.CONTRADICTS),
        ([replace(BOOKED, decision_id="dec_2")], ReportRelation.OTHER_DECISION),
        (
            [replace(BOOKED, decision_id="dec_2", as_of=BOOKED.as_of - DAY)],
            ReportRelation.OTHER_DECISION,
        ),
    ],
)
def test_a_report_is_compared_with_the_earlier_ones(
    earlier: list[LoanOutcome], comparison: ReportRelation
) -> None:
    """By its day first, by its content where one of that day is known."""
    compared = compare(BOOKED, earlier)
    assert compared.comparison is comparison
    assert compared.newest.as_of == max(one.as_of for one in (BOOKED, *earlier))


@pytest.mark.parametrize(
    ("earlier", "comparison"),
    [
        ([replace(BOOKED, overdue_days=1)], ReportRelation.CORRECTED),
        ([BOOKED], ReportRelation.REPEATED),
        ([], ReportRelation.NEWEST),
        ([replace(BOOKED, decision_id="dec_2", overdue_days=1)], ReportRelation.OTHER_DECISION),
    ],
)
def test_a_correction_takes_the_place_of_its_day(
    earlier: list[LoanOutcome], comparison: ReportRelation
) -> None:
    """Where there is nothing to correct it is a report as any."""
    assert compare(BOOKED, earlier, correction=True).comparison is comparison


def test_what_a_replaced_loan_paid_out_counts_once() -> None:
    lent = Lent("los", datetime(2026, 11, 30, tzinfo=UTC), "PHP", approved=100)
    second = replace(BOOKED, loan_id="loan-2", as_of=BOOKED.as_of + DAY)
    assert overdrawn([BOOKED, second], lent) is not None
    assert overdrawn([BOOKED, replace(second, replaces="loan-1")], lent) is None


@given(st.lists(REPORTS, max_size=12))
def test_sending_reports_again_changes_nothing(reports: list[LoanOutcome]) -> None:
    """Whatever came in whatever order: one report a day is kept, the first that came, and repeats
    of those are REPEATED with the last day's as the newest."""
    kept: list[LoanOutcome] = []
    for report in reports:
        if compare(report, kept).comparison.is_new:
            kept.append(report)
    first = {report.as_of: report for report in reversed(reports)}
    assert {report.as_of: report for report in kept} == first
    assert len(kept) == len(first)
    for report in kept:
        compared = compare(report, kept)
        assert compared.comparison is ReportRelation.REPEATED
        assert compared.newest == first[max(first)]
