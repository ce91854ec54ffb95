"""A better value never worsens a decision, under any rules that ship."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from msgspec.structs import replace

from decision_service.domain.decision import Outcome
from decision_service.factors.registry import catalogue
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.program import CompiledRuleset
from decision_service.rules.tests_file import case_target, parse_cases
from tests.fakes import shipped
from tests.fakes.examples import examples
from tests.unit.ruleset.directions import changed, figures, ladder, movable
from tests.unit.ruleset.rulesets import compiled, facts, rules, stages

PRODUCTS = {product.product: product for product in shipped.FOLDER.products}


class Subject(NamedTuple):
    """A ruleset, its text, and the facts that its changes start from."""

    ruleset: CompiledRuleset
    text: str
    cases: Sequence[Facts]


@cache
def _shipped(path):
    """A version that ships with its cases, those aside that name no factors."""
    files, ruleset = shipped.FILES[path], shipped.ruleset(path)
    read = [
        parse_cases(f.path, f.text, ruleset, catalogue())
        for f in PRODUCTS[files.product].tests
        if case_target(f.path, f.text).version == ruleset.version
    ]
    cases = [case for file in read for case in file.cases if not case.snapshot]
    facts = [Facts(case.given.factors, case.given.inputs, case.as_of) for case in cases]
    return Subject(ruleset, files.text, facts)


WORSE = {Outcome.APPROVE: 1, Outcome.REFER: 2, Outcome.DECLINE: 3}
LAWS = settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@st.composite
def ladders(draw, subject):
    """A factor, and an application's facts with it at each of many values, the worst first."""
    specs, currency = catalogue(), subject.ruleset.currency
    start = draw(st.sampled_from(subject.cases))
    facts_ = draw(changed(start.factors, specs, subject.text, currency))
    names = [n for n in movable(subject.ruleset, specs) if facts_[n].value is not None]
    if not names:
        return "", [start]
    name = draw(st.sampled_from(names))
    steps = ladder(facts_, name, specs, figures(subject.text), currency)
    return name, [replace(start, factors=factors) for factors in steps]


MEANT = {
    "income.conservative_6m": "INCOME_FELL",
    "accounts.connected_count": "SHORT_INCOME_HISTORY",
}
"""What a better value may lead to, as the guarantees' `when` says too: a higher usual month makes a
cut of the same latest one, and with a second account nothing is left to connect."""


def falls(ruleset, name, steps):
    """Where better facts have a worse outcome: the factor's two values and both outcomes."""
    found = [(evaluate(ruleset, facts), facts) for facts in steps]
    return [
        f"{name} {one.factors[name].value} to {two.factors[name].value}: {after.outcome}"
        for (before, one), (after, two) in pairwise(found)
        if WORSE[after.outcome] > WORSE[before.outcome] and after.reasons[0].code != MEANT.get(name)
    ]


@pytest.mark.parametrize("path", shipped.FILES)
@LAWS
@given(data=st.data())
def test_a_better_value_never_worsens_the_outcome(path, data):
    """Complete or with gaps: what helps an applicant never turns REFER into DECLINE or the like."""
    subject = _shipped(path)
    assert falls(subject.ruleset, *data.draw(ladders(subject))) == []


LONG = "id: long, when: income.months_24m > 20, then: DECLINE, reason: SHORT"
FINE = "id: fine, when: income.months_12m >= 1, then: APPROVE"


@pytest.mark.parametrize(("stage", "breaks"), [(rules(FINE, LONG), True), (rules(FINE), False)])
def test_the_law_notices_rules_that_break_it(stage, breaks):
    """Rules that decline a long history are found out by it."""
    text = stages(stage)
    start = facts({"income.months_24m": 18, "income.months_12m": 12})
    subject = Subject(compiled(text), text, [start])
    tried = ladders(subject)
    try:
        find(tried, lambda drawn: falls(subject.ruleset, *drawn), settings=LAWS)
    except NoSuchExample:
        assert not breaks
    else:
        assert breaks
