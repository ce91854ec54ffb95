"""Letters read as the person: what they name, advise and promise, of people of the stories."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from decision_service.decide.conclude import needs_of
from decision_service.domain.accounts import ACCOUNT_ERRORS, AccountRemedy, remedy_of
from decision_service.domain.decision import Verdict
from decision_service.domain.snapshot import Income, Read, Source
from decision_service.domain.values import Month
from decision_service.factors.compute import compute
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.letters import LANGUAGES, words_in
from tests.kits.cases import cases
from tests.kits.letters import (
    FOLDER,
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
from tests.stories.running import Decided

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
    where = path_of(key).relative_to(FOLDER)
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
    factors = compute(changed, needs_of(ruleset, facts.inputs), facts.as_of, story.rules.own)
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
