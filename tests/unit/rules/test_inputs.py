"""Binding what a loan system sends, or a source outside observed, to what the ruleset declares."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.domain.decision import Outcome
from decision_service.domain.factor import Observed, ValueType
from decision_service.domain.values import Cause, Money
from decision_service.rules.evaluate import evaluate
from decision_service.rules.inputs import bind_inputs, bind_made_up, field_path, made_up, too_old
from decision_service.rules.language.values import has_type
from decision_service.rules.program import InputSpec
from tests.fakes.examples import examples
from tests.kits.cases import cases
from tests.unit.rules.kit import HEAD, codes, compiled, facts, php, problems, rules, stages

MANY_INPUTS = """\
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
    return compiled(stages(rules(when), head=MANY_INPUTS))


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
    assert TERM in MANY_INPUTS
    assert TYPES in MANY_INPUTS
    head = MANY_INPUTS.replace(TERM, LEGAL_TERM).replace(TYPES, LEGAL_TYPES)
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
    head = MANY_INPUTS[: MANY_INPUTS.index("inputs:")] + "inputs: {}\nreasons: {}\n"
    when = "id: fine, when: income.months_12m >= 6, then: APPROVE"
    bound = bind_inputs(compiled(stages(rules(when), head=head)), ASKED, TODAY)
    assert (bound.values, bound.problems) == ({}, ())


SENT = [
    "requested_amount",
    "requested_term_months",
    "declared_monthly_debt",
    "customer_type",
    "share",
    "note",
    "insured",
    "since",
    "whole",
    "colour",
    "nonsense",
]

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

BOUNDED = MANY_INPUTS.replace(
    "inputs:\n", "inputs:\n  whole: {type: integer, min: -1.5, max: 6.5}\n"
)


@pytest.fixture(scope="module")
def bounded():
    """The same with integers between bounds that are none, and up to one with too many digits."""
    when = "id: fine, when: income.months_12m >= 6, then: APPROVE"
    made = compiled(stages(rules(when), head=BOUNDED))
    huge = InputSpec("huge", ValueType.INTEGER, upper=Decimal(10**38))
    return replace(made, inputs={**made.inputs, "huge": huge})


@settings(deadline=None, max_examples=examples(600))
@given(fitting, st.dictionaries(st.sampled_from(SENT), anything, max_size=2))
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


DECLARED = """\
  bureau_score: {type: integer, min: 0, max: 999, max_age: 30d, source: CIC}
  bureau_debt: {type: money, min: 0, max_age: 30d}
  job: {type: text}
"""

DATED = HEAD.replace("reasons:", f"{DECLARED}reasons:")

TEXT = stages(
    rules(
        "id: low, when: inputs.bureau_score < 500, then: DECLINE, reason: SHORT, "
        "when_missing: SKIP, because: who is not known there is looked at elsewhere",
        "id: fine, when: income.months_12m >= 6, then: APPROVE",
    ),
    rules(
        'id: debt, when: "coalesce(inputs.bureau_debt, 0) > 9000", then: DECLINE, reason: DEBT',
        name="debts",
    ),
    head=DATED,
)

RULESET = compiled(TEXT)

STEADY = {"income.months_12m": Decimal(12)}


def _verdict(**inputs):
    return evaluate(RULESET, facts({"income.months_12m": 12}, **inputs))


def _ago(days, value, consent=""):
    return Observed(value, TODAY - timedelta(days=days), consent)


@pytest.mark.parametrize(
    ("days", "outcome", "said"),
    [
        (0, Outcome.DECLINE, ["DEBT"]),
        (30, Outcome.DECLINE, ["DEBT"]),
        (31, Outcome.REFER, ["STALE_DATA"]),
        (4000, Outcome.REFER, ["STALE_DATA"]),
    ],
)
def test_a_value_counts_until_its_last_day(days, outcome, said):
    """On the thirtieth day it counts; a day later it is missing, and `coalesce` sees no zero."""
    verdict = _verdict(bureau_debt=_ago(days, php(9001)))
    assert (verdict.outcome, codes(verdict)) == (outcome, said)


def test_what_is_too_old_is_asked_for_anew_in_its_own_words():
    """No account is spoken of; SKIP looks past a value that was not sent, not past an old one."""
    assert _verdict().outcome is Outcome.APPROVE
    verdict = _verdict(bureau_score=_ago(45, 700))
    assert verdict.outcome is Outcome.REFER
    [reason], [asked] = verdict.reasons, verdict.data_requests
    assert (reason.factor, reason.actual) == ("inputs.bureau_score", "missing STALE")
    assert "credit bureau" in reason.texts["en"]
    assert "account" not in " ".join(reason.texts.values())
    assert (asked.missing.cause, asked.missing.detail) == (Cause.STALE, "45 days old")
    assert asked.help == "send a newer observation of it with the application"


def test_a_value_without_a_day_or_of_a_later_one_never_counts():
    """As a record of other rules may have one: it is missing, whatever it says."""
    for given_ in (php(0), _ago(-1, php(0))):
        assert codes(_verdict(bureau_debt=given_)) == ["STALE_DATA"]


