"""What a replay by other rules shows: each part as it was and as it comes out now."""

from __future__ import annotations

from google.type.money_pb2 import Money

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import values_pb2
from decision_service.cli.decisions import differences


def _decision(outcome: pb.Outcome, **rest: object) -> pb.Decision:
    return pb.Decision(outcome=outcome, **rest)  # type: ignore[arg-type]  # fields by name


def _months(count: int) -> pb.FactorValue:
    value = values_pb2.InputValue(number=str(count))
    return pb.FactorValue(name="income.months_24m", value=value)


def test_each_part_that_differs_is_there_as_it_was_and_as_it_is_now() -> None:
    """Outcome, reasons, offer, rules and factor values; what is the same is left out."""
    low = pb.RuleTrace(stage="eligibility", rule="low_income", truth=pb.TRUTH_FALSE)
    true = pb.RuleTrace(
        stage="eligibility", rule="low_income", truth=pb.TRUTH_TRUE, effect="DECLINE"
    )
    offer = pb.Offer(approved_amount=Money(currency_code="PHP", units=20_000), tier="T1")
    was = _decision(pb.OUTCOME_APPROVE, offer=offer, rule_traces=[low], factor_values=[_months(24)])
    now = _decision(
        pb.OUTCOME_DECLINE,
        reasons=[pb.Reason(code="INCOME_TOO_LOW")],
        rule_traces=[true],
        tags=["desk"],
        withheld_tags=["signal"],
        factor_values=[_months(24)],
    )
    assert list(differences(was, now)) == [
        ("outcome", "APPROVE", "DECLINE"),
        ("reasons", "–", "INCOME_TOO_LOW"),
        ("offer approved_amount", "20,000 PHP", "–"),
        ("offer tier", "T1", "–"),
        ("tags", "–", "desk, signal"),
        ("rule eligibility.low_income", "false", "true → DECLINE"),
    ]
    assert list(differences(was, was)) == []
