"""What is proved, attacked: made-up people, each judged once for all claims about one version."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from random import Random

from decision_service.domain.decision import Outcome
from decision_service.workbench.proofs.counterexamples import Walk, possible
from decision_service.workbench.proofs.people import PersonValues
from decision_service.workbench.proofs.questions import Period, verdict_on
from tests.unit.proofs.versions import TODAY

_RANK = {Outcome.DECLINE: 0, Outcome.REFER: 1, Outcome.APPROVE: 2}
_WALK = 30
"""The people of one walk, which goes on from a worse outcome now and then."""
_GO_ON = 0.03
_DRAWS = 4
_FIGURE = re.compile(r"(?<![\w.-])\d+(?:\.\d+)?")


def walk_of(question, text, seed):
    """Made-up people at the figures of a text."""
    figures = [Decimal(figure) for figure in _FIGURE.findall(text)]
    return Walk(question, Period(TODAY, None), figures, seed)


def attack(questions, text, count, seed):
    """The cases that each question of one version was put to, and who broke which: none should.

    So many people are drawn, at the figures of the text. Of a guarantee of two verdicts somebody
    is no case whose value cannot be a better one.
    """
    rng, cases, broken = Random(seed), Counter(), []
    walk = walk_of(questions[0], text, seed)
    for person, first in judged_people(walk, count, rng):
        for number, question in enumerate(questions):
            changed = _changed(question, walk, person)
            if changed is None:
                continue
            cases[number] += 1
            if changed and question.moved[0][1] and first.outcome is Outcome.DECLINE:
                continue  # nothing is worse than that
            if question.judged(person, changed, TODAY, first) is not None:
                broken.append((question, person, changed))
    return cases, broken


def judged_people(walk, count, rng):
    """Persons with the verdict of the rules, among them many who are not declined."""
    last, rank = walk.typical, 0
    for number in range(count):
        if number % _WALK == 0:
            last, rank = walk.typical, 0
        person = walk.other(last)
        if not possible(walk.question, person, {}):
            continue
        verdict = verdict_on(person, walk.question.rulesets[0], TODAY)
        yield person, verdict
        if _RANK[verdict.outcome] >= rank or rng.random() < _GO_ON:
            last, rank = person, _RANK[verdict.outcome]


def _changed(question, walk, person):
    """The values that the same person has a second time, none where once is enough.

    None where the person cannot have such values.
    """
    for _ in range(_DRAWS if question.moved else 1):
        changed = walk.changed(person, question.moved)
        if changed is None or any(person.values[name] != value for name, value in changed.items()):
            break
    else:
        return None if question.moved else {}
    second = PersonValues({**person.values, **(changed or {})})
    return None if changed and question.world.broken(second) else changed
