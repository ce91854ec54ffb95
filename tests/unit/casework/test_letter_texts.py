"""A product's texts for letters, and the letters of the stories read as the person."""

from __future__ import annotations

import re
import shutil
from functools import partial
from itertools import product as combine
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from decision_service.casework.compose import letter, text
from decision_service.domain.accounts import ACCOUNT_ERRORS, AccountRemedy, remedy_of
from decision_service.domain.decision import Outcome, Verdict
from decision_service.domain.snapshot import Income, Read, Source
from decision_service.domain.values import Month
from decision_service.factors.compute import compute, needs_with
from decision_service.rulebook.folder import read_rules
from decision_service.rulebook.load import load_rules
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.letters import LANGUAGES, read_notices, words_in
from tests.fakes.world import NOW
from tests.kits.cases import cases
from tests.kits.letters import FOLDER as READ_LETTERS
from tests.kits.letters import (
    RENEW,
    decided_once,
    declared,
    kept,
    letter_text,
    path_of,
    printed,
    stories,
    subject,
)
from tests.stories.reading import story_named, story_text
from tests.unit.casework.test_letters import PERSON_APPROVES, PERSON_DECLINES, REFERRED, about
from tests.unit.rules.kit import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stories.running import Decided

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


KEPT = kept()

SAYS = cases("letters/people")


def one_line(made: str) -> str:
    return " ".join(made.split())


def test_each_reason_code_has_its_letter() -> None:
    """Every code of the newest versions has a file, from a story."""
    missing = sorted(f"{product}: {code}" for product, code in declared() - KEPT.keys())
    assert not missing, f"no letter of {', '.join(missing)}: give each a story, then call `{RENEW}`"


@pytest.mark.parametrize("key", KEPT, ids="/".join)
def test_a_letter_is_as_it_was_read(key: tuple[str, str]) -> None:
    """A letter that changes is read again: `make letters` prints it anew."""
    now = printed(key, KEPT[key])
    where = path_of(key).relative_to(READ_LETTERS)
    assert path_of(key).read_text("utf-8") == now, f"{where} differs: call `{RENEW}`, and read it"


@pytest.mark.parametrize("name", sorted(set(KEPT.values())))
def test_a_letter_names_no_account_by_its_id(name: str) -> None:
    """Nor any other source or record, in either language."""
    assert _ids_in(name) == []


@pytest.mark.long
def test_no_letter_of_any_story_names_an_account_by_its_id() -> None:
    """Also of those stories that no reason code is printed from."""
    assert [name for name in stories() if _ids_in(name)] == []


def _ids_in(name: str) -> list[str]:
    snapshot = decided_once(name).snapshot
    if snapshot is None:
        return []
    ids = [one.id for one in (*snapshot.accounts, *snapshot.sources)]
    made = [letter_text(name, language) for language in LANGUAGES]
    return [one for one in ids if any(one in text for text in made)]


@pytest.mark.parametrize("case", SAYS, ids=lambda case: case["name"])
def test_a_letter_says_to_a_person_what_it_should(case: dict[str, Any]) -> None:
    """Each case of the file, of the letter of a story."""
    more = {"look_minutes": 0} if case.get("alone") else {}
    made = one_line(letter_text(case["story"], case.get("language", "en"), **more))
    assert [words for words in case.get("says", ()) if words not in made] == [], made
    assert [words for words in case.get("never", ()) if words in made] == [], made


@pytest.mark.parametrize("code", [*ACCOUNT_ERRORS, "PROVIDER_MAINTENANCE", "SITE_UNAVAILABLE", "X"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_advice_is_by_the_error_of_the_account(code: str, language: str) -> None:
    """Time, a new login, its own site or another account: one of them, as the code says."""
    about = subject("loan-sss-asks-for-a-new-login")
    assert about is not None
    lacks = tuple(replace(one, error=code) for one in about.lacks)
    made = one_line(letter_text("loan-sss-asks-for-a-new-login", language, lacks=lacks))
    words = words_in(language)
    beginning = partial(_beginning, of="SSS", again="")
    said = [one for one in AccountRemedy if beginning(words.accounts[one]) in made]
    assert said == [remedy_of(code)]


def _beginning(sentence: str, **filled: str) -> str:
    return sentence.format(**filled).rstrip(" .")


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("SERVICE_UNAVAILABLE", AccountRemedy.WAIT),
        ("PROVIDER_MAINTENANCE", AccountRemedy.WAIT),
        ("AUTH_REQUIRED", AccountRemedy.LOGIN),
        ("INVALID_AUTH", AccountRemedy.LOGIN),
        ("AUTH_NEW_WITH_THE_VENDOR", AccountRemedy.LOGIN),
        ("ACCOUNT_LOCKED", AccountRemedy.SITE),
        ("UNSUPPORTED_MFA_METHOD", AccountRemedy.OTHER),
    ],
)
def test_an_error_has_the_remedy_that_a_person_can_do(code: str, remedy: AccountRemedy) -> None:
    """Nothing to do where a site is away, a new login where it asks for one."""
    assert remedy_of(code) is remedy


INCOMPLETE = [name for name in stories() if "refer_kind: DATA" in story_text(name)]


@pytest.mark.parametrize("name", INCOMPLETE)
def test_a_document_is_asked_for_only_where_it_changes_the_answer(name: str) -> None:
    """Payslips of a year added to what was read: the rules then answer otherwise."""
    clause = words_in("en").or_document
    decided = decided_once(name)
    if clause not in one_line(letter_text(name, "en")):
        return
    assert decided.verdict is not None
    after = _with_payslips(name, decided)
    assert {one.code for one in after.reasons} != {one.code for one in decided.verdict.reasons}
    assert after.refer_kind is not decided.verdict.refer_kind


def _with_payslips(name: str, decided: Decided) -> Verdict:
    """The answer of the rules where a year of payslips was handed in, too."""
    story, snapshot, facts = story_named(name), decided.snapshot, decided.facts
    assert snapshot is not None
    assert facts is not None
    paper = Source("u-new", "UPLOAD", "sprout_ph", facts.as_of.instant)
    held = (snapshot.incomes or Read()).records
    changed = replace(
        snapshot, sources=(*snapshot.sources, paper), incomes=Read((*held, *PAYSLIPS))
    )
    ruleset = story.rules.ruleset
    factors = compute(
        changed, needs_with(ruleset.needs, facts.inputs), facts.as_of, story.rules.own
    )
    return evaluate(ruleset, Facts(factors.values, facts.inputs, facts.as_of))


def _payslip(month: Month) -> Income:
    return Income(
        id=f"inc-{month}",
        source="u-new",
        employer="Acme Trading Inc",
        start=month.first_day,
        end=month.last_day,
        frequency="Monthly",
        currency="PHP",
        base=None,
        gross=None,
        net=2_750_000,
    )


PAYSLIPS = [_payslip(Month.parse("2026-10").plus(-back)) for back in range(12)]


def test_some_letter_asks_for_a_document_and_some_does_not() -> None:
    """The law above is no empty one."""
    clause = words_in("en").or_document
    asking = [name for name in INCOMPLETE if clause in one_line(letter_text(name, "en"))]
    assert "loan-sss-knows-no-income" in asking
    assert "advance-wallet-handed-in" not in asking
