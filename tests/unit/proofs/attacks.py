"""What is proved, attacked: made-up people, each judged once for all claims about one version."""

from __future__ import annotations

from collections import Counter
from random import Random

from decision_service.domain.decision import Outcome
from decision_service.rules.language.values import Unknown
from decision_service.workbench.proofs.people import PersonValues
from decision_service.workbench.proofs.questions import verdict_on
from tests.unit.proofs.people import Walk
from tests.unit.proofs.versions import TODAY

_RANK = {Outcome.DECLINE: 0, Outcome.REFER: 1, Outcome.APPROVE: 2}
_WALK = 30
"""The people of one walk, which goes on from a worse outcome now and then."""
_GO_ON = 0.03
_DRAWS = 4


def attack(questions, texts, count, seed):
    """The cases that each question of one version was put to, and who broke which: none should.

    So many people are drawn, at the figures of the texts. Of a guarantee of two verdicts somebody
    is no case whose value cannot be a better one.
    """
    rng, cases, broken = Random(seed), Counter(), []
    rulesets = list({id(r): r for q in questions for r in q.rulesets}.values())
    walk = Walk(rulesets, questions[0].world, texts, rng)
    for person, first in _judged(walk, rulesets[0], count, rng):
        for number, question in enumerate(questions):
            changed = _changed(question, walk, person)
            if changed is None:
                continue
            cases[number] += 1
            if changed and question.guarantee.monotone and first.outcome is Outcome.DECLINE:
                continue  # nothing is worse than that
            if question.judged(person, changed, TODAY, first) is not None:
                broken.append((question, person, changed))
    return cases, broken


def _judged(walk, ruleset, count, rng):
    """Persons with the verdict of the rules, among them many who are not declined."""
    last = 0
    for number in range(count):
        if number % _WALK == 0:
            walk.begin()
            last = 0
        person = walk.step()
        verdict = verdict_on(person, ruleset, TODAY)
        yield person, verdict
        if _RANK[verdict.outcome] < last and rng.random() >= _GO_ON:
            walk.back()
        else:
            last = _RANK[verdict.outcome]


def _changed(question, walk, person):
    """The values that the same person has a second time, none where once is enough.

    None where the person cannot have such values.
    """
    guarantee = getattr(question, "guarantee", None)
    if guarantee is None or not (guarantee.monotone or guarantee.hidden):
        return {}
    names = [symbol.name for symbol, _ in guarantee.monotone]
    names += [symbol.name for symbol in guarantee.hidden]
    if any(isinstance(person.values[name], Unknown) for name in names):
        return None
    changed = {symbol.name: walk.missing(symbol.name) for symbol in guarantee.hidden}
    for symbol, way in guarantee.monotone:
        drawn = [walk.value(symbol.name) for _ in range(_DRAWS)]
        better = [v for v in drawn if _is_better(person.values[symbol.name], v, way)]
        if not better:
            return None
        changed[symbol.name] = better[0]
    second = PersonValues({**person.values, **changed})
    return None if question.world.broken(second) else changed


def _is_better(one, other, way):
    return one < other if way > 0 else other < one
