"""One file of a plan's cases for each fault, its report beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from decision_service.language.diagnostics import render_all
from decision_service.pipeline.trial.plan_cases.reading import parse_plan_cases
from tests.unit.pipeline.plan_cases import CAPS, EXPLORE, under_test

FOLDER = Path(__file__).parents[2] / "rulesets" / "broken_plan_cases"
BROKEN = sorted(FOLDER.glob("*.yaml"))
BOUNDS = {"capped_without_explore": CAPS, "bare_plan": ""}
"""The bounds of the plan that a file is about, where it has not both sorts."""


@pytest.mark.parametrize("file", BROKEN, ids=lambda f: f.stem)
def test_each_fault_has_its_report(file: Path) -> None:
    """A broken file is reported exactly as saved beside it, and none of its cases is run."""
    tested = under_test(BOUNDS.get(file.stem, CAPS + EXPLORE))
    found = parse_plan_cases(f"tests/{file.name}", file.read_text("utf-8"), tested)
    assert render_all(found.diagnostics) == file.with_suffix(".txt").read_text("utf-8")
    assert found.cases == ()


def test_no_report_is_left_without_its_file() -> None:
    """Every saved report belongs to a broken file."""
    assert {f.stem for f in FOLDER.glob("*.txt")} == {f.stem for f in BROKEN}
