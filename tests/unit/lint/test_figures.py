"""The figures of the house, and the gate of speed."""

from __future__ import annotations

import ast
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.gate import ROUNDS, SUBJECTS, TOGETHER, elsewhere
from lint.budget import closure, errors, measure
from lint.locks import read_lock
from lint.speed import ALLOWED, Recorded, Try, Unrecorded, judge, read, wants_second

ROOT = Path(__file__).parents[3]
START = {
    "decision_service/__init__.py": "",
    "decision_service/cli/__init__.py": "",
    "decision_service/cli/serve.py": "from decision_service.server import grpc\n",
    "decision_service/server/__init__.py": "",
    "decision_service/server/grpc.py": (
        "import decision_service.store\n"
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import decision_service.typed\n"
        "def late():\n    import decision_service.late\n"
    ),
    "decision_service/store.py": (
        "try:\n    import decision_service.quick\nexcept ImportError:\n    pass\n"
    ),
    "decision_service/quick.py": "x = 1\n",
    "decision_service/late.py": "",
    "decision_service/typed.py": "",
    "decision_service/decide/__init__.py": "",
    "decision_service/decide/decide.py": "from decision_service.store import s\n",
    "decision_service/api/v1/generated_pb2.py": "x = 1\n" * 1000,
    "tests/test_it.py": "assert True\n",
    "docs/decisions/0001-one.md": "",
    "docs/decisions/README.md": "",
}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A small product in the layout that the budget reads."""
    for name, text in START.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_closure_is_what_importing_brings_in(house: Path) -> None:
    """Packages on the way and imports in `try`; neither those in functions nor those for types."""
    figures = measure(house)
    assert figures["serve_modules"] == 7
    assert figures["decide_modules"] == 5
    assert figures["product_modules"] == 11
    assert figures["product_lines"] == 13
    assert figures["test_lines"] == figures["decision_notes"] == 1


def test_a_closure_ends_where_modules_import_each_other(tmp_path: Path) -> None:
    """Each module counts once."""
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("import two\n")
    two.write_text("import one\n")
    assert closure({"one": one, "two": two}, "one") == {"one", "two"}


def test_a_figure_over_its_limit_is_an_error_with_what_to_delete(house: Path) -> None:
    """A figure at its limit is none, and a figure without a limit is printed alone."""
    budget = house / "budget.toml"
    budget.write_text("decision_notes = 1\nwarm_files = 45\n")
    (house / "tests" / "test_more.py").write_text("assert True\n" * 3)
    assert [*errors(measure(house), budget)] == []
    (house / "docs" / "decisions" / "0002-two.md").write_text("")
    assert [*errors(measure(house), budget)] == [
        "decision_notes is 2, and budget.toml allows 1: delete 1 before you add"
    ]


CASES = yaml.safe_load(
    (Path(__file__).parents[2] / "cases/lint/speed.yaml").read_text(encoding="utf-8")
)

FILE = '[taken]\npython = "3.11"\nmachine = "x86_64"\n\n[ratios]\nrules = 2.0'


@pytest.mark.parametrize("case", CASES, ids=[case["title"] for case in CASES])
def test_a_ratio_is_judged_by_the_recorded_one(case: dict[str, Any]) -> None:
    """A tenth above fails after two tries, a tenth below asks for a lower figure."""
    tries = [Try(rounds) for rounds in case["tries"]]
    allowed = case.get("allowed", ALLOWED)
    verdict = judge("rules", case["recorded"], tries, allowed=allowed)
    assert verdict.passed is case["passed"]
    assert case["said"] in verdict.said
    assert wants_second(case["recorded"], tries[0], allowed) is (len(tries) == 2)


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


def imported(module: str, seen: set[str]) -> set[str]:
    """Everything that `module` of bench/ brings in, imports inside of functions included."""
    seen.add(module)
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module)
    for name in sorted(found):
        if name.startswith("bench.") and name not in seen:
            found |= imported(name, seen)
    return found


def test_the_gate_of_speed_needs_only_what_it_is_installed_with() -> None:
    """Each library that it imports is of the dev group; the bench group is not there in CI."""
    locked = {one.name for one in read_lock(ROOT / "requirements" / "dev.txt")}
    given = packages_distributions()
    tops = {name.partition(".")[0] for name in imported("bench.gate", set())}
    libraries = tops - set(sys.stdlib_module_names) - {"bench", "decision_service", "lint", "tests"}
    assert "rule_engine" in libraries
    for name in libraries:
        assert locked & {one.lower().replace("_", "-") for one in given.get(name, [name])}, name
