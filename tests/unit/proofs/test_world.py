"""Counterexamples are people who could exist: laws, and what is missing together."""

from __future__ import annotations

from decision_service.domain.values import Cause
from decision_service.factors.laws import TOGETHER
from decision_service.factors.registry import catalogue
from decision_service.rules.language.values import Unknown, unknown
from decision_service.workbench.proofs.comparison import Claim, compared
from decision_service.workbench.proofs.people import FactorModel, PersonValues
from decision_service.workbench.proofs.questions import vacuous
from decision_service.workbench.proofs.report import factor_model
from decision_service.workbench.proofs.search import Counterexample, Proved
from tests.unit.proofs.versions import TODAY, claimed, kept, loosely, proved, small
from tests.unit.rules.kit import rules, stages

GAPS, MONTHS = "income.gap_months_12m", "income.months_12m"
LAW = "when: income.months_12m > income.months_24m, then: REFER, reason: GAPS"
HALF = f"when: missing({GAPS}), then: REFER, reason: GAPS"
BOTH = f"when: missing({GAPS}) and missing({MONTHS}), then: REFER, reason: GAPS"


def version(rule):
    """The small version with one more rule."""
    return small(6, "1.5", rules(f"id: more, {rule}", name="more", component="POLICY"))


def test_laws_between_values_are_kept():
    """Nobody has more months in a year than in two: a guarantee about such people is of nobody."""
    line = f"{{name: a, never: APPROVE, when: {MONTHS} > income.months_24m}}"
    gate = rules(f"id: more, {LAW}", "id: rest, when: income.months_24m >= 0, then: APPROVE")
    ruleset = loosely(stages(gate) + f"guarantees:\n  - {line}\n")
    asked = vacuous(ruleset, ruleset.guarantees[0], factor_model(ruleset))
    assert isinstance(proved(asked), Proved)


def test_what_is_missing_together_is_missing_for_everybody_together():
    """Months and gaps come of one list: a rule on one is a rule on both."""
    old, new = version(HALF), version(BOTH)
    assert claimed(old, new, "equivalent") == Proved(1)
    alone = compared(old, new, Claim.EQUIVALENT, FactorModel(catalogue()))
    assert isinstance(proved(alone), Counterexample)


def test_a_person_found_lacks_a_group_alike():
    """Where one value must be missing, the other one is missing for the same cause."""
    found = claimed(version(BOTH), small(6), "equivalent")
    values = [found.person.values[name] for name in (GAPS, MONTHS)]
    assert all(isinstance(value, Unknown) for value in values)
    assert len({value.tainted for value in values}) == 1


def test_values_that_are_there_together_are_made_plain_together():
    """A counterexample that needs neither has both, so that it is typical."""
    found = claimed(version(BOTH), version(BOTH.replace("REFER", "DECLINE")), "equivalent")
    assert isinstance(found, Counterexample)
    ruleset = version(BOTH)
    assert not factor_model(ruleset).parted(found.person)


def test_somebody_keeps_the_laws_with_the_better_value_as_well():
    """A month more in a year is a month more in two: the rule on the contrary hurts nobody."""
    gate = rules(f"id: more, {LAW}", "id: rest, when: income.months_24m >= 0, then: APPROVE")
    text = stages(gate) + f"guarantees:\n  - {{name: a, monotone: {{{MONTHS}: up}}}}\n"
    assert isinstance(proved(kept(loosely(text), "a")), Proved)


def test_somebody_whose_day_is_missing_is_decided_on_the_first_day():
    """With the service's own records today is missing, too."""
    gate = rules(
        "id: often, when: history.applications_1d > 3, then: REFER, reason: GAPS",
        "id: on, when: history.today > history.last_decline_date, then: REFER, reason: GAPS",
        "id: rest, when: income.months_24m >= 0, then: APPROVE",
    )
    line = "{name: a, never: REFER, when: tainted(history.applications_1d)}"
    found = proved(kept(loosely(stages(gate) + f"guarantees:\n  - {line}\n"), "a"))
    assert isinstance(found.person.values["history.today"], Unknown)
    assert found.day == TODAY


def test_one_person_is_in_the_world_or_not():
    """A broken law, or one value without the other, is told."""
    world = factor_model(version(BOTH))
    lost = unknown(MONTHS, Cause.NO_DATA)
    assert not world.parted(PersonValues({GAPS: unknown(GAPS, Cause.NO_DATA), MONTHS: lost}))
    assert world.parted(PersonValues({GAPS: unknown(GAPS, Cause.STALE), MONTHS: lost})) == {
        GAPS,
        MONTHS,
    }
    assert world.parted(PersonValues({GAPS: 2, MONTHS: lost})) == {GAPS, MONTHS}
    assert world.broken(PersonValues({GAPS: 3, MONTHS: 12})) == {GAPS, MONTHS}


def test_a_group_is_missing_for_the_same_causes():
    """Factors of a group have failures among their causes, or none of them has."""
    for group in TOGETHER:
        causes = [catalogue()[name].causes for name in group]
        assert len({frozenset(c.tainted for c in some) for some in causes}) == 1, group
