"""A product's texts for letters: what is wrong is told with its line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from decision_service.notices.reading import read_notices
from decision_service.pipeline.rules.loading import load_rules
from decision_service.storage.rules_folder.files import read_rules
from tests.fakes.world import NOW
from tests.unit.ruleset.rulesets import ROOT

FOLDER = ROOT / "rules" / "personal-loan-ph" / "notices"
GOOD = (FOLDER / "en.yaml").read_text()


def found(text: str, language: str = "en") -> list[tuple[str, int]]:
    """Codes and lines of what is wrong with texts."""
    return [(d.code, d.line) for d in read_notices("en.yaml", text, language).diagnostics]


def test_the_shipped_texts_are_in_order() -> None:
    """Both languages read without a word."""
    for language in ("en", "fil"):
        assert found((FOLDER / f"{language}.yaml").read_text(), language) == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("{amount}.", "{amuont}.", "N102"),
        ("{amount}.", "{amount:.2f}.", "N102"),
        ("{amount}.", "{amount.", "N103"),
        ("approval:", "aproval:", "R120"),
        ("lender: Sample Lending Inc.\n", "", "R121"),
        ("  opening: We can lend you {amount}.\n", "", "R121"),
    ],
)
def test_a_slip_is_found(old: str, new: str, code: str) -> None:
    """An unknown placeholder, a brace, a misnamed or missing part."""
    assert code in {one for one, _ in found(GOOD.replace(old, new))}


def test_a_placeholder_is_told_with_the_nearest_name() -> None:
    """The message says where and what was meant."""
    text = GOOD.replace("We can lend you {amount}.", "We can lend you {amont}.")
    [problem] = read_notices("en.yaml", text, "en").diagnostics
    assert "`{amont}`" in problem.message
    assert "amount" in problem.hint
    assert "{amont}" in text.splitlines()[problem.line - 1]


def test_a_language_without_words_is_refused() -> None:
    """Headings and months are of the service: a file in another language says which there are."""
    assert found(GOOD, "ceb") == [("N101", 1)]


def test_a_limit_without_words_is_a_warning(tmp_path: Path) -> None:
    """An offer may be bound by what no letter can say: the author is told, decisions go on."""
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", rules)
    file = rules / "personal-loan-ph" / "notices" / "en.yaml"
    lines = [one for one in GOOD.splitlines(keepends=True) if "derived.affordable" not in one]
    file.write_text("".join(lines))
    loading = load_rules(read_rules(rules), NOW)
    assert loading.errors == ()
    [problem] = [one for one in loading.diagnostics if one.code == "N110"]
    assert "`derived.affordable`" in problem.message
