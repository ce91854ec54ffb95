"""The figures of the house: the sum of lines, modules and closures; the limit on notes."""

from __future__ import annotations

from pathlib import Path

import pytest

from lint.budget import closure, errors, measure

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
