"""Diagnostics as they are printed and sorted."""

from __future__ import annotations

from decision_service.rules.language.diagnostics import (
    Place,
    Report,
    count,
    did_you_mean,
    render,
    render_all,
)

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
