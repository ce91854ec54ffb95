"""A product's texts for letters: what is wrong is told with its line."""

from __future__ import annotations

import re
import shutil
from itertools import product as combine
from pathlib import Path

import pytest
from msgspec.structs import replace

from decision_service.casework.compose import letter, text
from decision_service.domain.decision import Outcome
from decision_service.rulebook.folder import read_rules
from decision_service.rulebook.load import load_rules
from decision_service.rules.letters import read_notices
from tests.fakes.world import NOW
from tests.kits.cases import cases
from tests.unit.notices.test_letters import PERSON_APPROVES, PERSON_DECLINES, REFERRED, about
from tests.unit.rules.kit import ROOT

FOLDER = ROOT / "rules" / "personal-loan-ph" / "notices"
GOOD = (FOLDER / "en.yaml").read_text()


def found(texts: str, language: str = "en") -> list[tuple[str, int]]:
    """Codes and lines of what is wrong with texts."""
    return [(d.code, d.line) for d in read_notices("en.yaml", texts, language).diagnostics]


def test_the_shipped_texts_are_in_order() -> None:
    """Both languages read without a word."""
    for language in ("en", "fil"):
        assert found((FOLDER / f"{language}.yaml").read_text(), language) == []


@pytest.mark.parametrize(("old", "new", "code"), cases("notices/texts")["slips"])
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


def test_both_products_have_letters_of_each_result_of_a_person() -> None:
    """For every reason of their plans, in both languages, with no placeholder left."""
    book = load_rules(read_rules(ROOT / "rules"), NOW).rulebook
    assert book is not None
    for product in book.products.values():
        assert product.plan.review is not None
        assert {*product.notices} == {"en", "fil"}
        for reason, texts in combine(product.plan.review.reasons, product.notices.values()):
            sentences = reason.sentences
            for person in (replace(PERSON_DECLINES, sentences=sentences), PERSON_APPROVES):
                made = letter(about(REFERRED, person=person), texts)
                assert made is not None
                told = text(made)
                assert "{" not in told
                declines = person.outcome is Outcome.DECLINE
                assert (sentences[texts.language] in " ".join(told.split())) is declines


def test_a_language_without_words_is_refused() -> None:
    """Headings and months are of the service: a file in another language says which there are."""
    assert found(GOOD, "ceb") == [("N101", 1)]


@pytest.mark.parametrize(("file", "old", "code", "told"), cases("notices/texts")["warnings"])
def test_what_a_letter_could_not_say_is_a_warning(
    tmp_path: Path, file: str, old: str, code: str, told: str
) -> None:
    """The author is told once, decisions go on, and a letter says it otherwise or not at all."""
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", rules)
    path = rules / "personal-loan-ph" / file
    path.write_text(_without(path.read_text(), old))
    loading = load_rules(read_rules(rules), NOW)
    assert loading.errors == ()
    [problem] = [one for one in loading.diagnostics if one.code.startswith("N")]
    assert (problem.code, told in problem.message) == (code, True)


@pytest.mark.parametrize(("file", "old", "new", "code", "told"), cases("notices/texts")["unpriced"])
def test_letters_that_cannot_tell_the_price_are_refused(
    tmp_path: Path, file: str, old: str, new: str, code: str, told: str
) -> None:
    """A product that does not name each amount that the law has it disclose is not loaded."""
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", rules)
    path = rules / "personal-loan-ph" / file
    path.write_text(re.sub(old, new, path.read_text()))
    [found] = load_rules(read_rules(rules), NOW).errors
    assert (found.code, told in found.message) == (code, True), found
    assert found.file.endswith(file)


def _without(text: str, start: str) -> str:
    """A text without the line that begins so, and without the lines folded below it."""
    before, found, after = text.partition(start)
    assert found
    _, _, rest = after.partition("\n")
    while start.endswith(">-") and rest.startswith("  "):
        _, _, rest = rest.partition("\n")
    return before + rest
