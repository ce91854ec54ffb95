"""Values in words, in the currency of the ruleset."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from decision_service.domain.factor import ValueType
from decision_service.domain.values import Cause
from decision_service.rules.language.values import unknown
from decision_service.rules.ranges import ValueRange
from decision_service.rules.wording import Wording

MONEY, NUMBER, INTEGER = ValueType.MONEY, ValueType.NUMBER, ValueType.INTEGER


@pytest.mark.parametrize(
    ("currency", "minor", "text"),
    [
        ("PHP", 41_220, "₱ 412.20"),
        ("PHP", 100_000, "₱ 1,000"),
        ("PHP", 5, "₱ 0.05"),
        ("PHP", -41_220, "-₱ 412.20"),
        ("PHP", Decimal("41220.99"), "₱ 412.20"),
        ("PHP", Decimal("1e60"), "₱ 1.000000E+58"),
        ("USD", 123_456_789, "$ 1,234,567.89"),
        ("JPY", 1234, "¥ 1,234"),
        ("KWD", 1_234_500, "KWD 1,234.500"),
    ],
)
def test_amounts_are_in_the_currency(currency, minor, text):
    """Amounts carry their sign or code, thousands, and decimals only where there are any."""
    assert Wording(currency).value(minor, MONEY) == text


@pytest.mark.parametrize(
    ("value", "type_", "text"),
    [
        (3, INTEGER, "3"),
        (Decimal("0.350"), NUMBER, "0.35"),
        (Decimal(1) / 3, NUMBER, "0.3333"),
        (Decimal("3E+2"), NUMBER, "300"),
        (Decimal("1e50"), NUMBER, "1.000000E+50"),
        (10**50, INTEGER, "1.000000E+50"),
        (Decimal("1e5000"), NUMBER, "1.000000E+5000"),
        (True, ValueType.FLAG, "true"),
        (False, ValueType.FLAG, "false"),
        ("GIG", ValueType.TEXT, "GIG"),
        (date(2026, 11, 24), ValueType.DATE, "2026-11-24"),
        (unknown("a.b", Cause.STALE), INTEGER, "missing STALE"),
    ],
)
def test_values_are_short_and_plain(value, type_, text):
    """Numbers have at most four decimals, flags and dates their words, gaps their cause."""
    assert Wording("PHP").value(value, type_) == text


@pytest.mark.parametrize(
    ("span", "type_", "words", "cell"),
    [
        (ValueRange(6, 7), INTEGER, "6 to 7", "[6, 7]"),
        (ValueRange(6, 6), INTEGER, "6", "== 6"),
        (ValueRange(6, None), INTEGER, "6 or more", ">= 6"),
        (ValueRange(None, 6, open_high=True), NUMBER, "6 or less", "< 6"),
        (ValueRange(), NUMBER, "everything", "-"),
        (
            ValueRange(100_000, 250_050, open_low=True),
            MONEY,
            "₱ 1,000 (excluded) to ₱ 2,500.50",
            "(1000, 2500.5]",
        ),
    ],
)
def test_spans_in_words_and_as_cells(span, type_, words, cell):
    """A span is told in words and written as the cell that would cover it."""
    wording = Wording("PHP")
    assert (wording.span(span, type_), wording.cell(span, type_)) == (words, cell)
