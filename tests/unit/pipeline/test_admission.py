"""Admitting applications: where the gate puts them, and what their inputs are bound to."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.decide.admit import Admission, admit
from decision_service.decide.application import Application
from decision_service.domain.decision import Assignment, EnrolmentReason
from decision_service.domain.errors import InputInvalid, ServiceError
from decision_service.domain.values import AsOf, Money
from decision_service.rollout.assign import Subject, choose, enters_comparison, unit_of
from decision_service.rollout.state import RolloutState, kill
from decision_service.rulebook.rulebook import Product
from decision_service.rules.inputs import bind_inputs
from tests.fakes.examples import examples
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.plans import CHALLENGED, book_under
from tests.fakes.world import NOW, PRODUCT, application
from tests.unit.rollout.plans import edited

LIVE = edited(CHALLENGED, (CHALLENGED[CHALLENGED.index("challenger:") :], ""))
SEGMENT = """deny: []
  segments: [{name: big, percent: 100, when: inputs.requested_amount > 300}]"""
PLANS = (
    LIVE,
    edited(LIVE, ("deny: []", "deny: [u-1]")),
    edited(LIVE, ("salt: personal-loan-ph", 'salt: "ñ, a longer salt than twenty-four bytes"')),
    edited(LIVE, ("unit: user_id", "unit: customer_ref")),
    edited(LIVE, ("deny: []", SEGMENT)),
    CHALLENGED,
    CHALLENGED + "caps: [{name: trial, arm: challenger, amount_per_day: 900}]\n",
)


def products(text: str) -> list[Product]:
    """The product of a plan: at each stage, killed, and with a version that decided before."""
    made = book_under(text).product(PRODUCT)
    stages = [step.name for step in made.plan.go_live.stages.steps]
    tracks = [replace(made.state.go_live, stage=stage) for stage in [None, *stages]]
    states = [replace(made.state, go_live=track) for track in tracks]
    killed = kill(made.state, None)
    assert isinstance(killed, RolloutState)
    states += [killed, replace(made.state, decided_by=(1, 2))]
    return [replace(made, state=state) for state in states]


ANY_PRODUCT = st.deferred(
    lambda: st.sampled_from([one for text in PLANS for one in products(text)])
)
applications = st.builds(
    application,
    user_id=st.sampled_from(["u-1", "staff-1"]) | st.text("uñ-1", min_size=1, max_size=60),
    customer_ref=st.sampled_from(["", "c-1", "staff-1"]),
    inputs=st.fixed_dictionaries(
        {"requested_term_months": st.sampled_from([0, 6, 12])},
        optional={
            "requested_amount": st.sampled_from([Money("PHP", 2_000_000), Money("USD", 1), 3]),
            "other_charges": st.sampled_from([Money("PHP", 1), "much"]),
            "unheard_of": st.just("x"),
        },
    ),
)
instants = st.timedeltas(timedelta(days=-40), timedelta(days=40)).map(lambda by: NOW + by)


class Heard:
    """Notes the assignments that it is told."""

    def __init__(self) -> None:
        self.assignments: list[Assignment] = []

    def __call__(self, assignment: Assignment) -> None:
        self.assignments.append(assignment)


def _run(coroutine: Coroutine[None, None, Admission]) -> Admission:
    """What a coroutine returns that waits for nobody but itself."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as end:
            admission: Admission = end.value
            return admission


def _by_hand(asked: Application, product: Product, now: datetime) -> Admission:
    """Who is admitted how, where nothing is looked up in the store."""
    amount = asked.inputs.get("requested_amount")
    subject = Subject(
        unit_of(product.plan, asked.user_id, asked.customer_ref),
        now,
        asked.inputs,
        requested_amount=amount if isinstance(amount, Money) else None,
    )
    assignment = choose(product.plan, product.state, subject)
    if assignment.version is None:
        as_of = AsOf.at(now, product.champion.zone)
        return Admission(asked, as_of, assignment, dict(asked.inputs), None, subject.unit)
    ruleset = product.versions[assignment.version]
    bound = bind_inputs(ruleset, asked.inputs, None, product.input_names)
    if bound.problems:
        raise InputInvalid("; ".join(p.description for p in bound.problems), bound.problems)
    compared = enters_comparison(product.plan, subject, assignment)
    as_of = AsOf.at(now, ruleset.zone)
    return Admission(asked, as_of, assignment, dict(bound.values), ruleset, subject.unit, compared)


def _or_error(admitted: Callable[[], Admission]) -> Admission | str:
    """An admission, or the kind and words of the error in its place."""
    try:
        return admitted()
    except ServiceError as error:
        return f"{type(error).__name__}: {error}"


@settings(deadline=None, max_examples=examples(200))
@given(applications, ANY_PRODUCT, instants)
def test_who_is_admitted_is_what_the_gate_and_the_ruleset_say(asked, product, now):
    """With a store that knows nothing: the gate's choice and the bound inputs, or the error."""
    heard = Heard()
    expected = _or_error(lambda: _by_hand(asked, product, now))
    found = _or_error(lambda: _run(admit(asked, product, InMemoryDecisionLog(), now, heard)))
    assert found == expected
    if isinstance(expected, Admission):
        assert heard.assignments == [expected.assignment]
        assert list(found.inputs) == list(expected.inputs)


def test_who_is_outside_the_go_live_is_not_enrolled() -> None:
    """The denied are turned away whatever the stage."""
    denying = products(PLANS[1])[4]
    admission = _run(admit(application(), denying, InMemoryDecisionLog(), NOW, Heard()))
    assert admission.ruleset is None
    assert admission.assignment.enrolment_reason is EnrolmentReason.DENIED


def test_a_wrong_input_is_told_after_the_assignment() -> None:
    """An error counts under the arm that would have decided."""
    heard = Heard()
    with pytest.raises(InputInvalid, match="requested_term_months"):
        _run(admit(application(inputs={}), products(LIVE)[4], InMemoryDecisionLog(), NOW, heard))
    assert [one.version for one in heard.assignments] == [1]
