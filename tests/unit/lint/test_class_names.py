"""One public name, one class."""

from __future__ import annotations

from pathlib import Path

import pytest

from lint.class_names import errors, main


def written(root: Path, **texts: str) -> Path:
    """A product of these modules."""
    for name, text in texts.items():
        folder = root / "decision_service" / name
        folder.mkdir(parents=True)
        (folder / "model.py").write_text(text)
    return root


def test_a_name_of_two_classes_is_told_with_both_places(tmp_path: Path) -> None:
    """Whatever the folders are; the file and the line of each."""
    root = written(tmp_path, letters="class Part:\n    pass\n", rules="\nclass Part:\n    pass\n")
    (error,) = errors(root)
    assert error == (
        "decision_service/letters/model.py:1 and decision_service/rules/model.py:2 "
        "both have a class Part: one name means one thing"
    )


def test_private_and_generated_classes_may_repeat_a_name(tmp_path: Path) -> None:
    """The first are seen in one module alone, the second are named by the protos."""
    hidden = "class _Part:\n    pass\n"
    shown = "class Part:\n    pass\n"
    assert not [*errors(written(tmp_path, letters=hidden + shown, rules=hidden, api=shown))]


def test_the_product_has_no_name_of_two_classes(capsys: pytest.CaptureFixture[str]) -> None:
    """As `make lint` checks it."""
    assert main() == 0, capsys.readouterr().out
