"""Binding what a loan system sends to what the ruleset declares."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.domain.factor import ValueType
from decision_service.domain.values import Money
from decision_service.rules.inputs import bind_inputs, field_path
from decision_service.rules.language.values import has_type
from decision_service.rules.program import InputSpec
from tests.fakes.examples import examples
from tests.kits.cases import cases
from tests.unit.ruleset.rulesets import compiled, php, rules, stages

HEAD = """\
ruleset: test-loan
version: 1
title: A test loan
currency: PHP
time_zone: Asia/Manila
inputs:
  requested_amount: {type: money, required: true, min: 1000, max: 500000}
  requested_term_months: {type: integer, required: true, min: 1, max: 36}
  declared_monthly_debt: {type: money, min: 0}
  customer_type: {type: text, one_of: [new, existing]}
  share: {type: number, max: 0.5}
  note: {type: text}
  insured: {type: flag}
  since: {type: date}
reasons: {}
"""
INSTANT = datetime(2026, 1, 1, tzinfo=UTC)
TODAY = date(2026, 11, 15)
ASKED = {"requested_amount": php(20000), "requested_term_months": Decimal(6)}


@pytest.fixture(scope="module")
def ruleset():
    """A ruleset with an input of every type."""
    when = "id: fine, when: income.months_12m >= 6, then: APPROVE"
    return compiled(stages(rules(when), head=HEAD))


def _problems(ruleset, **sent):
    bound = bind_inputs(ruleset, {**ASKED, **sent}, TODAY)
    return {p.field: p.description for p in bound.problems}


def test_declared_inputs_are_bound_by_type(ruleset):
    """Every declared type binds; whole Decimals become integers."""
    sent = {
        **ASKED,
        "share": Decimal("0.25"),
        "note": "hello",
        "insured": False,
        "since": date(2026, 1, 2),
        "customer_type": "new",
        "declared_monthly_debt": php(0),
    }
    bound = bind_inputs(ruleset, sent, TODAY)
    assert bound.problems == ()
    assert bound.values == {**sent, "requested_term_months": 6}
    assert type(bound.values["requested_term_months"]) is int


@pytest.mark.parametrize(
    ("name", "sent", "message"),
    [
        ("requested_term_months", Decimal(0), "is 0; needs 1 to 36"),
        ("requested_term_months", Decimal("6.5"), "has the wrong type; needs 1 to 36"),
        ("requested_amount", php("999.99"), "is ₱ 999.99; needs ₱ 1,000 to ₱ 500,000"),
        ("requested_amount", Money("USD", 2000000), "is in USD; needs ₱ 1,000 to ₱ 500,000"),
        ("declared_monthly_debt", php(-1), "is -₱ 1; needs money in PHP of at least ₱ 0"),
        ("share", Decimal("0.51"), "is 0.51; needs a number of at most 0.5"),
        ("share", "half", "has the wrong type; needs a number of at most 0.5"),
        ("customer_type", "nwe", "has another value; needs new or existing"),
        ("insured", "yes", "has the wrong type; needs a flag"),
        ("note", "x" * 201, "has 201 characters; needs text"),
        ("nickname", "x", "is no input of test-loan v1"),
        (
            "customer_typ",
            "new",
            "is no input of test-loan v1; did you mean inputs.customer_type",
        ),
    ],
)
def test_a_wrong_input_is_told_in_one_sentence(ruleset, name, sent, message):
    """A wrong input is named by its path, with what was seen and what the version needs."""
    told = f"{field_path(name)} {message.replace('; needs', '; test-loan v1 needs')}"
    assert list(_problems(ruleset, **{name: sent}).values()) == [told]


@pytest.mark.parametrize(
    "sent", [True, 6, Decimal("NaN"), Decimal("Infinity"), Decimal("1e400000")]
)
def test_numbers_that_are_none_are_refused(ruleset, sent):
    """Flags, NaN, infinities and monstrous numbers are no numbers, and cost no time."""
    assert bool(_problems(ruleset, share=sent)) is True


@pytest.mark.parametrize("sent", [True, Decimal("1e400000"), Decimal("1" * 40), "6", INSTANT])
def test_integers_are_whole_and_small(ruleset, sent):
    """An integer is a whole number of at most 34 digits within its bounds."""
    assert set(_problems(ruleset, requested_term_months=sent)) == {"requested_term_months"}


def test_an_instant_is_no_date(ruleset):
    """A date is a civil date, not an instant."""
    assert set(_problems(ruleset, since=INSTANT)) == {"inputs.since"}


TERM = "min: 1, max: 36}"
LEGAL_TERM = "min: 2, max: 36, because: one month costs too much}"
TYPES = "  customer_type: {type: text, one_of: [new, existing]}\n"
LEGAL_TYPES = TYPES.replace("]}", "], because: others ask there}")


@pytest.mark.parametrize(("name", "sent", "message"), cases("ruleset/inputs"))
def test_bounds_are_explained_to_whoever_is_beyond_them(name, sent, message):
    """An input's `because` follows a value out of bounds, not one of another type."""
    assert TERM in HEAD
    assert TYPES in HEAD
    head = HEAD.replace(TERM, LEGAL_TERM).replace(TYPES, LEGAL_TYPES)
    when = "id: fine, when: income.months_12m >= 6, then: APPROVE"
    bound = bind_inputs(compiled(stages(rules(when), head=head)), {**ASKED, name: sent}, TODAY)
    told = f"{field_path(name)} {message.replace('; needs', '; test-loan v1 needs')}"
    assert [p.description for p in bound.problems] == [told]


