"""The gate of speed: what a measured ratio means, and when a recorded one may change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.gate import ROUNDS, SUBJECTS, TOGETHER, elsewhere
from lint.speed import Recorded, Try, Unrecorded, judge, read, wants_second

CASES = yaml.safe_load(
    (Path(__file__).parents[2] / "cases/lint/speed.yaml").read_text(encoding="utf-8")
)
FILE = '[taken]\npython = "3.11"\nmachine = "x86_64"\n\n[ratios]\nrules = 2.0'


@pytest.mark.parametrize("case", CASES, ids=[case["title"] for case in CASES])
def test_a_ratio_is_judged_by_the_recorded_one(case: dict[str, Any]) -> None:
    """A tenth above fails after two tries, a tenth below asks for a lower figure."""
    tries = [Try(rounds) for rounds in case["tries"]]
    verdict = judge("rules", case["recorded"], tries)
    assert verdict.passed is case["passed"]
    assert case["said"] in verdict.said
    assert wants_second(case["recorded"], tries[0]) is (len(tries) == 2)


@pytest.mark.parametrize(
    ("line", "row", "said"),
    [
        pytest.param("", "| rules | 2.0 |", "rules = 2.0 names no note", id="no note"),
        pytest.param("  # note 0107", "| rules | 1.9 |", "no note 0107 in", id="an older figure"),
        pytest.param("  # note 0108", "| rules | 2.0 |", "no note 0108 in", id="no such note"),
    ],
)
def test_a_figure_changes_with_its_note_alone(
    tmp_path: Path, line: str, row: str, said: str
) -> None:
    """The line of a figure names the note that says the same figure."""
    (tmp_path / "0107-speed.md").write_text(f"{row}\n")
    file = tmp_path / "speed.toml"
    file.write_text(f"{FILE}{line}\n")
    with pytest.raises(Unrecorded, match=said):
        read(file, tmp_path)


def test_what_is_measured_is_what_is_recorded() -> None:
    """The file of the repository names a note for each subject, and no other figure."""
    assert read().ratios.keys() == SUBJECTS.keys() == ROUNDS.keys()
    assert {name for names in TOGETHER for name in names} == SUBJECTS.keys()


def test_figures_of_another_python_are_not_compared() -> None:
    """Another version of Python or another machine makes other instructions."""
    said = elsewhere(Recorded({}, "2.7", "vax"))
    assert said.startswith("speed.toml was taken with Python 2.7 on vax, and this is Python 3.")
