"""The strict subset of YAML: what is refused, and that everything says where it stands."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.rules.language.diagnostics import Place, Report
from decision_service.rules.language.yaml import ListNode, MapNode, Scalar, decode, read
from tests.fakes.examples import examples
from tests.kits.cases import cases
from tests.unit.language.texts import FILE, problems, tree_of


@pytest.mark.parametrize(("text", "code", "line", "column"), cases("language/yaml")["refused"])
def test_what_could_change_its_meaning_is_refused_where_it_stands(text, code, line, column):
    """Each refused construct is one diagnostic with its code, line and column."""
    (found,) = problems(text)
    assert (found.code, found.line, found.column) == (code, line, column)


def test_a_large_text_is_refused_unread():
    """More than 256 KiB is refused before anything is parsed."""
    (found,) = problems("a: [" + "x, " * 100_000 + "\n")
    assert found.code == "R102"


def test_bytes_are_utf8_text():
    """Bytes that are not UTF-8 are refused with their line; a byte order mark is dropped."""
    report = Report()
    assert decode(FILE, "\ufeffa: é".encode(), report) == "a: é"
    assert report.diagnostics() == ()
    assert decode(FILE, b"a: 1\nb: \xff\n", report) is None
    assert [(d.code, d.line) for d in report.diagnostics()] == [("R101", 2)]


def test_an_alias_bomb_is_refused_before_it_explodes():
    """Nested aliases are refused as they come by, and nothing is built of them."""
    levels = "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, 12))
    assert {d.code for d in problems(f"x0: &x0 [a]\n{levels}")} == {"R106"}


@pytest.mark.parametrize(("text", "kind"), cases("language/yaml")["scalars"])
def test_scalars_are_flags_numbers_or_text(text, kind):
    """Only true and false are flags and only decimal numbers are numbers."""
    node, codes = tree_of(f"a: {text}\n")
    scalar = node.get("a")
    sorts = {"flag": scalar.is_flag, "integer": scalar.is_integer, "number": scalar.is_number}
    found = next((sort for sort, holds in sorts.items() if holds), "text")
    assert (found, codes) == (kind, [])


def test_every_node_knows_its_place():
    """Maps, keys, lists and scalars carry line and column, counted from 1."""
    node, _ = tree_of('a:\n  - é: "x y"\n    c: 3\n')
    (item,) = node.get("a").items
    assert isinstance(node, MapNode)
    assert isinstance(node.get("a"), ListNode)
    assert (item.place.line, item.place.column) == (2, 5)
    assert item.key_place("c").line == 3
    quoted = item.get("é")
    assert (quoted.place.line, quoted.place.column, quoted.place.end) == (2, 9, 12)
    assert quoted.at(2, 3).column == 11


def test_a_folded_text_points_at_its_beginning():
    """A position inside a text of several lines is the text's own place."""
    node, _ = tree_of("a: >-\n  one\n  two\n")
    scalar = node.get("a")
    assert (scalar.text, scalar.at(4, 7)) == ("one two", scalar.place)


def test_recoverable_faults_leave_a_tree():
    """A repeated key, a torn value and a tab leave the rest readable, each reported once."""
    node, codes = tree_of("a: 1\na: 2\nb: {when: min(x, y) > 1, then: z}\nc:\t4\n")
    assert codes == ["R105", "R107", "R103"]
    assert node.get("a").text == "1"
    assert [e.key for e in node.get("b").entries] == ["when", "then"]
    assert (node.get("b").get("when").torn, node.get("c").text) == (True, "4")


@pytest.mark.parametrize("text", cases("language/yaml")["whole"])
def test_whole_values_are_not_taken_for_torn(text):
    """Apostrophes, quoted brackets and comments make no torn value."""
    assert problems(text) == ()


def _scalars(node):
    if isinstance(node, Scalar):
        return [node]
    children = node.items if isinstance(node, ListNode) else [e.value for e in node.entries]
    return [s for child in children for s in _scalars(child)]


@settings(max_examples=examples(300), deadline=None)
@given(st.text(st.sampled_from("ab1: \n-[]{},\"'#&*!>|%@`\t?éñ\x85\u2028.<"), max_size=60))
def test_no_text_is_a_traceback(text):
    """Any text gives a tree or a located diagnostic, never an exception."""
    report = Report()
    node = read(FILE, text, report)
    found = report.diagnostics()
    assert node is not None or found
    lines = text.count("\n") + text.count("\x85") + text.count("\u2028") + 1
    assert all(1 <= d.line <= lines and d.column >= 1 for d in found)
    for scalar in _scalars(node) if node is not None else ():
        assert 1 <= scalar.place.line <= lines


@pytest.mark.parametrize(("text", "fits"), cases("language/yaml")["digits"])
def test_a_number_has_as_many_digits_as_arithmetic_keeps(text, fits):
    """34 significant digits are a number, whatever zeros lead them; more are not."""
    place = Place("a.yaml", 1, 1, 2)
    assert Scalar(text, plain=True, place=place).is_number is fits
