"""Every guarantee of the shipped products proved, and attacked: `make prove-short`.

A minute of two cores, so that `make test` leaves it out.
"""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace

from decision_service.author.proofs.questions import all_kept
from decision_service.author.proofs.report import factor_model, guarantee_problems
from tests.fakes.examples import examples
from tests.unit.author.proofs import TODAY, attack, shipped
from tests.unit.rules.test_params import LAWS

pytestmark = pytest.mark.long
WORDS = (
    "personal-loan-ph@1", "personal-loan-ph@2", "personal-loan-ph@3", "gig-advance-ph@1",
    "gig-advance-ph@2",
)  # fmt: skip
GUARANTEES = [(word, one.name) for word in WORDS for one in shipped(word).ruleset.guarantees]
ATTACKS = examples(2_000)
SECONDS = 100.0
"""Of one core, so that a busy machine leaves nothing undecided; far more than any of them needs."""


@pytest.mark.parametrize("word", WORDS)
def test_random_people_break_no_guarantee(word):
    """Of made-up people, each with better values and with less data, none breaks one."""
    ruleset = shipped(word).ruleset
    world = factor_model(ruleset)
    questions = [*all_kept(ruleset, world, LAWS)]
    cases, broken = attack(questions, shipped(word).files.text, ATTACKS, 7)
    assert broken == []
    assert all(cases[number] for number in range(len(questions)))


@pytest.mark.parametrize(("word", "name"), GUARANTEES)
def test_a_shipped_guarantee_is_proved(word, name):
    """It holds of everybody, and is about somebody."""
    ruleset = shipped(word).ruleset
    alone = replace(ruleset, guarantees=tuple(g for g in ruleset.guarantees if g.name == name))
    found = guarantee_problems([alone], TODAY, time.process_time, SECONDS, laws=LAWS)
    assert [*found] == []
