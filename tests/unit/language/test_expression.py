"""Expressions: their syntax in own words, their limits, their types."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.domain.factor import ValueType
from tests.fakes.examples import examples
from tests.unit.language.texts import checked, sound

INTEGER, NUMBER, MONEY = ValueType.INTEGER, ValueType.NUMBER, ValueType.MONEY
TEXT, FLAG, DATE = ValueType.TEXT, ValueType.FLAG, ValueType.DATE


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("a.int + 1", INTEGER),
        ("a.int + b.num", NUMBER),
        ("a.int * 2", INTEGER),
        ("a.int / 2", NUMBER),
        ("-a.int", INTEGER),
        ("c.pay + c.pay", MONEY),
        ("c.pay - 100.50", MONEY),
        ("100 + c.pay", MONEY),
        ("c.pay * b.num", MONEY),
        ("3 * c.pay", MONEY),
        ("c.pay / 2", MONEY),
        ("c.pay / c.pay", NUMBER),
        ("-c.pay", MONEY),
        ("c.pay < 1000", FLAG),
        ("1000 > c.pay", FLAG),
        ("c.pay < (5 if e.flag else 7)", FLAG),
        ("3 <= a.int < 6", FLAG),
        ("a.int == b.num", FLAG),
        ("d.label == 'GIG'", FLAG),
        ("d.label in ('GIG', \"EMPLOYED\")", FLAG),
        ("d.label not in ('GIG')", FLAG),
        ("a.int in (1, 2)", FLAG),
        ("c.pay in (1, 2.5)", FLAG),
        ("e.flag == true", FLAG),
        ("f.day >= '2026-01-01'", FLAG),
        ("f.day in ('2026-01-01')", FLAG),
        ("not e.flag and (e.flag or false)", FLAG),
        ("a.int if e.flag else b.num", NUMBER),
        ("c.pay if e.flag else 0", MONEY),
        ("min(a.int, 3, g.int)", INTEGER),
        ("max(c.pay, 1)", MONEY),
        ("max(f.day, '2026-01-01')", DATE),
        ("abs(a.int - 5)", INTEGER),
        ("round(c.pay, 500)", MONEY),
        ("floor(b.num, 0.1)", NUMBER),
        ("coalesce(c.pay, 0)", MONEY),
        ("coalesce(d.label, 'GIG')", TEXT),
        ("known(a.int) or missing(c.pay)", FLAG),
        ("annuity(c.pay, 0.05, 6)", MONEY),
        ("annuity_amount(1000, b.num, a.int)", MONEY),
        ("1 / (1 + exp(-b.num))", NUMBER),
        ("ln(a.int)", NUMBER),
        ("c.pay * exp(1 + b.num)", MONEY),
    ],
)
def test_every_legal_operation_has_its_type(text, type_):
    """Operators and functions give the types of the language's table."""
    assert sound(text).type is type_


