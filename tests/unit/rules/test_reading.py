"""Reading rule files: strict YAML, typed fields, hints, and diagnostics as they are printed."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.rules.language.diagnostics import (
    Place,
    Report,
    count,
    did_you_mean,
    render,
    render_all,
)
from decision_service.rules.language.fields import Fields, day_hint
from decision_service.rules.language.syntax import SyntaxFault, split
from decision_service.rules.language.yaml import ListNode, MapNode, Scalar, decode, read
from tests.fakes.examples import examples
from tests.kits.cases import cases
from tests.unit.rules.texts import FILE, problems, tree_of


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


def _fields(text, required=(), optional=("a",)):
    report = Report()
    node = read(FILE, text, report)
    return Fields.of(node, "a thing", report, required=required, optional=optional), report


def _codes(report):
    return [d.code for d in report.diagnostics()]


@pytest.mark.parametrize(
    ("reader", "text", "value"),
    [
        ("text", "hello there", "hello there"),
        ("text", '"12"', "12"),
        ("identifier", "snake_case_2", "snake_case_2"),
        ("integer", "-12", -12),
        ("decimal", "0.050", Decimal("0.050")),
        ("decimal", "3", Decimal(3)),
        ("flag", "true", True),
        ("day", "2026-02-28", date(2026, 2, 28)),
        ("duration", "35d", timedelta(days=35)),
        ("duration", "24h", timedelta(hours=24)),
        ("duration", "45s", timedelta(seconds=45)),
    ],
)
def test_a_reader_gives_its_type(reader, text, value):
    """Each reader gives the exact value of its type without a diagnostic."""
    fields, report = _fields(f"a: {text}\n")
    assert getattr(fields, reader)("a") == value
    assert _codes(report) == []


@pytest.mark.parametrize(("reader", "text", "code"), cases("language/fields"))
def test_a_reader_reports_another_type(reader, text, code):
    """A value of another type is one located diagnostic and no value."""
    fields, report = _fields(f"a: {text}\n")
    assert getattr(fields, reader)("a") in (None, ())
    assert _codes(report) == [code]


def test_bounds_are_inclusive():
    """Numbers at their bounds are read, beyond them reported with the bounds."""
    fields, report = _fields("a: 5\n")
    assert fields.integer("a", 5, 5) == 5
    assert fields.integer("a", 6, 9) is None
    assert "it must be 6 to 9" in report.diagnostics()[0].message
    assert fields.decimal("a", high=Decimal("4.9")) is None
    assert fields.decimal("a", low=6) is None


def test_a_choice_names_its_options_and_the_nearest():
    """A word that is no option is told the options and the nearest one."""
    fields, report = _fields("a: refre\n")
    assert fields.choice("a", ["refer", "use"]) is None
    (found,) = report.diagnostics()
    assert "one of `refer`, `use`" in found.message
    assert found.hint == "did you mean `refer`?"


def test_unknown_and_missing_keys_are_reported():
    """An unknown key is reported with the nearest known one, a missing one at the map."""
    fields, report = _fields("x:\n  nmae: 1\n", optional=("x",))
    Fields(fields.map("x"), "a thing", report, required=("name",), optional=("other",))
    unknown, missing = sorted(report.diagnostics(), key=lambda d: d.code)
    assert (unknown.code, unknown.hint) == ("R120", "did you mean `name`?")
    assert (missing.code, missing.message) == ("R121", "a thing has no `name`")


def test_an_absent_key_is_no_problem():
    """A reader gives None for a key that was not written, without a diagnostic."""
    fields, report = _fields("a: 1\n", optional=("a", "b"))
    assert (fields.text("b"), fields.items("b"), fields.has("b"), fields.has("a")) == (
        None,
        (),
        False,
        True,
    )
    assert _codes(report) == []


def test_a_torn_value_is_passed_over():
    """A value whose fault is reported already gives None without a second diagnostic."""
    fields, report = _fields("a: {b: min(x, y) > 1}\n")
    inner = Fields(fields.map("a"), "inner", report, optional=("b",))
    assert (inner.text("b"), inner.get("b")) == (None, None)
    assert _codes(report) == ["R107"]


def test_a_list_is_no_map():
    """Opening something else than a map is one diagnostic and None."""
    fields, report = _fields("- a\n")
    assert fields is None
    assert _codes(report) == ["R122"]


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


TEXT = "ruleset: x\n      when: income.months_24 < params.min_income_months\n"


def _report():
    report = Report()
    report.add_text("v2.yaml", TEXT)
    return report


def test_a_diagnostic_quotes_its_line_with_a_caret_and_a_hint():
    """Headline, quoted line, carets under the span, hint."""
    report = _report()
    message, hint = "unknown factor `income.months_24`", "did you mean `income.months_24m`?"
    report.error("R204", Place("v2.yaml", 2, 13, 29), message, hint)
    (found,) = report.diagnostics()
    assert render(found) == (
        "v2.yaml:2:13: error R204: unknown factor `income.months_24`\n"
        "    2 |       when: income.months_24 < params.min_income_months\n"
        "      |             ^^^^^^^^^^^^^^^^\n"
        "      = did you mean `income.months_24m`?"
    )


def test_without_a_line_or_hint_only_the_headline_is_printed():
    """A file whose text is not known is named without a quote."""
    report = Report()
    report.warning("R501", Place("w.yaml", 7, 1, 2), "unused")
    assert render(report.diagnostics()[0]) == "w.yaml:7:1: warning R501: unused"


def test_diagnostics_are_sorted_and_kept_once():
    """Diagnostics come by file, line and column, and an equal one only once."""
    report = _report()
    for file, line, column in [
        ("v2.yaml", 2, 9),
        ("a.yaml", 9, 9),
        ("v2.yaml", 2, 9),
        ("v2.yaml", 1, 3),
    ]:
        report.error("R1", Place(file, line, column, column + 1), "m")
    places = [(d.file, d.line, d.column) for d in report.diagnostics()]
    assert places == [("a.yaml", 9, 9), ("v2.yaml", 1, 3), ("v2.yaml", 2, 9)]


def test_only_errors_fail():
    """A warning does not make a report fail, an error does."""
    report = _report()
    report.warning("R501", Place("v2.yaml", 1, 1, 2), "m")
    assert (report.failed, count(report.diagnostics())) == (False, "0 errors, 1 warning")
    report.error("R101", Place("v2.yaml", 1, 1, 2), "m")
    assert (report.failed, count(report.diagnostics())) == (True, "1 error, 1 warning")


def test_a_long_line_is_cut_around_the_caret():
    """A line of any length is quoted in a window that holds the caret."""
    report = Report()
    report.add_text("f", "x" * 500 + "HERE" + "y" * 500)
    report.error("R1", Place("f", 1, 501, 505), "m")
    _, quoted, carets = render(report.diagnostics()[0]).split("\n")
    assert quoted[carets.index("^") : carets.index("^") + 4] == "HERE"
    assert len(quoted) < 200


def test_control_characters_are_not_printed():
    """A quoted line shows a blank for what a terminal would obey."""
    report = Report()
    report.add_text("f", "a\x1b[31mb\tc")
    report.error("R1", Place("f", 1, 1, 2), "m")
    assert "a [31mb c" in render_all(report.diagnostics())


def test_blocks_are_separated_by_a_blank_line():
    """Several diagnostics are separated by one blank line; none is an empty text."""
    report = _report()
    for column in (1, 2):
        report.error("R1", Place("v2.yaml", 1, column, column + 1), "m")
    assert render_all(report.diagnostics()).count("\n\n") == 1
    assert render_all(()) == ""


def test_hints_name_the_nearest_or_list_a_few():
    """A hint names the nearest known name, lists few known ones, or says nothing."""
    assert did_you_mean("reasn", ["reason", "when"]) == "did you mean `reason`?"
    assert did_you_mean("zzz", ["reason", "when"]) == "known here: `reason`, `when`"
    assert did_you_mean("zzz", [f"name_{n}" for n in range(20)]) == ""
    assert did_you_mean("z" * 1000, ["z" * 999]) == f"known here: `{'z' * 999}`"


def test_a_report_keeps_the_first_hundreds_and_never_loses_that_it_failed():
    """200 warnings leave room for errors; of more than 200 errors the first are kept."""
    report = Report()
    for line in range(1, 301):
        report.warning("R501", Place("a.yaml", line, 1, 2), "unused")
    assert (len(report.diagnostics()), report.failed, report.full) == (200, False, False)
    for line in range(1, 301):
        report.error("R105", Place("b.yaml", line, 1, 2), "repeated")
    assert (len(report.diagnostics()), report.failed, report.full) == (400, True, True)
