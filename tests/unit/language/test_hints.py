"""Hints for what people write who come from spreadsheets, documents and other rule systems."""

from __future__ import annotations

import pytest

from decision_service.rules.language.fields import FORM, day_hint
from decision_service.rules.language.syntax import SyntaxFault, split


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("2026-2-3", "write `2026-02-03`"),
        ("2026/02/03", "write `2026-02-03`"),
        ("2026-02-03T00:00:00", "write `2026-02-03`"),
        ("3-Feb-26", "write `2026-02-03`"),
        ("February 3, 2026", "write `2026-02-03`"),
        ("25/12/2026", "write `2026-12-25`"),
        ("12/25/2026", "write `2026-12-25`"),
        ("03/03/2026", "write `2026-03-03`"),
        ("02/03/2026", "write `2026-02-03` or `2026-03-02`: it can be read as both"),
        ("2026-02-30", "there is no such day"),
        ("31/31/2026", "there is no such day"),
        ("26-11-26", FORM),
        ("tomorrow", FORM),
    ],
)
def test_a_day_in_another_form_is_told_in_ours(written, hint):
    """Where it can be read in one way only, that is the hint; else both, or the form."""
    assert day_hint(written) == hint


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("income.months_12m ≥ 6", "write `>=`"),
        ("income.months_12m ≤ 6", "write `<=`"),
        ("income.months_12m ≠ 6", "write `!=`"),
        ("3 × 2", "write `*`"),
        ("a.b ^ 2", "multiply, or write `exp(exponent * ln(base))`"),
        ("a.b ** 2", "multiply, or write `exp(exponent * ln(base))`"),
        ("6 – 2", "write `-`"),
        ("a.b between 3 and 6", "write `low <= x <= high`, or `<` where an end is not meant"),
        ("a.b BETWEEN 3 AND 6", "write `low <= x <= high`, or `<` where an end is not meant"),
        ("a.b\u00a0< 6", "write a plain space in its place"),
        ("a.b <\u202f6", "write a plain space in its place"),
    ],
)
def test_another_spelling_has_the_one_of_the_language_as_its_hint(written, hint):
    """Signs of documents, words of spreadsheets, and spaces that came with copied text."""
    fault = split(written)
    assert isinstance(fault, SyntaxFault)
    assert fault.hint == hint
