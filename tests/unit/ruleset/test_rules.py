"""Rules: conditions, outcomes, missing data and what they add up to."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from decision_service.domain.decision import Component, Outcome, ReferKind
from decision_service.domain.values import Cause, DataReason, Missing, Money
from decision_service.rules.evaluate import evaluate
from tests.unit.ruleset.rulesets import (
    HEAD,
    codes,
    compiled,
    decide,
    facts,
    legal,
    php,
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
GROWING = f"annuity(inputs.requested_amount, 0 - 0.999999, 10 * {LONG})"


def handled(word):
    """A rule that says what missing data gives."""
    return f"{GAPS}, when_missing: {word}, because: known to the branch"


def low(what, least=10):
    """A rule that declines below a figure."""
    return f'id: low, when: "{what} < {least}", then: DECLINE, reason: SHORT'


@pytest.mark.parametrize(
    ("lines", "given", "expected", "requested"),
    [
        (USUAL, {}, "APPROVE", ""),
        (USUAL, {M12: 2, CONTRIBUTIONS: 2}, "DECLINE SHORT", ""),
        (USUAL, {CONTRIBUTIONS: 2}, "REFER POLICY GAPS", ""),
        (USUAL, {M12: 5}, "REFER POLICY NO_RULE_APPROVED", ""),
        (USUAL, {CONTRIBUTIONS: TIMEOUT}, "REFER DATA UPSTREAM_TIMEOUT", CONTRIBUTIONS),
        (USUAL, {M12: 2, CONTRIBUTIONS: Cause.SOURCE_FAILED}, "DECLINE SHORT", CONTRIBUTIONS),
        ((BOTH, EITHER), {CONTRIBUTIONS: Cause.SOURCE_FAILED}, "APPROVE", ""),
        ((handled("REFER"), FINE), {CONTRIBUTIONS: Cause.NO_DATA}, "REFER DATA DATA_MISSING", None),
        ((handled("DECLINE"), FINE), {CONTRIBUTIONS: Cause.NO_DATA}, "DECLINE DATA_MISSING", None),
        ((handled("SKIP"), FINE), {CONTRIBUTIONS: Cause.NO_DATA}, "APPROVE", ""),
        ((handled("REFER"), FINE), {CONTRIBUTIONS: Cause.STALE}, "REFER DATA STALE_DATA", None),
        ((handled("DECLINE"), FINE), {CONTRIBUTIONS: Cause.STALE}, "REFER DATA STALE_DATA", None),
        ((handled("SKIP"), FINE), {CONTRIBUTIONS: Cause.STALE}, "REFER DATA STALE_DATA", None),
        ((low("income.months_6m", 4), FINE), {}, "REFER DATA SOURCE_FAILED", "income.months_6m"),
        ((low(M12), FINE), {M12: "12"}, "REFER DATA SOURCE_FAILED", M12),
        ((low(M12), FINE), {M12: True}, "REFER DATA SOURCE_FAILED", M12),
        ((low(PAY), FINE), {PAY: Money("USD", 100)}, "REFER DATA MIXED_CURRENCY", PAY),
        ((low(DEBT), FINE), {}, "REFER DATA DATA_MISSING", DEBT),
        ((low(f"5 / {M12}", 0.1), FINE), {M12: 0}, "REFER DATA DATA_MISSING", M12),
        ((low(GROWING), FINE), {}, "REFER DATA RULE_ERROR", None),
    ],
)
def test_rules_come_to_the_worst_that_holds(lines, given, expected, requested):
    """And to a question where data is missing, which `when_missing` answers unless tainted."""
    asked = {"requested_amount": php(1000), "requested_term_months": 36}
    verdict = decide(stages(rules(*lines)), {**STEADY, **given}, **asked)
    kind = [verdict.refer_kind] if verdict.refer_kind else []
    assert " ".join([verdict.outcome, *kind, *codes(verdict)]) == expected
    if requested is not None:
        assert [r.factor for r in verdict.data_requests] == ([requested] if requested else [])
    apart = [rules(line, name=f"s{number}") for number, line in enumerate(lines)]
    assert decide(stages(*apart), {**STEADY, **given}, **asked).outcome is verdict.outcome


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


def test_the_first_tainted_name_in_text_order_is_shown():
    """Of several gaps the first in text order is shown, a tainted one before absent ones."""
    text = stages(
        rules(
            '"id": a, when: "income.months_12m + income.months_6m + income.months_3m < 4", '
            "then: DECLINE, reason: SHORT",
            FINE,
        )
    )
    verdict = decide(
        text,
        {
            "income.months_12m": Cause.NO_DATA,
            "income.months_6m": Cause.STALE,
            "income.months_3m": Cause.PARTIAL,
        },
    )
    assert (verdict.reasons[0].code, verdict.reasons[0].factor) == (
        "STALE_DATA",
        "income.months_6m",
    )
    assert [r.factor for r in verdict.data_requests] == [
        "income.months_12m",
        "income.months_6m",
        "income.months_3m",
    ]


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


def test_dated_params_count_by_as_of():
    """The value of a dated parameter that is in force on the civil date of as_of counts."""
    head = HEAD + "params:\n  least: {type: integer, values: {2026-01-01: 4, 2026-12-01: 6}}\n"
    text = stages(
        rules("id: short, when: income.months_12m < params.least, then: DECLINE, reason: SHORT"),
        rules("id: fine, when: income.months_12m >= 4, then: APPROVE", name="fine"),
        head=head,
    )
    last_of_november = datetime(2026, 11, 30, 15, 59, tzinfo=UTC)  # 23:59 in Manila
    before = decide(text, {"income.months_12m": 5}, at=last_of_november)
    after = decide(text, {"income.months_12m": 5}, at=last_of_november + timedelta(minutes=1))
    assert (before.outcome, after.outcome) == (Outcome.APPROVE, Outcome.DECLINE)
    assert (before.param_change, after.param_change) == (date(2026, 12, 1), None)


def test_the_next_change_of_a_used_param_is_told():
    """The next date on which a used parameter changes is told, whatever unused ones do."""
    head = HEAD + (
        "params:\n  least: {type: integer, values: {2026-01-01: 4, 2027-01-01: 5, 2028-01-01: 6}}\n"
        "  idle: {type: integer, values: {2026-01-01: 4, 2026-12-24: 6}}\n"
    )
    text = stages(
        rules("id: fine, when: income.months_12m >= params.least, then: APPROVE"), head=head
    )
    assert decide(text, {"income.months_12m": 5}).param_change == date(2027, 1, 1)


def test_a_date_before_the_first_value_is_a_rule_error():
    """A parameter without a value on the date of the decision refers, never guesses."""
    head = HEAD + "params:\n  least: {type: integer, values: {2026-01-01: 4}}\n"
    text = stages(
        rules(
            "id: short, when: income.months_12m < params.least, then: DECLINE, reason: SHORT", FINE
        ),
        head=head,
    )
    verdict = decide(text, {"income.months_12m": 5}, at=datetime(2025, 12, 31, tzinfo=UTC))
    assert codes(verdict) == ["RULE_ERROR"]


def test_validity_ends_after_valid_for():
    """A verdict is valid for `valid_for` from the instant of as_of, or without an end."""
    with_end = decide(stages(rules(FINE), tail="valid_for: 14d\n"), STEADY)
    assert with_end.valid_until == facts().as_of.instant + timedelta(days=14)
    assert decide(stages(rules(FINE)), STEADY).valid_until is None


def test_derived_names_build_on_each_other():
    """Derived expressions are evaluated from top to bottom and carry what is missing."""
    head = HEAD + "derived:\n  twice: income.months_12m * 2\n  more: derived.twice + 1\n"
    text = stages(
        rules("id: fine, when: derived.more == 25, then: APPROVE", name="fine"),
        head=head,
    )
    assert decide(text, {"income.months_12m": 12}).outcome is Outcome.APPROVE
    missing = decide(text, {"income.months_12m": Cause.NO_DATA})
    assert missing.data_requests[0].factor == "income.months_12m"


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
