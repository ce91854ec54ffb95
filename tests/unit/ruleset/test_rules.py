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


def test_an_approving_rule_approves_without_reasons():
    """A rule that holds with `then: APPROVE` approves, and an APPROVE has no reasons."""
    verdict = decide(ALL, STEADY)
    assert (verdict.outcome, verdict.refer_kind, verdict.reasons) == (Outcome.APPROVE, None, ())


def test_the_worst_true_rule_of_a_stage_counts():
    """A stage concludes the worst outcome of its true rules."""
    verdict = decide(ALL, {"income.months_12m": 2, "contributions.months_12m": 2})
    assert verdict.outcome is Outcome.DECLINE
    assert codes(verdict) == ["SHORT"]


def test_the_worst_stage_counts():
    """The decision is the worst that any stage concluded, whatever order they stand in."""
    text = stages(rules(FINE, name="first"), rules(SHORT, GAPS, name="second"))
    verdict = decide(text, {"income.months_12m": 12, "contributions.months_12m": 2})
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.POLICY)
    assert codes(verdict) == ["GAPS"]


def test_nothing_concluded_is_a_referral():
    """Where no stage concludes anything the decision is REFER, kind POLICY, NO_RULE_APPROVED."""
    verdict = decide(ALL, {"income.months_12m": 5, "contributions.months_12m": 12})
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.POLICY)
    assert codes(verdict) == ["NO_RULE_APPROVED"]


@pytest.mark.parametrize("cause", list(Cause))
def test_an_unknown_condition_refers_with_its_cause(cause):
    """An UNKNOWN condition refers by default, kind DATA, naming the factor and the cause."""
    verdict = decide(ALL, {**STEADY, "contributions.months_12m": cause})
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.DATA)
    (reason,) = verdict.reasons
    assert reason.component is Component.DATA
    assert reason.code == Missing(cause).reason
    assert (reason.factor, reason.actual) == ("contributions.months_12m", f"missing {cause}")


def test_a_failure_shows_its_own_code():
    """A tainted factor's reason is the failure's own code where the failure has one."""
    failure = Missing(Cause.SOURCE_FAILED, code=DataReason.UPSTREAM_TIMEOUT)
    verdict = decide(ALL, {**STEADY, "contributions.months_12m": failure})
    assert codes(verdict) == ["UPSTREAM_TIMEOUT"]


def test_what_is_missing_is_requested():
    """A missing factor that mattered is listed once in the data requests, with what would help."""
    verdict = decide(ALL, dict.fromkeys(STEADY, Cause.NOT_CONNECTED))
    assert [(r.factor, r.missing.cause) for r in verdict.data_requests] == [
        ("income.months_12m", Cause.NOT_CONNECTED),
        ("contributions.months_12m", Cause.NOT_CONNECTED),
    ]
    assert all(r.help for r in verdict.data_requests)


@pytest.mark.parametrize(
    ("when_missing", "outcome"),
    [("REFER", Outcome.REFER), ("DECLINE", Outcome.DECLINE), ("SKIP", Outcome.APPROVE)],
)
def test_on_missing_applies_to_absent_causes(when_missing, outcome):
    """For an absent cause an UNKNOWN rule does what its `when_missing` says."""
    gaps = f"{GAPS}, when_missing: {when_missing}, because: known to the branch"
    verdict = decide(
        stages(rules(gaps, FINE)), {**STEADY, "contributions.months_12m": Cause.NO_DATA}
    )
    assert verdict.outcome is outcome


@pytest.mark.parametrize("when_missing", ["REFER", "DECLINE", "SKIP"])
def test_on_missing_never_applies_to_taint(when_missing):
    """A tainted factor refers whatever `when_missing` says."""
    gaps = f"{GAPS}, when_missing: {when_missing}, because: known to the branch"
    verdict = decide(stages(rules(gaps, FINE)), {**STEADY, "contributions.months_12m": Cause.STALE})
    assert (verdict.outcome, verdict.refer_kind) == (Outcome.REFER, ReferKind.DATA)
    assert codes(verdict) == ["STALE_DATA"]


def test_a_skipped_gap_is_not_requested():
    """A gap that the rule file passes over is no data request."""
    gaps = f"{GAPS}, when_missing: SKIP, because: known to the branch"
    verdict = decide(
        stages(rules(gaps, FINE)), {**STEADY, "contributions.months_12m": Cause.NO_DATA}
    )
    assert verdict.data_requests == ()