def test_required_inputs_that_are_missing_are_all_told(ruleset):
    """Every required input that was not sent is a problem of its own."""
    bound = bind_inputs(ruleset, {}, TODAY)
    assert [p.description for p in bound.problems] == [
        "requested_amount is missing; test-loan v1 needs ₱ 1,000 to ₱ 500,000",
        "requested_term_months is missing; test-loan v1 needs 1 to 36",
    ]


def test_names_of_other_versions_are_dropped_silently(ruleset):
    """A name that another version declares is neither a problem nor a value."""
    bound = bind_inputs(ruleset, {**ASKED, "colour": "red"}, TODAY, frozenset({"colour"}))
    assert bound.problems == ()
    assert set(bound.values) == set(ASKED)


def test_the_request_fields_may_be_undeclared():
    """Amount and term come with every request; a ruleset that declares neither ignores them."""
    head = HEAD[: HEAD.index("inputs:")] + "inputs: {}\nreasons: {}\n"
    when = "id: fine, when: income.months_12m >= 6, then: APPROVE"
    bound = bind_inputs(compiled(stages(rules(when), head=head)), ASKED, TODAY)
    assert (bound.values, bound.problems) == ({}, ())


NAMES = ["requested_amount", "requested_term_months", "declared_monthly_debt", "customer_type"]
NAMES += ["share", "note", "insured", "since", "whole", "colour", "nonsense"]
anything = st.one_of(
    st.booleans(),
    st.integers(-2, 40) | st.sampled_from([10**12, 10**12 + 1, 10**34, -(10**34), 10**40]),
    st.decimals(-2, 40, places=2, allow_nan=True) | st.just(Decimal("NaN")),
    st.builds(Money, st.sampled_from(["PHP", "PHP", "PHP", "USD"]), st.integers(-100, 60_000_000)),
    st.sampled_from([10**14, 10**14 + 1, -(10**14), 10**40]).map(lambda m: Money("PHP", m)),
    st.sampled_from(["new", "existing", "x", "x" * 200, "x" * 201, ValueType.MONEY]),
    st.dates(),
    st.datetimes(),
)
fitting = st.fixed_dictionaries(
    {
        "requested_amount": st.builds(
            Money, st.sampled_from(["PHP", "PHP", "USD"]), st.integers(90_000, 51_000_000)
        ),
        "requested_term_months": st.integers(0, 37) | st.just(Decimal(6)),
    },
    optional={
        "declared_monthly_debt": st.builds(Money, st.just("PHP"), st.integers(-1, 1)),
        "customer_type": st.sampled_from(["new", "existing", "other"]),
        "note": st.sampled_from(["", "x" * 200, "x" * 201]),
        "insured": st.booleans(),
        "since": st.dates(),
        "whole": st.integers(-3, 9),
        "huge": st.sampled_from([10**12 + 1, 10**34 - 1, 10**34, 10**34 + 1, 10**36 + 1]),
        "colour": st.just("red"),
        "nonsense": st.just(1),
    },
)
BOUNDED = HEAD.replace("inputs:\n", "inputs:\n  whole: {type: integer, min: -1.5, max: 6.5}\n")


@pytest.fixture(scope="module")
def bounded():
    """The same with integers between bounds that are none, and up to one with too many digits."""
    when = "id: fine, when: income.months_12m >= 6, then: APPROVE"
    made = compiled(stages(rules(when), head=BOUNDED))
    huge = InputSpec("huge", ValueType.INTEGER, upper=Decimal(10**38))
    return replace(made, inputs={**made.inputs, "huge": huge})


@settings(deadline=None, max_examples=examples(600))
@given(fitting, st.dictionaries(st.sampled_from(NAMES), anything, max_size=2))
def test_every_input_is_bound_as_declared_or_told(bounded, sent, odd):
    """What is sent binds in the order of the declarations, by their types, or is a problem."""
    sent = {**sent, **odd}
    bound = bind_inputs(bounded, sent, TODAY, frozenset({"colour"}))
    declared = [name for name in bounded.inputs if name in sent]
    refused = {problem.field.removeprefix("inputs.") for problem in bound.problems}
    assert list(bound.values) == [name for name in declared if name not in refused]
    assert refused - {*declared} == sent.keys() & {"nonsense"}
    for name, value in bound.values.items():
        assert has_type(value, bounded.inputs[name].type)
        assert value == sent[name]


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("whole", [-1, 0, 6], [-2, 7]),
        ("huge", [10**12 + 1, 10**34 - 1], [10**34, 10**34 + 1, 10**36 + 1]),
        ("requested_amount", [php(1000), php(500000)], [php("999.99"), php("500000.01")]),
    ],
)
def test_bounds_belong_to_what_they_bound(bounded, name, right, wrong):
    """Values at the bounds bind, also where those have decimals; one beyond them does not."""
    for value in right:
        assert bind_inputs(bounded, {**ASKED, name: value}, TODAY).values[name] == value
    for value in wrong:
        told = bind_inputs(bounded, {**ASKED, name: value}, TODAY).problems
        assert [problem.field for problem in told] == [field_path(name)]


def test_an_application_without_fault_is_bound_as_it_was_sent(ruleset):
    """Amounts, whole terms, texts, flags and dates within their bounds are not converted."""
    sent = {
        "requested_amount": php(500000),
        "requested_term_months": 36,
        "declared_monthly_debt": php(0),
        "customer_type": "new",
        "note": "x" * 200,
        "insured": True,
        "since": date(2026, 1, 2),
    }
    bound = bind_inputs(ruleset, sent, TODAY)
    assert (bound.values, bound.problems) == (sent, ())
    for name in ("requested_amount", "requested_term_months"):
        told = bind_inputs(ruleset, {**sent, name: None}, TODAY).problems
        assert [problem.field for problem in told] == [name]
