"""Languages that a caller accepts."""

from hypothesis import given
from hypothesis import strategies as st

from decision_service.edge.rpc.calls import parse_languages


def test_languages_come_best_first() -> None:
    """Weights order them, places break ties, zero and nonsense drop out."""
    assert parse_languages("en;q=0.8, fil-PH, tl;q=0.9, de;q=0, *, x y") == ("fil-PH", "tl", "en")


@given(st.text(max_size=300))
def test_any_header_is_read(header: str) -> None:
    """No header, however broken, is an error."""
    assert len(parse_languages(header)) <= 8
