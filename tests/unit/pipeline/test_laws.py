"""Laws of a folder: what loading says of them, and that nothing which decides rests on them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from decision_service.build import starter_rules
from decision_service.rulebook.folder import RuleFolder, read_rules
from decision_service.rulebook.load import LoadResult, load_rules
from decision_service.rulebook.manifest import manifest_problems, manifest_text, published_now
from decision_service.rules.language.diagnostics import Severity
from tests.unit.pipeline.test_manifest import NOW

VERSION = "personal-loan-ph/v1.yaml"


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    shutil.copytree(starter_rules(), folder)
    return folder


def loaded(folder: Path) -> tuple[RuleFolder, LoadResult]:
    read = read_rules(folder)
    return read, load_rules(read, NOW)


def without_price(folder: Path) -> None:
    """The loan as an earlier release had it: no block, and no guarantee of a law."""
    text = (folder / VERSION).read_text()
    start, end = text.index("  price:\n"), text.index("\nconditions:\n")
    lines = (text[:start] + text[end:]).splitlines(keepends=True)
    kept = [line for line in lines if "law: ph-prices" not in line]
    (folder / VERSION).write_text("".join(kept))


@pytest.mark.parametrize(
    ("old", "new"), [("0.06", "0.01"), ("principal: 10000", "principal: 1"), ("title:", "{")]
)
def test_a_law_that_changes_is_no_change_of_rules(rules: Path, old: str, new: str) -> None:
    """No digest, no published folder and no loading depends on it, be it readable or not."""
    before, first = loaded(rules)
    assert first.rulebook is not None
    manifest = manifest_text(published_now(before.contents, "J. Cruz", NOW), before.contents)
    law = rules / "_law" / "ph-prices.yaml"
    law.write_text(law.read_text().replace(old, new))
    after, second = loaded(rules)
    assert second.rulebook is not None
    assert second.rulebook.digests.keys() == first.rulebook.digests.keys()
    assert manifest_problems("rules/manifest.yaml", manifest, after.contents) == ()
    assert bool(second.law_problems()) is (new == "{")


def test_a_folder_of_before_loads_and_is_reported(rules: Path) -> None:
    """Without `_law` the package's own law counts; what has decided is a warning, else an error."""
    shutil.rmtree(rules / "_law")
    without_price(rules)
    _, loading = loaded(rules)
    assert loading.rulebook is not None
    assert loading.errors == ()
    [found] = loading.law_problems()
    assert (found.code, found.severity) == ("R530", Severity.WARNING)
    [asked] = loading.law_problems(())
    assert (asked.code, asked.severity) == ("R530", Severity.ERROR)
    assert asked.file.endswith(VERSION)
    assert "ph-prices of the package, not checked by counsel" in loading.laws.remarks()


def test_a_law_that_cannot_be_opened_is_reported_alone(rules: Path) -> None:
    """A file that is no UTF-8 stops no loading, and leaves no other law in its place."""
    (rules / "_law" / "ph-prices.yaml").write_bytes(b"\xff")
    _, loading = loaded(rules)
    assert loading.rulebook is not None
    codes = {one.code for one in loading.law_problems()}
    assert codes == {"R002", "R532"}
