"""Rules: conditions, outcomes, missing data and what they add up to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from decision_service.domain.decision import Component, Outcome, ReferKind
from decision_service.domain.values import Cause, DataReason, Missing
from decision_service.rules.evaluate import evaluate
from tests.unit.ruleset.rulesets import (
    HEAD,
    codes,
    compiled,
    decide,
    facts,
    legal,
    rules,
    stages,
)

SHORT = "id: short, when: income.months_12m < 4, then: DECLINE, reason: SHORT"
GAPS = "id: gaps, when: contributions.months_12m < 6, then: REFER, reason: GAPS"
FINE = "id: fine, when: income.months_12m >= 6, then: APPROVE"
ALL = stages(rules(SHORT, GAPS, FINE))
STEADY = {"income.months_12m": 12, "contributions.months_12m": 12}


M12, CONTRIBUTIONS, PAY = "income.months_12m", "contributions.months_12m", "income.conservative_6m"
DEBT = "inputs.declared_monthly_debt"
USUAL = (SHORT, GAPS, FINE)
BOTH = f"id: both, when: {M12} < 4 and {CONTRIBUTIONS} < 4, then: DECLINE, reason: SHORT"
EITHER = f"id: either, when: {M12} >= 6 or {CONTRIBUTIONS} >= 6, then: APPROVE"
TIMEOUT = Missing(Cause.SOURCE_FAILED, code=DataReason.UPSTREAM_TIMEOUT)
LONG = "10 * inputs.requested_term_months * inputs.requested_term_months"


def handled(word):
    """A rule that says what missing data gives."""
    return f"{GAPS}, when_missing: {word}, because: known to the branch"


def low(what, least=10):
    """A rule that declines below a figure."""
    return f'id: low, when: "{what} < {least}", then: DECLINE, reason: SHORT'


@pytest.mark.parametrize("cause", list(Cause))
def test_an_unknown_condition_refers_with_its_cause(cause):
    """An UNKNOWN condition refers by default, kind DATA, naming the factor and the cause."""
    verdict = decide(ALL, {**STEADY, "contributions.months_12m": cause})
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.DATA)
    (reason,) = verdict.reasons
    assert reason.component is Component.DATA
    assert reason.code == Missing(cause).reason
    assert (reason.factor, reason.actual) == ("contributions.months_12m", f"missing {cause}")


def test_what_is_missing_is_requested():
    """A missing factor that mattered is listed once in the data requests, with what would help."""
    verdict = decide(ALL, dict.fromkeys(STEADY, Cause.NOT_CONNECTED))
    assert [(r.factor, r.missing.cause) for r in verdict.data_requests] == [
        ("income.months_12m", Cause.NOT_CONNECTED),
        ("contributions.months_12m", Cause.NOT_CONNECTED),
    ]
    assert all(r.help for r in verdict.data_requests)


@pytest.mark.parametrize(
    ("formula", "code", "cause", "name"),
    [
        ("ln(income.months_12m)", "DATA_MISSING", Cause.UNDEFINED, "income.months_12m"),
        ("exp(income.months_total - 1)", "RULE_ERROR", Cause.BAD_DATA, "exp("),
        ("coalesce(ln(income.months_12m), 9)", "GAPS", None, "income.months_12m"),
        ("coalesce(exp(income.months_total - 1), 9)", "RULE_ERROR", Cause.BAD_DATA, None),
    ],
)
def test_a_function_without_a_value_refers(formula, code, cause, name):
    """Where a function has no value it is missing, which a rule may handle; no overflow may be."""
    text = stages(
        rules(
            f"id: odd, when: '{formula} > 2', then: REFER, reason: GAPS",
            "id: fine, when: income.months_total > 0, then: APPROVE",
        )
    )
    verdict = decide(text, {"income.months_12m": 0, "income.months_total": 20000})
    assert (verdict.outcome, codes(verdict)) == (Outcome.REFER, [code])
    causes = {request.missing.cause for request in verdict.data_requests}
    assert causes == ({cause} if cause else set())
    assert name is None or name in verdict.reasons[0].factor


def test_a_date_before_the_first_value_is_a_rule_error():
    """A parameter without a value on the date of the decision refers, never guesses."""
    head = HEAD + "params:\n  least: {type: integer, value: {2026-01-01: 4}}\n"
    text = stages(
        rules(
            "id: short, when: income.months_12m < params.least, then: DECLINE, reason: SHORT", FINE
        ),
        head=head,
    )
    verdict = decide(text, {"income.months_12m": 5}, at=datetime(2025, 12, 31, tzinfo=UTC))
    assert codes(verdict) == ["RULE_ERROR"]


def test_post_checks_can_only_worsen_and_are_legal():
    """A post-check that holds turns an APPROVE into REFER of kind LEGAL."""
    cap = "id: cap, when: inputs.requested_term_months > 12, then: REFER, reason: LEGAL"
    text = stages(rules(FINE), legal(cap))
    held = decide(text, STEADY, requested_term_months=24)
    passed = decide(text, STEADY, requested_term_months=6)
    assert (held.outcome, held.refer_kind, codes(held)) == (
        Outcome.REFER,
        ReferKind.LEGAL,
        ["LEGAL"],
    )
    assert held.reasons[0].component is Component.LEGAL
    assert held.reasons[0].regulatory_text == "Cap"
    assert passed.outcome is Outcome.APPROVE


def test_evaluation_is_a_function_of_its_arguments():
    """The same ruleset and facts give the same verdict, evaluation after evaluation."""
    ruleset, given = compiled(ALL), facts({**STEADY, "contributions.months_12m": Cause.STALE})
    assert evaluate(ruleset, given) == evaluate(ruleset, given)
