"""Hints for what people write who come from spreadsheets, documents and other rule systems."""

from __future__ import annotations

import pytest

from decision_service.rules.language.fields import day_hint
from decision_service.rules.language.syntax import SyntaxFault, split
from tests.kits.cases import cases


@pytest.mark.parametrize(("written", "hint"), cases("language/hints")["days"])
def test_a_day_in_another_form_is_told_in_ours(written, hint):
    """Where it can be read in one way only, that is the hint; else both, or the form."""
    assert day_hint(written) == hint


@pytest.mark.parametrize(("written", "hint"), cases("language/hints")["spellings"])
def test_another_spelling_has_the_one_of_the_language_as_its_hint(written, hint):
    """Signs of documents, words of spreadsheets, and spaces that came with copied text."""
    fault = split(written)
    assert isinstance(fault, SyntaxFault)
    assert fault.hint == hint
