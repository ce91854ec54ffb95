"""What the reasons of the shipped champions show of made-up people at the figures of the rules."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from decision_service.domain.values import Money
from decision_service.workbench.proofs.questions import all_kept
from decision_service.workbench.proofs.report import factor_model
from tests.fakes.examples import examples
from tests.unit.proofs.attacks import judged_people, walk_of
from tests.unit.proofs.versions import shipped
from tests.unit.rules.test_params import LAWS

PEOPLE = examples(20_000)


@pytest.mark.long
@pytest.mark.parametrize("word", ["personal-loan-ph@3", "gig-advance-ph@2"])
def test_no_reason_shows_an_amount_below_nothing(word):
    """Neither what is so nor what would have to be so: a debt is shown as what is owed."""
    version = shipped(word)
    world = factor_model(version.ruleset)
    question = next(iter(all_kept(version.ruleset, world, LAWS)))
    walk = walk_of(question, version.files.text, 11)
    shown, below = Counter(), []
    for _, verdict in judged_people(walk, PEOPLE, Random(11)):
        for reason in verdict.reasons:
            for value in (reason.actual_value, reason.required_value):
                if isinstance(value, Money):
                    shown[reason.code] += 1
                    if value.minor < 0:
                        below.append((reason.code, reason.actual, reason.required))
    assert below == []
    assert len(shown) > 2
