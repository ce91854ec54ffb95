"""Laws between factors of income, and between those of contributions."""

from __future__ import annotations

from decision_service.factors.law_forms import (
    MONTHS,
    RECORDS,
    STATISTICS,
    LawText,
    longer,
    ordered,
)


def _within(kind: str) -> list[LawText]:
    """What is true of the months and amounts of income, and of those of contributions."""
    return [
        *longer(f"{kind}.months", MONTHS),
        LawText(
            f"{kind}: months between {{a}} and {{b}}",
            f"{kind}.months_{{b}} - {kind}.months_{{a}} <= {{more}}",
            MONTHS,
        ),
        *ordered(f"{kind}.months_{{n}}", f"{kind}.months_total", windows=MONTHS),
        *longer(f"{kind}.sum", MONTHS),
        *longer(f"{kind}.max", MONTHS),
        *ordered(f"{kind}.min_{{b}}", f"{kind}.min_{{a}}", windows=MONTHS),
        *ordered(
            f"{kind}.min_{{n}}",
            f"{kind}.average_{{n}}",
            f"{kind}.max_{{n}}",
            f"{kind}.sum_{{n}}",
            windows=MONTHS,
        ),
        LawText(
            f"{kind}: sum against the largest of {{n}}",
            f"{kind}.sum_{{n}} <= {{length}} * {kind}.max_{{n}}",
            MONTHS,
        ),
        *longer(f"{kind}.count", MONTHS if kind == "income" else RECORDS),
    ]


INCOME = [
    *_within("income"),
    LawText(
        "income: none in the {length} months since the last",
        "income.months_{n} == 0 or income.months_since_last < {length}",
        MONTHS,
    ),
    LawText(
        "income: months since the last of {n}",
        "income.months_{n} <= max({length} - income.months_since_last, 0)",
        MONTHS,
    ),
    LawText(
        "income: some where the last is of {n}",
        "income.months_{n} > 0 or income.months_since_last >= {length}",
        MONTHS,
    ),
    LawText(
        "income: months since the first of {n}",
        "income.months_{n} <= income.months_since_first + 1",
        MONTHS,
    ),
    *ordered("income.months_since_last", "income.months_since_first"),
    LawText(
        "income: months between first and last",
        "income.months_total <= income.months_since_first - income.months_since_last + 1",
    ),
    *ordered(
        "income.min_{n}",
        "income.median_{n}",
        "income.max_{n}",
        windows=STATISTICS,
    ),
    *ordered("income.std_{n}", "income.max_{n}", windows=MONTHS),
    *ordered("income.sum_{n}", "income.sum_all", windows=MONTHS),
    *ordered("income.max_{n}", "income.max_all", windows=MONTHS),
    *ordered("income.min_all", "income.min_{n}", windows=MONTHS),
    *ordered(
        "income.calendar_average_{n}",
        "income.average_{n}",
        windows=MONTHS,
    ),
    *ordered("income.latest_month", "income.max_{n}", windows=MONTHS),
    *ordered("income.months_24m", "income.tenure_months_known"),
    *ordered(
        "income.conservative_{n}",
        "income.calendar_average_{n}",
        windows=("6m", "12m"),
    ),
    *ordered(
        "income.conservative_{n}",
        "income.median_{n}",
        windows=("6m", "12m"),
    ),
    *ordered(
        "income.conservative_{n}",
        "income.average_{n}",
        windows=("6m", "12m"),
    ),
    LawText(
        "income: months with and without of {n}",
        "income.gap_months_{n} + income.months_{n} <= {length}",
        ("12m", "24m"),
    ),
    *ordered(
        "income.longest_gap_{n}",
        "income.gap_months_{n}",
        windows=("12m", "24m"),
    ),
    LawText(
        "income: some gap is the longest of {n}",
        "income.gap_months_{n} == 0 or income.longest_gap_{n} > 0",
        ("12m", "24m"),
    ),
    *longer("income.gap_months", ("12m", "24m")),
    *longer("income.longest_gap", ("12m", "24m")),
    LawText(
        "income: shares of payroll and gig",
        "income.payroll_share_12m + income.gig_share_12m <= 1",
    ),
    *ordered("income.min_all", "income.starting_amount", "income.max_all"),
    *ordered("income.min_all", "income.current_amount", "income.max_all"),
]
CONTRIBUTIONS = [
    *_within("contributions"),
    *ordered(
        "contributions.longest_streak_months",
        "contributions.months_total",
    ),
    LawText(
        "contributions: some month is the longest streak",
        "contributions.months_total == 0 or contributions.longest_streak_months > 0",
    ),
    LawText(
        "contributions: a month has a scheme",
        "contributions.months_total == 0 or contributions.schemes_count > 0",
    ),
    LawText(
        "contributions: a scheme has a month",
        "contributions.schemes_count == 0 or contributions.months_total > 0",
    ),
]
