"""The marks by which code is judged."""

from __future__ import annotations

import pytest

from lint.marks import marks_of
from tests.kits.cases import cases


@pytest.mark.parametrize(("source", "mark"), cases("lint/marks")["marked"])
def test_what_code_does_is_marked(source: str, mark: str) -> None:
    """Under whatever name something was imported, and however it is changed."""
    assert mark in [found.text for found in marks_of(source)]


@pytest.mark.parametrize("source", cases("lint/marks")["alike"])
def test_what_only_looks_alike_is_not_marked(source: str) -> None:
    """Comments, sentences, the package's own modules and names that no import bound."""
    texts = [found.text for found in marks_of(source)]
    assert not [text for text in texts if text.startswith(("import", "use", "set", "text"))]


def test_a_mark_stands_on_its_line() -> None:
    """The line of what does it, not of the statement around it."""
    lines = {mark.text: mark.line for mark in marks_of("f(\n  1,\n  g.x,\n)")}
    assert lines == {"attribute x": 3}
