"""Languages that a client accepts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decision_service.server.context import best_language, parse_languages
from tests.kits.cases import cases


def test_languages_come_best_first() -> None:
    """Weights order them, places break ties, zero and nonsense drop out."""
    assert parse_languages("en;q=0.8, fil-PH, tl;q=0.9, de;q=0, *, x y") == ("fil-PH", "tl", "en")


@given(st.text(max_size=300))
def test_any_header_is_read(header: str) -> None:
    """No header, however broken, is an error."""
    assert len(parse_languages(header)) <= 8


@pytest.mark.parametrize(("header", "language"), cases("edge/languages"))
def test_the_first_language_that_there_is_is_taken(header: str, language: str) -> None:
    """A region finds its language and an alias what it stands for; without any it is the first."""
    assert best_language(header, ("en", "fil"), {"tl": "fil"}) == language
