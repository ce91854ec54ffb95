"""The laws that the catalogue declares hold of every made-up applicant."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.casework.recourse_changes import formula
from decision_service.decide.history import HistoryOf, Past, PastDecision, history_of
from decision_service.domain.decision import Outcome
from decision_service.domain.factor import Better, Mover, ValueType
from decision_service.domain.needs import DataPolicy, Needs
from decision_service.domain.person import OwnFacts
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.values import AsOf
from decision_service.factors.compute import compute
from decision_service.factors.laws import DEFINITIONS, LAWS, TOGETHER
from decision_service.factors.registry import catalogue
from tests.fakes.examples import examples
from tests.oracles.applicants import applicant
from tests.unit.factors.golden import cases

ALL = tuple(catalogue())
OWN = tuple(name for name in ALL if name.startswith("history."))
AS_OF = AsOf.at(datetime(2026, 11, 26, 4, tzinfo=UTC), UTC)
TRUTH = {law.name: formula(law.expression, ValueType.FLAG, "PHP") for law in LAWS}
MADE = {one.factor: formula(one.expression, ValueType.NUMBER, "PHP") for one in DEFINITIONS}
PAST = st.tuples(
    st.integers(0, 120),
    st.sampled_from([Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE]),
    st.sampled_from(["personal-loan-ph", "gig-advance-ph"]),
)


def values(seed):
    """All factors of a made-up applicant, in pesos."""
    case = applicant(seed)
    return compute(case.snapshot, Needs(ALL, case.policy, case.term_months), case.as_of).values


def broken(found):
    """The laws that some values contradict."""
    return [name for name, law in TRUTH.items() if law.of(found) is False]


def split(found):
    """The groups of factors missing together of which only some are missing."""
    return [group for group in TOGETHER if len({lacks(found[name]) for name in group}) > 1]


def lacks(factor):
    """Whether a value is missing, and whether tainted."""
    return factor.value is None, any(one.cause.tainted for one in factor.missing)


@settings(max_examples=examples(120), deadline=None)
@given(st.integers(0, 1 << 32))
def test_the_laws_hold_of_every_applicant(seed):
    """No applicant breaks a law, lacks a group in part, or has another value than is defined."""
    found = values(seed)
    assert broken(found) == []
    assert split(found) == []
    for name, made in MADE.items():
        if found[name].value is not None:
            assert made.of(found) == found[name].value


@pytest.mark.long
def test_the_laws_hold_of_every_case_worked_out_by_hand():
    """No hand-written applicant breaks a law or lacks a group in part."""
    for case in cases():
        if case.needs.policy.currency == "PHP":
            needs = Needs(ALL, case.needs.policy, case.needs.term_months)
            found = compute(case.snapshot, needs, case.as_of).values
            assert broken(found) == [], case.name
            assert split(found) == [], case.name


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(PAST, max_size=6))
def test_the_laws_of_own_records_hold_of_every_past(past):
    """Whatever was decided before, the counts of longer windows hold those of shorter ones."""
    decided = tuple(decision(number, *row) for number, row in enumerate(past))
    about = HistoryOf("personal-loan-ph", "PHP", AS_OF)
    own = OwnFacts(history=history_of(about, [Past(len(decided), decided)]))
    needs = Needs(OWN, DataPolicy("PHP"), None)
    found = compute(Snapshot("user-1", accounts=()), needs, AS_OF, own).values
    assert broken(found) == []
    assert split_of_own(found) == []


def split_of_own(found):
    """The groups of own records of which only some are missing."""
    groups = [group for group in TOGETHER if set(group) <= set(OWN)]
    return [group for group in groups if len({lacks(found[name]) for name in group}) > 1]


def decision(number, days, outcome, product):
    """A decision of so many days ago."""
    created = datetime.combine(AS_OF.date - timedelta(days=days), time(3), UTC)
    return PastDecision(
        decision_id=f"dec_{number}",
        user_id="user-1",
        caller="los",
        customer_ref="",
        product=product,
        outcome=outcome,
        created=created,
        currency="PHP",
        approved=None,
        instalment=None,
        expires=None,
        loans=None,
    )


@pytest.mark.parametrize(
    ("text", "seed"),
    [
        ("income.count_12m >= income.months_12m", 62),
        ("contributions.months_3m <= max(3 - contributions.months_since_last, 0)", 372),
        ("liabilities.overdue_count <= liabilities.outstanding_count", 143),
    ],
)
def test_what_is_no_law_is_broken_by_somebody(text, seed):
    """A pay period covers months without records; schemes differ; overdue loans may owe nothing."""
    assert formula(text, ValueType.FLAG, "PHP").of(values(seed)) is False


def test_every_law_is_stated_once_on_factors_of_one_family_or_more():
    """Names and expressions of laws are different, and each names at least two factors."""
    assert len({law.name for law in LAWS}) == len({law.expression for law in LAWS}) == len(LAWS)
    assert all(len(law.factors) > 1 or "==" in law.expression for law in LAWS)
    assert {name for law in LAWS for name in law.factors} <= set(ALL)
    assert {name for group in TOGETHER for name in group} <= set(ALL)


def test_what_an_applicant_moves_has_a_direction():
    """An applicant moves a factor the way that is better; ages and matches move by no doing."""
    moved = [spec for spec in catalogue().values() if spec.action.by is Mover.APPLICANT]
    assert moved
    assert all(spec.better is not Better.NONE for spec in moved)
    by = {name: spec.action.by for name, spec in catalogue().items()}
    assert by["liabilities.overdue_total"] is by["income.conservative_6m"] is Mover.APPLICANT
    assert by["income.months_24m"] is by["identity.age_years"] is Mover.WAITING
    for name in ("match.name", "links.connected_7d", "income.gig_share_12m"):
        assert by[name] is Mover.NOBODY


def test_a_law_on_a_name_that_is_no_factor_is_refused():
    """A mistyped factor is told with its name."""
    with pytest.raises(ValueError, match=r"unknown name `income\.months_25m`"):
        formula("income.months_25m > 0", ValueType.FLAG, "PHP")