def test_a_clean_decline_stands():
    """A DECLINE that is true on clean facts stands whatever else failed."""
    verdict = decide(ALL, {"income.months_12m": 2, "contributions.months_12m": Cause.SOURCE_FAILED})
    assert verdict.outcome is Outcome.DECLINE
    assert codes(verdict) == ["SHORT"]


def test_a_condition_decided_without_the_missing_part_is_known():
    """`and` with one false side is FALSE, `or` with one true side TRUE, whatever is missing."""
    both = (
        "id: both, when: income.months_12m < 4 and contributions.months_12m < 4, "
        "then: DECLINE, reason: SHORT"
    )
    either = (
        "id: either, when: income.months_12m >= 6 or contributions.months_12m >= 6, then: APPROVE"
    )
    verdict = decide(
        stages(rules(both, either)),
        {"income.months_12m": 12, "contributions.months_12m": Cause.SOURCE_FAILED},
    )
    assert verdict.outcome is Outcome.APPROVE


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


def test_a_factor_nobody_computed_is_not_fetched():
    """A needed factor that the facts lack is tainted, never zero."""
    verdict = decide(ALL, {"income.months_12m": 12})
    assert (verdict.outcome, verdict.data_requests[0].missing.cause) == (
        Outcome.REFER,
        Cause.NOT_FETCHED,
    )


@pytest.mark.parametrize(
    ("factor", "given", "cause"),
    [
        ("income.months_12m", "12", Cause.BAD_DATA),
        ("income.months_12m", True, Cause.BAD_DATA),
        ("income.conservative_6m", Money("USD", 100), Cause.MIXED_CURRENCY),
    ],
)
def test_a_value_of_another_type_or_currency_is_tainted(factor, given, cause):
    """A value that is not of the factor's type or the ruleset's currency refers."""
    when = f"id: low, when: {factor} < 10, then: DECLINE, reason: SHORT"
    verdict = decide(stages(rules(when, FINE)), {"income.months_12m": 12, factor: given})
    assert verdict.outcome is Outcome.REFER
    assert verdict.data_requests[0].missing.cause is cause


def test_an_input_that_was_not_sent_is_absent():
    """An optional input that was not sent is missing for the cause NOT_SENT."""
    debt = "id: debt, when: inputs.declared_monthly_debt > 5000, then: DECLINE, reason: DEBT"
    verdict = decide(stages(rules(debt, FINE)), {"income.months_12m": 12})
    assert codes(verdict) == ["DATA_MISSING"]
    assert verdict.data_requests[0].factor == "inputs.declared_monthly_debt"


def test_division_by_zero_is_a_missing_value():
    """A share of nothing is missing (DIVISION_BY_ZERO), named by its divisor."""
    share = (
        "id: share, when: liabilities.monthly_amortization / income.conservative_6m > 0.4, "
        "then: DECLINE, reason: DEBT"
    )
    verdict = decide(
        stages(rules(share, FINE)),
        {
            "income.months_12m": 12,
            "income.conservative_6m": php(0),
            "liabilities.monthly_amortization": php(0),
        },
    )
    assert codes(verdict) == ["DATA_MISSING"]
    (request,) = verdict.data_requests
    assert (request.factor, request.missing.cause) == (
        "income.conservative_6m",
        Cause.DIVISION_BY_ZERO,
    )


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


def test_overflow_is_a_rule_error():
    """A result beyond every exact number refers with RULE_ERROR."""
    text = stages(
        rules(
            'id: odd, when: "annuity_amount(inputs.requested_amount, 99999, 10 * '
            'inputs.requested_term_months * inputs.requested_term_months) > 1", '
            "then: DECLINE, reason: DEBT",
            'id: grow, when: "annuity(inputs.requested_amount, 0 - 0.999999, '
            '100 * inputs.requested_term_months * inputs.requested_term_months) > 1", '
            "then: DECLINE, reason: DEBT",
            FINE,
        )
    )
    verdict = decide(
        text, {"income.months_12m": 12}, requested_amount=php(1000), requested_term_months=36
    )
    assert verdict.outcome is Outcome.REFER
    assert codes(verdict) == ["RULE_ERROR"]


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
