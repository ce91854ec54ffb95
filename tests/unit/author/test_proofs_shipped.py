"""Shipped versions and every key of them changed: what is proved or shown, no person refutes."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from decision_service.author.proofs.comparison import Claim, unchecked
from decision_service.author.proofs.questions import all_kept
from decision_service.author.proofs.report import factor_model
from decision_service.author.proofs.search import Proved
from decision_service.domain.values import Money
from decision_service.rules.keys import RULESET
from tests.fakes.examples import examples
from tests.unit.author.proofs import (
    ALL,
    SHIPPED,
    changed,
    compiled,
    edit_of,
    header,
    judged_people,
    proved,
    questions_about,
    refuting,
    shipped,
    walk_of,
    with_one_reason,
)
from tests.unit.rules.test_params import LAWS

PEOPLE, SECONDS = 300, 2.0
EDITS, PEOPLE_OF_EDITS = 40 if ALL else 8, 1_200
KEYED = (SHIPPED[0], SHIPPED[2])  # the keys of the loan's second version are those of the first
"""`make prove` takes 40 edits, `make bench ONLY=prove` 200 and 10,000 people."""


def ways(word):
    """The keys of a version, those of one reason for all, each with another value."""
    return [*header(with_one_reason(shipped(word).files.text))]


def refuted(word, new, people=PEOPLE):
    """The claims that are proved of a change, and that a person refutes.

    Where `equivalent` is proved, every other claim says less.
    """
    asked = {question.name: question for question in questions_about(shipped(word).ruleset, new)}
    first = [asked.pop(claim) for claim in (Claim.EQUIVALENT,) if claim in asked]
    claims = [q for q in first if isinstance(proved(q, SECONDS), Proved)]
    if not claims:
        claims = [q for q in asked.values() if isinstance(proved(q, SECONDS), Proved)]
    return [*refuting(claims, word, people)] if claims else []


@pytest.mark.long
@pytest.mark.parametrize(("word", "path", "value"), [(w, *way) for w in KEYED for way in ways(w)])
def test_no_person_refutes_what_is_proved_of_a_changed_key(word, path, value):
    """Whatever key of the file changes: it is encoded, or the claim is refused by name."""
    new = compiled(changed(shipped(word).files, path, value))
    if new is None:
        pytest.skip("it does not compile")
    assert refuted(word, new) == []


def test_every_section_of_a_rule_file_is_changed():
    """A new section must be encoded, or refused by name, and so be changed here."""
    figures = {"params", "derived", "stages", "offer"}
    changed_keys = {path[0] for word in SHIPPED for path, _ in ways(word)}
    decide_nothing = {"ruleset", "version", "uses", "tags", "segments"}  # stages and values do
    assert changed_keys | figures | decide_nothing == {key.name for key in RULESET.keys}


@pytest.mark.long
@pytest.mark.parametrize("number", range(EDITS))
def test_no_person_refutes_what_is_proved_of_a_seeded_edit(number):
    """Nor of bounds, operators, outcomes, dates, tables, and what is removed or changes places."""
    word, words, new = edit_of(number)
    assert refuted(word, new, PEOPLE_OF_EDITS) == [], words


@pytest.mark.long
def test_the_search_refutes_what_was_proved_before():
    """A term that the old version refuses, and a day that begins later, are found by it."""
    word = "personal-loan-ph@1"
    files, old = shipped(word).files, shipped(word).ruleset
    for path, value, claim in (
        (("inputs", "requested_term_months", "min"), 1, Claim.TIGHTENS),
        (("time_zone",), "Asia/Jakarta", Claim.EQUIVALENT),
    ):
        new = compiled(changed(files, path, value))
        question = unchecked(old, new, claim, factor_model(old, new))
        assert [*refuting([question], word, PEOPLE)] == [claim]


SHOWN_PEOPLE = examples(20_000)


@pytest.mark.long
@pytest.mark.parametrize("word", ["personal-loan-ph@3", "gig-advance-ph@2"])
def test_no_reason_shows_an_amount_below_nothing(word):
    """Neither what is so nor what would have to be so: a debt is shown as what is owed."""
    version = shipped(word)
    world = factor_model(version.ruleset)
    question = next(iter(all_kept(version.ruleset, world, LAWS)))
    walk = walk_of(question, version.files.text, 11)
    shown, below = Counter(), []
    for _, verdict in judged_people(walk, SHOWN_PEOPLE, Random(11)):
        for reason in verdict.reasons:
            for value in (reason.actual_value, reason.required_value):
                if isinstance(value, Money):
                    shown[reason.code] += 1
                    if value.minor < 0:
                        below.append((reason.code, reason.actual, reason.required))
    assert below == []
    assert len(shown) > 2
