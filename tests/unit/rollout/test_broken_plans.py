"""One file per fault, its report beside it."""

from __future__ import annotations

import re

import pytest

from decision_service.rules.language.diagnostics import render_all
from tests.unit.rollout.plans import TESTS, read

FOLDER = TESTS / "rulesets" / "broken_plans"
BROKEN = sorted(FOLDER.glob("*.yaml"))
SOURCES = (TESTS.parent / "decision_service" / "rollout").glob("*.py")


@pytest.mark.parametrize("file", BROKEN, ids=lambda f: f.stem)
def test_each_fault_has_its_report(file):
    """A broken plan is reported exactly as saved beside it, and only errors refuse it."""
    reading = read(file.read_text("utf-8"))
    assert render_all(reading.diagnostics) == file.with_suffix(".txt").read_text("utf-8")
    assert (reading.plan is None) == any(d.severity == "error" for d in reading.diagnostics)


def test_every_code_of_plans_has_a_broken_file():
    """Each code that the plan's checks can report is reported by some broken file, and no other."""
    reported = {d.code for f in BROKEN for d in read(f.read_text("utf-8")).diagnostics}
    written = {c for f in SOURCES for c in re.findall(r'"(P\d{3})"', f.read_text("utf-8"))}
    assert {c for c in reported if c.startswith("P")} == written


def test_no_report_is_left_without_its_file():
    """Every saved report belongs to a broken file."""
    assert {f.stem for f in FOLDER.glob("*.txt")} == {f.stem for f in BROKEN}
