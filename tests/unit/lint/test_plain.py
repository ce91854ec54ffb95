"""Lines that do one thing: what is refused, and the list of files from before."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from lint.plain import LIST, PACKAGE, digest_of, errors, findings, listed, shrink

CASES = yaml.safe_load(
    (Path(__file__).parents[2] / "cases/lint/plain.yaml").read_text(encoding="utf-8")
)
BAD = "a, b = 1, 2\n"


@pytest.mark.parametrize("case", CASES, ids=[case["title"] for case in CASES])
def test_a_line_does_one_thing(case: dict[str, str]) -> None:
    """What does more is named with its line, and nothing else is."""
    found = findings(case["text"])
    last = case["text"].count("\n") + 1
    assert [one.line for one in found] == ([last] if "said" in case else [])
    assert all(one.said.startswith(case["said"]) for one in found)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A module that breaks a rule, and a plain one."""
    (tmp_path / PACKAGE).mkdir()
    (tmp_path / PACKAGE / "old.py").write_text(BAD)
    (tmp_path / PACKAGE / "new.py").write_text("a = 1\n")
    return tmp_path


def test_a_listed_file_may_stay_as_it_is_until_it_is_changed(checkout: Path) -> None:
    """The digest in the list is that of the file when the rules came."""
    old = checkout / PACKAGE / "old.py"
    text = f"{digest_of(old)} {PACKAGE}/old.py\n"
    assert [*errors(checkout, text)] == []
    old.write_text(f"# changed\n{BAD}")
    [said] = errors(checkout, text)
    assert said.startswith(f"{PACKAGE}/old.py:2: several names are assigned at once")
    assert "was changed, and so leaves" in said


def test_a_new_file_is_plain(checkout: Path) -> None:
    """What is not in the list has no line that does more."""
    assert len([*errors(checkout, "")]) == 1


def test_the_list_only_shrinks(checkout: Path) -> None:
    """A mended file is asked out of it; shrinking adds none."""
    file = checkout / "plain.txt"
    file.write_text(f"000000000000 {PACKAGE}/new.py\n")
    [first, second] = errors(checkout, file.read_text())
    assert "old.py:1:" in first
    assert second.startswith(f"{PACKAGE}/new.py breaks no rule any more")
    shrink(checkout, file)
    assert listed(file.read_text()) == {}


def test_the_list_of_this_checkout_is_in_order() -> None:
    """Each file of it is there once."""
    lines = [line for line in LIST.read_text().splitlines() if not line.startswith("#")]
    assert len(lines) == len(listed(LIST.read_text()))
