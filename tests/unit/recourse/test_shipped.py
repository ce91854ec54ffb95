"""Recourse by the shipped rules: every answer is confirmed, and the cases of a file."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

from decision_service.casework.recourse import RecourseKind, Recourses
from decision_service.casework.recourse_later import later_days
from decision_service.domain.decision import Outcome
from decision_service.domain.factor import FactorValue
from decision_service.rules.evaluate import evaluate
from tests.unit.recourse.shipped import VERSIONS, cases, people, product

CASES = yaml.safe_load(Path("tests/cases/recourse/shipped.yaml").read_text(encoding="utf-8"))
PEOPLE = 60


def confirmed(ruleset, facts, recourse):
    """Whether the rules approve as recourse says: with its changes, on its day."""
    outcome = evaluate(ruleset, facts).outcome
    worlds = [facts]
    if recourse.day is not None:
        [worlds] = [
            day.worlds
            for day in later_days(ruleset, facts, outcome)
            if day.wait.end == recourse.day
        ]
    changed = {c.factor: FactorValue(c.factor, c.needed) for c in recourse.changes}
    changed |= followed(ruleset, worlds[0], changed)
    verdicts = [evaluate(ruleset, replace(w, factors={**w.factors, **changed})) for w in worlds]
    return all(verdict.outcome is Outcome.APPROVE for verdict in verdicts)


def followed(ruleset, facts, changed):
    """The debt ratio of the loan, worked out by hand where one of its parts has changed."""
    ratio = "liabilities.scheme_debt_to_income"
    parts = ("liabilities.monthly_amortization", "income.conservative_6m")
    if ratio not in ruleset.needs.factors or not changed.keys() & set(parts):
        return {}
    debt, income = ({**facts.factors, **changed}[name].value for name in parts)
    if facts.factors[ratio].value is None or not debt or not income.minor:
        return {}
    return {ratio: FactorValue(ratio, debt.major / income.major)}


@pytest.mark.long
@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_every_answer_is_confirmed_by_the_rules(version):
    """Whoever has the values that are told, on the day that is told, is approved."""
    ruleset = product(*version)
    find, told = Recourses(ruleset), 0
    for facts in people(*version, PEOPLE):
        recourse = find.of(facts)
        if recourse is not None and recourse.answer is not RecourseKind.NOTHING:
            assert confirmed(ruleset, facts, recourse), recourse
            told += 1
    assert told > PEOPLE // 20


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_what_a_product_does_not_tell_is_marked(version):
    """An answer may be told exactly where each factor and the wait stand under `tell`."""
    ruleset = product(*version)
    find = Recourses(ruleset)
    for facts in islice(people(*version, PEOPLE), 0, None, 6):
        recourse = find.of(facts)
        if recourse is None:
            continue
        named = {change.factor for change in recourse.changes}
        named |= {"waiting"} if recourse.day is not None else set()
        assert recourse.told is bool(named and named <= ruleset.tell)


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["who"])
def test_somebody_of_the_rule_tests_is_answered_as_written(case):
    """The answer for a person of a product's own cases."""
    version = (case["product"], case["version"])
    found = Recourses(product(*version)).of(cases(*version)[case["who"]])
    assert str(found.answer) == case["answer"]
    assert {c.factor: written(c.needed) for c in found.changes} == case.get("changes", {})
    assert (found.day and found.day.isoformat()) == case.get("day")


@pytest.mark.parametrize(
    "who",
    [
        "at the edges: liabilities.overdue_total 1845.80",
        "just under eight thousand is not enough: income.median_6m 7999.99",
    ],
)
def test_a_second_decline_on_one_day_needs_what_the_first_needs(who):
    """The first one's answer counts its own decline, as the second one's finds it on record."""
    ruleset, facts = product("personal-loan-ph", 2), cases("personal-loan-ph", 2)[who]
    last = {"history.last_decline_date": facts.as_of.date, "history.days_since_last_decline": 0}
    on_record = {
        name: last[name] if name in last else found.value + 1
        for name, found in facts.factors.items()
        if name in last or name.startswith(("history.applications", "history.declines"))
    }
    values = {name: FactorValue(name, value) for name, value in on_record.items()}
    again = replace(facts, factors={**facts.factors, **values})
    first, second = (Recourses(ruleset).of(one) for one in (facts, again))
    assert first == second
    assert first.day.isoformat() == "2026-11-22"


def written(value):
    return f"{value.major:f}" if hasattr(value, "major") else str(value)
