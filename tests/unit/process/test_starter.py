"""Which rules decide where no folder of them is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from decision_service.app.core import rules_folder
from decision_service.build import starter_rules
from decision_service.runtime.config import load

VENDOR = {
    "DECISION_SMILE_MODE": "sandbox",
    "DECISION_SMILE_API_KEY": "key-of-8",
    "DECISION_SMILE_API_SECRET": "secret-8",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_made_up_people_have_the_starter_rules_in_an_empty_folder(folder: Path) -> None:
    """Until there is a folder `rules`, which is then meant."""
    assert rules_folder(load(environ={})) == starter_rules()
    (folder / "rules").mkdir()
    assert rules_folder(load(environ={})) == Path("rules")


def test_a_folder_that_is_named_is_meant() -> None:
    """Whether it is there or not: nobody is decided by other rules than those that were named."""
    assert rules_folder(load(environ={"DECISION_RULES_DIR": "rules"})) == Path("rules")


def test_real_people_are_never_decided_by_starter_rules() -> None:
    """Outside embedded mode a folder of the lender's own must be there."""
    assert rules_folder(load(environ=VENDOR)) == Path("rules")
