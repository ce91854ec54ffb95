"""Recourse: the smallest change, the day to come back, or nothing; each confirmed by the rules."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace

from decision_service.casework.recourse import RecourseKind, Recourses
from decision_service.domain.factor import FactorValue
from decision_service.domain.values import AsOf, Cause, Missing
from decision_service.factors.registry import catalogue
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.program import RulesetFiles
from tests.unit.recourse.judge import answer, approves
from tests.unit.recourse.people import TEXT, person, php, product, somebody

FIND = Recourses(product())


def changes(answer):
    """The factors that change, with their needed values."""
    return {change.factor: change.needed for change in answer.changes}


def test_the_least_of_one_factor_that_approves_is_found():
    """Of an overdue debt as much is to be paid as the rules ask, and no more."""
    found = FIND.of(person(liabilities__overdue_total=php(2_500)))
    assert found.answer is RecourseKind.CHANGE
    assert changes(found) == {"liabilities.overdue_total": php(500)}
    assert found.approved == php(5_000)
    assert found.told


def test_an_amount_is_the_least_that_does_between_steps():
    """Not the next tenth of what is owed: a centavo more owed would leave too little to lend."""
    found = FIND.of(person(history__exposure=php(24_500)))
    assert changes(found) == {"history.exposure": php(24_200)}
    assert found.approved == php(1_000)
    assert found.changes[0].steps == Decimal(300) / 2_450


def test_a_change_that_no_day_of_a_year_allows_is_no_answer():
    """A product that refers whoever was declined in 400 days promises no approval for a payment."""
    lately = "{id: lately, when: history.days_since_last_decline < 400, then: REFER, reason: OFTEN,"
    rule = f"      - {lately} when_missing: SKIP, because: it is the first}}\n"
    text = TEXT.replace("  - name: score\n", f"{rule}  - name: score\n")
    files = RulesetFiles("test-loan", "rules/test-loan/v1.yaml", text)
    ruleset = compile_ruleset(files, catalogue(), checks=()).ruleset
    facts, name = (
        person(liabilities__monthly_amortization=php(6_000)),
        "history.days_since_last_decline",
    )
    never = FactorValue(name, None, (Missing(Cause.NO_DATA),))
    facts = replace(facts, factors={**facts.factors, name: never})
    assert Recourses(ruleset).of(facts).answer is RecourseKind.NOTHING


def test_two_factors_are_changed_where_no_single_one_does_it():
    """A low income is raised with its usual month, since the careful one is never above it."""
    low = php(7_000)
    found = FIND.of(person(income__median_6m=low, income__conservative_6m=low, asks=2_000))
    assert changes(found) == {"income.median_6m": php(8_000)}
    tight = {"income__median_6m": php(2_500), "income__conservative_6m": php(2_500)}
    both = changes(FIND.of(person(asks=1_000, **tight)))
    assert both["income.median_6m"] == php(8_000)
    assert php(2_500).minor < both["income.conservative_6m"].minor < php(8_000).minor


def test_an_income_is_raised_with_what_it_never_is_above():
    """Who would have to earn more is told so, though the usual month alone is high enough."""
    earns = {"income__median_6m": php(9_000), "income__conservative_6m": php(9_000)}
    found = FIND.of(person(**earns, asks=20_000))
    raised = changes(found)
    assert raised["income.conservative_6m"] == raised["income.median_6m"]
    assert raised["income.median_6m"].minor > php(9_000).minor
    assert found.approved == php(20_000)


def test_waiting_alone_comes_before_any_change():
    """Who applies too often is told of the day on which older applications count no more."""
    found = FIND.of(person(history__applications_7d=3))
    assert (found.answer, found.day) == (RecourseKind.WAIT, date(2026, 11, 22))
    assert found.told
    assert FIND.of(person(income__months_24m=2)).day == date(2027, 2, 15), "the oldest may fall out"


def test_a_parameter_that_changes_meanwhile_counts():
    """Three months are enough in February; from March on five are asked."""
    young = person(income__months_24m=1)
    assert FIND.of(young).day == date(2027, 2, 15)
    late = AsOf.at(datetime(2027, 1, 15, 4, tzinfo=UTC), young.as_of.zone)
    assert FIND.of(replace(young, as_of=late)).day == date(2027, 6, 15)


def test_a_wait_and_a_change_may_do_it_together():
    """Months that are too few and a debt overdue: both, the debt of the product's tell alone."""
    found = FIND.of(person(income__months_24m=2, liabilities__overdue_total=php(2_500)))
    assert (found.answer, found.day) == (RecourseKind.CHANGE, date(2027, 2, 15))
    assert changes(found) == {"liabilities.overdue_total": php(500)}


def test_what_the_product_does_not_let_be_told_is_marked():
    """An income is changed in the answer and told to nobody; one such change marks the whole."""
    found = FIND.of(person(income__median_6m=php(7_500), income__conservative_6m=php(7_500)))
    assert [change.told for change in found.changes] == [False]
    assert not found.told


def test_an_approval_of_less_is_told_what_the_whole_needs():
    """The amount asked for is reached where what is granted already is repaid."""
    found = FIND.of(person(asks=25_000, history__exposure=php(9_000)))
    assert found.answer is RecourseKind.CHANGE
    assert "history.exposure" in changes(found)
    assert found.approved == php(25_000)


@pytest.mark.parametrize(
    "known", [{}, {"income__median_6m": None}], ids=["approved", "data is missing"]
)
def test_nothing_is_looked_for_where_nothing_is_wrong_but_the_data(known):
    """An approval in full has no recourse, nor has a referral for missing data."""
    facts = person(**known)
    gone = {
        n: replace(f, missing=(Missing(Cause.SOURCE_FAILED),))
        for n, f in facts.factors.items()
        if f.value is None
    }
    assert FIND.of(replace(facts, factors={**facts.factors, **gone})) is None


def test_nothing_is_said_where_nothing_helps():
    """Somebody without any income is not told to double it."""
    none = php(0)
    found = FIND.of(person(income__median_6m=none, income__conservative_6m=none, asks=1_000))
    assert found.answer is RecourseKind.NOTHING
    assert not found.told


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, 1, 4, 7, 10, 12, 14])
def test_the_answer_is_that_of_full_enumeration(seed):
    """No wait alone is shorter, no change of fewer factors approves, none of as many is nearer."""
    facts = somebody(seed)
    found = FIND.of(facts)
    if found is None:
        assert approves(product(), facts, {}, whole=True)
    else:
        told = {c.factor: FactorValue(c.factor, c.needed) for c in found.changes}
        given_ = None if found.answer is RecourseKind.NOTHING else (found.day, told)
        assert given_ == answer(product(), facts)
