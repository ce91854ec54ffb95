"""The bound on the modules of a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from lint.folders import MOST, errors, main


def filled(root: Path, folder: str, modules: int) -> None:
    """A folder with so many empty modules beside its `__init__`."""
    (root / folder).mkdir(parents=True)
    for name in ("__init__", *(f"module_{at}" for at in range(modules))):
        (root / folder / f"{name}.py").touch()


@pytest.mark.parametrize(
    ("folder", "modules", "refused"),
    [
        ("decision_service/part", MOST, False),
        ("decision_service/part", MOST + 1, True),
        ("decision_service/part/of/it", MOST + 1, True),
        ("decision_service/factors", MOST + 1, False),
        ("decision_service/factors/family", MOST + 1, True),
    ],
)
def test_a_folder_is_refused_above_the_bound(
    tmp_path: Path, folder: str, modules: int, *, refused: bool
) -> None:
    """By the modules that stand in it, without those below; factors have one a family."""
    filled(tmp_path, folder, modules)
    named = [error.split()[:3] for error in errors(tmp_path)]
    assert named == ([[folder, "has", str(modules)]] if refused else [])


def test_the_product_keeps_the_bound(capsys: pytest.CaptureFixture[str]) -> None:
    """As `make lint` checks it."""
    assert main() == 0, capsys.readouterr().out