@pytest.mark.parametrize(
    ("text", "code", "column", "message"),
    [
        ("", "R301", 1, "empty"),
        ("a.int <", "R301", 7, "nothing follows `<`"),
        ("< a.int", "R301", 1, "nothing is before `<`"),
        ("a.int g.int", "R301", 7, "an operator is missing between `a.int` and `g.int`"),
        ("a.int + * 3", "R301", 9, "nothing is between `+` and `*`"),
        ("(a.int < 3", "R301", 1, "not closed"),
        ("a.int < 3)", "R301", 10, "closes nothing"),
        ("a.int < 3, 4", "R301", 10, "a comma is outside parentheses"),
        ("a.int = 3", "R301", 7, "`=`"),
        ("a.int && e.flag", "R301", 7, "`&&`"),
        ("!e.flag", "R301", 1, "`!`"),
        ("a.int % 2", "R301", 7, "`%`"),
        ("a.int ** 2", "R301", 7, "`**`"),
        ("a.int // 2", "R301", 8, "nothing is between `/` and `/`"),
        ("[a.int]", "R301", 1, "`[`"),
        ("d.label == “GIG”", "R301", 12, "`“`"),
        ('d.label == "GIG', "R301", 12, '`"`'),
        ("d.label == 'a\\n'", "R301", 12, "`'`"),
        ("a.int < 1e3", "R301", 9, "`1e3` is not a number"),
        ("a.int < 0x1f", "R301", 9, "`0x1f` is not a number"),
        ("a.int < 1_000", "R301", 9, "`1_000` is not a number"),
        ("a.int < .5", "R301", 9, "`.5` is not a number"),
        ("a.int < 5.", "R301", 9, "`5.` is not a number"),
        ("ä.int < 5", "R301", 1, "`ä.int` is not a name"),
        ("a.int is 3", "R301", 7, "`is`"),
        ("True", "R301", 1, "`True`"),
        ("None", "R301", 1, "`None`"),
        ("lambda", "R301", 1, "`lambda`"),
        ("a.__class__", "R301", 1, "`a.__class__`"),
        ("f'x'", "R301", 2, "an operator is missing"),
        ("'a' 'b'", "R301", 5, "an operator is missing"),
        ("a.int if e.flag", "R301", 1, "an `if` and an `else`"),
        ("a.int == not e.flag", "R301", None, "this is not an expression"),
        ("a.int < 010", "R301", None, "this is not an expression"),
    ],
)
def test_syntax_errors_have_own_words(text, code, column, message):
    """A syntax error is located and told in the language's own words."""
    node, (found,) = checked(text)
    assert (node, found.code) == (None, code)
    assert message in found.message
    assert column is None or found.column == column


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("e.flag AND e.flag", "R301", "write `and`"),
        ("e.flag Or e.flag", "R301", "write `or`"),
        ("NOT e.flag", "R301", "write `not`"),
        ("a.int IN (1, 2)", "R301", "write `in`"),
        ("e.flag == TRUE", "R301", "write `true`"),
        ("e.flag == yes", "R301", "use `true`, or the bare flag"),
        ("e.flag == NO", "R301", "use `false`, or `not` before the bare flag"),
        ("e.flag == 'yes'", "R304", "use true/false or the bare flag"),
        ("None", "R301", "write `missing(name)`"),
    ],
)
def test_words_of_other_languages_get_a_hint(text, code, hint):
    """A word in capitals or of a spreadsheet is answered with the word that is meant here."""
    _, (found,) = checked(text)
    assert (found.code, found.hint) == (code, hint)


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("a.int < d.label", "R304", "an integer cannot be compared with text"),
        ("c.pay < a.int", "R304", "money cannot be compared with an integer"),
        ("c.pay * c.pay", "R304", "money cannot be multiplied by money"),
        ("a.int / c.pay", "R304", "an integer cannot be divided by money"),
        ("a.int + c.pay", "R304", "an integer cannot be added to money"),
        ("d.label + 'x'", "R304", "text cannot be added to text"),
        ("f.day - f.day", "R304", "a date cannot be reduced by a date"),
        ("-d.label", "R304", "text has no minus"),
        ("d.label < 'GIG'", "R304", "text has no order"),
        ("e.flag > false", "R304", "flag has no order"),
        ("not a.int", "R304", "`not` joins flags"),
        ("a.int and e.flag", "R304", "`and` joins flags"),
        ("1 if a.int else 2", "R304", "`if` joins flags"),
        ("a.int if e.flag else d.label", "R304", "the two sides of `if` differ"),
        ("min(a.int, c.pay)", "R304", "`min` cannot take an integer, money"),
        ("known(a.int + 1)", "R304", "`known` cannot take"),
        ("d.label == 'GIGS'", "R308", "never 'GIGS'"),
        ("d.label in ('GIG', 'X')", "R308", "never 'X'"),
        ("f.day < 'tomorrow'", "R310", "is no date"),
        ("c.pay < 0.005", "R309", "is no amount in PHP"),
        ("c.pay < 1000000000001", "R309", "is no amount in PHP"),
        ("a.int in (1, g.int)", "R303", "`in` takes literals"),
        ("a.int in ()", "R303", "`in` takes literals"),
        ("(1, 2)", "R303", "cannot be here"),
        ("min(a.int)", "R307", "at least 2 arguments"),
        ("abs(a.int, 1)", "R307", "takes 1 argument"),
        ("annuity(c.pay, 0.05, 6.5)", "R305", "an integer is needed"),
        ("annuity(a.int, 0.05, 6)", "R305", "money is needed"),
        ("median(a.int, 3)", "R210", "no function `median`"),
        ("min + 1", "R210", "without its arguments"),
        ("a.itn < 3", "R202", "unknown name `a.itn`"),
        ("a.int < 1" + "0" * 34, "R303", "at most 34 digits"),
    ],
)
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
