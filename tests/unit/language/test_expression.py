"""Expressions: their syntax in own words, their limits, their types."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.domain.factor import ValueType
from tests.fakes.examples import examples
from tests.kits.cases import cases
from tests.unit.language.texts import checked, sound

INTEGER, NUMBER, MONEY = ValueType.INTEGER, ValueType.NUMBER, ValueType.MONEY
TEXT, FLAG, DATE = ValueType.TEXT, ValueType.FLAG, ValueType.DATE


@pytest.mark.parametrize(("text", "type_"), cases("language/expression")["types"])
def test_every_legal_operation_has_its_type(text, type_):
    """Operators and functions give the types of the language's table."""
    assert sound(text).type == type_


@pytest.mark.parametrize(
    ("text", "code", "column", "message"), cases("language/expression")["syntax"]
)
def test_syntax_errors_have_own_words(text, code, column, message):
    """A syntax error is located and told in the language's own words."""
    node, (found,) = checked(text)
    assert (node, found.code) == (None, code)
    assert message in found.message
    assert column is None or found.column == column


@pytest.mark.parametrize(("text", "code", "hint"), cases("language/expression")["words"])
def test_words_of_other_languages_get_a_hint(text, code, hint):
    """A word in capitals or of a spreadsheet is answered with the word that is meant here."""
    _, (found,) = checked(text)
    assert (found.code, found.hint) == (code, hint)


@pytest.mark.parametrize(("text", "code", "message"), cases("language/expression")["mismatches"])
def test_type_errors_name_both_types(text, code, message):
    """A type error is located and names what does not go together."""
    node, found = checked(text)
    assert node is None
    assert [d.code for d in found] == [code]
    assert message in found[0].message


def test_all_faults_of_an_expression_are_found():
    """A fault in one part of an expression does not hide one in another."""
    _, found = checked("a.itn < 3 and d.label == 'X' and c.pay < 0.001")
    assert [d.code for d in found] == ["R202", "R308", "R309"]


@pytest.mark.parametrize(
    "text",
    [
        "-" * 30 + "a.int < 3",
        "not " * 30 + "e.flag",
        "+".join(["a.int"] * 30) + " > 1",
        "(" * 60 + "a.int" + ")" * 60,
        "1 if e.flag else " * 30 + "2",
        "a.int < 3 or " * 90 + "e.flag",
        "min(" + ", ".join(["a.int"] * 190) + ") > 1",
    ],
)
def test_limits_are_measured_before_anything_recurses(text):
    """Too long, too deep or too large an expression is one diagnostic, never a recursion error."""
    node, found = checked(text)
    assert node is None
    assert [d.code for d in found] in (["R302"], ["R301"])


def test_a_condition_must_be_a_flag():
    """Where a condition is expected anything else is a type error."""
    node, (found,) = checked("a.int", FLAG)
    assert (node, found.code) == (None, "R305")


def test_positions_are_those_of_characters():
    """Columns count characters, whatever bytes a text before them takes."""
    _, (found,) = checked("d.label == 'GIG' or d.label == 'ñandú'")
    assert (found.column, found.end) == (32, 39)


def test_trees_of_equal_meaning_are_equal():
    """Blanks and parentheses make no difference to a tree."""
    assert sound("(a.int)  <  3") == sound("a.int < 3")
    assert sound("a.int < 3") != sound("a.int <= 3")
    assert sound("c.pay < 3") != sound("a.int < 300")


@settings(max_examples=examples(500), deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [*"abcde.123 ()<>=!+-*/,'\"_éñ\\&|#:\n", " and ", " or ", " not ", " in ", "a.int"]
        ),
        max_size=20,
    ).map("".join)
)
def test_no_expression_is_a_traceback(text):
    """Any text is a tree or a located diagnostic, never an exception."""
    node, found = checked(text)
    assert (node is None) == bool(found)
    assert all(d.line >= 1 and d.column >= 1 for d in found)
