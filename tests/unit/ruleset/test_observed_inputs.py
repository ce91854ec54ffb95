"""Inputs that a source outside observed: how they are declared, bound, and grow too old."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.domain.decision import Outcome
from decision_service.domain.factor import Observed
from decision_service.domain.values import Cause
from decision_service.rules.evaluate import evaluate
from decision_service.rules.inputs import bind_inputs, bind_made_up, made_up, too_old
from tests.fakes.examples import examples
from tests.unit.ruleset.rulesets import HEAD, codes, compiled, facts, php, problems, rules, stages

TODAY = date(2026, 11, 15)
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
