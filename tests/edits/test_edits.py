"""Edits of rules as a tired person makes them: stopped, asked about or said, in either form."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.edits.edits import (
    AREAS,
    CHAMPIONS,
    FORMS,
    IN_PLACE,
    NAMED,
    NEW_VERSION,
    SAID,
    SILENT,
    STOPPED,
    Edit,
    answer,
    as_new_version,
    before,
    edited,
    edits,
    not_yet,
)

EDITS = edits()
NOT_YET = not_yet()


@pytest.fixture(scope="session")
def decides(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder that decides now, by product; it is read once."""
    root = tmp_path_factory.mktemp("decides")
    return {product: before(product, root / product / "rules") for product in CHAMPIONS}


def check(edit: Edit, form: str, decides: dict[str, Path], root: Path) -> None:
    """The edit gets the answer that it must get."""
    given = answer(decides[edit.product], edited(edit, form, root))
    if edit.edit in NOT_YET[form]:
        assert not given.is_the_one(edit), "it works: take its name out of not_yet.yaml"
    else:
        assert given.is_the_one(edit), given


# A class for each form, and so a worker for each: a way of releasing does not decide who is asked.
@pytest.mark.long
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.edit)
class TestInPlace:
    """A file edited where it lies."""

    def test_an_edit_in_place_is_answered(
        self, edit: Edit, decides: dict[str, Path], tmp_path: Path
    ) -> None:
        check(edit, IN_PLACE, decides, tmp_path / "rules")


@pytest.mark.long
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.edit)
class TestNewVersion:
    """A copy under the next number, edited, and made the champion."""

    def test_an_edit_of_a_new_version_is_answered_alike(
        self, edit: Edit, decides: dict[str, Path], tmp_path: Path
    ) -> None:
        check(edit, NEW_VERSION, decides, tmp_path / "rules")


@pytest.mark.parametrize("product", CHAMPIONS)
def test_rules_without_an_edit_are_not_asked_about(
    product: str, decides: dict[str, Path], tmp_path: Path
) -> None:
    """The same folder is silent; a copy of a version as champion is said, and no more."""
    root = before(product, tmp_path / "rules")
    assert answer(decides[product], root).kind == SILENT
    as_new_version(root / product, CHAMPIONS[product])
    assert answer(decides[product], root).kind == SAID


def test_there_are_edits_of_every_area_and_each_has_its_own_name() -> None:
    names = Counter(edit.edit for edit in EDITS)
    assert len(EDITS) >= 150
    assert [name for name, count in names.items() if count > 1] == []
    assert {edit.area for edit in EDITS} == set(AREAS)
    assert {edit.answer for edit in EDITS} == {STOPPED, NAMED, SAID}
    assert [edit.edit for edit in EDITS if edit.answer != STOPPED and not edit.words] == []


def test_what_does_not_work_yet_names_edits_once() -> None:
    names = {edit.edit for edit in EDITS}
    for form in FORMS:
        assert set(NOT_YET[form]) <= names
        assert len(set(NOT_YET[form])) == len(NOT_YET[form])