@settings(deadline=None, max_examples=examples(200))
@given(st.integers(0, 20_000), st.integers(0, 999), st.integers(0, 60), st.integers(0, 60))
def test_a_fresh_value_is_the_plain_one_and_an_old_one_is_none(debt, score, days, others):
    """A fresh one decides as the plain one of the same rules; an old one as none, but it refers."""
    plain = compiled(TEXT.replace(", max_age: 30d, source: CIC", "").replace(", max_age: 30d", ""))
    sent = {"bureau_debt": (php(debt), days), "bureau_score": (score, others)}
    observed = {name: _ago(age, value) for name, (value, age) in sent.items()}
    fresh = {name: value for name, (value, age) in sent.items() if age <= 30}
    verdict = _verdict(**observed)
    same = evaluate(plain, facts({"income.months_12m": 12}, **fresh))
    if len(fresh) == len(sent):
        assert (verdict.outcome, codes(verdict)) == (same.outcome, codes(same))
    elif same.outcome is Outcome.DECLINE:
        assert verdict.outcome is Outcome.DECLINE
    else:
        assert (verdict.outcome, codes(verdict)[0]) == (Outcome.REFER, "STALE_DATA")


@pytest.mark.parametrize(
    ("name", "sent", "field", "words"),
    [
        (
            "bureau_score",
            700,
            "inputs.bureau_score.observed_on",
            "is missing; test-loan v1 takes what CIC observed for 30 days: send that day",
        ),
        ("bureau_debt", php(1), "inputs.bureau_debt.observed_on", "takes it for 30 days"),
        (
            "bureau_score",
            Observed(700, date(2026, 11, 16)),
            "inputs.bureau_score.observed_on",
            "is 2026-11-16, which is after today, 2026-11-15",
        ),
        ("job", Observed("cook", date(2026, 11, 16)), "inputs.job.observed_on", "after today"),
        ("bureau_score", _ago(3, 1000), "inputs.bureau_score", "is 1000; test-loan v1 needs"),
        ("bureau_score", _ago(3, "high"), "inputs.bureau_score", "has the wrong type"),
    ],
)
def test_a_wrong_observation_is_refused_by_its_field(name, sent, field, words):
    """Without its day, of a day to come, or of a value that the input cannot have."""
    [problem] = bind_inputs(RULESET, {name: sent}, TODAY).problems
    assert problem.field == field
    assert words in problem.description
    assert problem.description.startswith(field)


def test_what_is_sent_is_kept_as_it_was_sent():
    """Too old or not, with the consent; a day may come with any input, as one request serves all
    versions."""
    sent = {
        "bureau_score": _ago(90, 700, "C-1"),
        "bureau_debt": _ago(0, php(5), "C-2"),
        "job": _ago(400, "cook"),
    }
    bound = bind_inputs(RULESET, sent, TODAY)
    assert (bound.problems, bound.values) == ((), sent)
    verdict = evaluate(RULESET, facts({"income.months_12m": 12}, job=_ago(400, "cook")))
    assert verdict.outcome is Outcome.APPROVE


def test_made_up_facts_are_of_their_own_day():
    """Tests write values without days: on each day they are fresh, and what is too old stays so."""
    spec = RULESET.inputs["bureau_debt"]
    old = too_old(spec, "PHP")
    for day in (TODAY, date(2030, 1, 1)):
        bound = bind_made_up(RULESET, {"bureau_score": 700, "bureau_debt": old}, day).values
        assert bound == {"bureau_score": Observed(700, day), "bureau_debt": old}
        assert made_up(bound) == {"bureau_score": 700, "bureau_debt": old}


@pytest.mark.parametrize("name", sorted(RULESET.inputs))
def test_a_value_that_is_too_old_could_be_sent(name):
    """It is of the input's type and within its bounds."""
    spec = replace(RULESET.inputs[name], max_age=1)
    ruleset = replace(RULESET, inputs={name: spec})
    assert bind_inputs(ruleset, {name: too_old(spec, "PHP")}, TODAY).problems == ()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("x: {type: integer, max_age: 30d, source: CIC}", ""),
        ("x: {type: integer, max_age: 1d}", ""),
        ("x: {type: integer, max_age: 36h}", "R122"),
        ("x: {type: integer, max_age: 0d}", "R122"),
        ("x: {type: integer, max_age: a month}", "R122"),
        ("x: {type: integer, source: CIC}", "R121"),
        ("requested_term_months: {type: integer, max_age: 30d}", "R121"),
    ],
)
def test_an_age_is_declared_in_whole_days(line, code):
    """One day or more; a source needs an age; amount and term come with every request."""
    name = line.partition(":")[0]
    head = "\n".join(one for one in HEAD.splitlines() if not one.strip().startswith(f"{name}:"))
    head = head.replace("reasons:", f"  {line}\nreasons:") + "\n"
    found = problems(stages(rules("id: fine, when: true == true, then: APPROVE"), head=head))
    errors = [one for one in found if one in ("R121", "R122")]
    assert errors == ([code] if code else [])


def test_an_age_is_part_of_the_digest_and_a_source_is_not():
    """The age decides; who observed it is said to people alone."""
    assert compiled(TEXT.replace("source: CIC", "source: TU")).digest == RULESET.digest
    assert compiled(TEXT.replace("30d, source", "31d, source")).digest != RULESET.digest
