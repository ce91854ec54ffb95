"""The reading kit: typed readers that report where and why they could not."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from decision_service.rules.language.diagnostics import Report
from decision_service.rules.language.fields import Fields
from decision_service.rules.language.yaml import read
from tests.kits.cases import cases
from tests.unit.language.texts import FILE


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
