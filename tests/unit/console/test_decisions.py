"""What pages of decisions make of a URL, of what was typed, and of a decision."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from typing import Any

import pytest
from google.type.money_pb2 import Money

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1.decision_service_pb2 import ListDecisionsResponse
from decision_service.api.v1.ruleset_service_pb2 import ListRulesetsResponse, Ruleset, RulesetInput
from decision_service.api.v1.values_pb2 import InputValue
from decision_service.cli.decisions import page_lines
from decision_service.cli.views import counted_text, heading_text
from decision_service.console.charts import factor_rows, strip
from decision_service.console.decisions import changes_of, csv_of, fields_of, inputs_of


def php(amount: int) -> Money:
    return Money(currency_code="PHP", units=amount)


def test_a_span_of_days_ends_with_its_last_day() -> None:
    fields, wrong = fields_of({"from": "2026-11-29", "to": "2026-11-30"})
    assert fields == {
        "create_time_from": datetime(2026, 11, 29, tzinfo=UTC),
        "create_time_before": datetime(2026, 12, 1, tzinfo=UTC),
    }
    assert not wrong


@pytest.mark.parametrize(
    ("name", "text"),
    [("from", "2026-13-01"), ("to", "9999-12-31"), ("version", "-1"), ("outcome", "MAYBE")],
)
def test_what_a_url_asks_in_vain_is_said_next_to_its_field(name: str, text: str) -> None:
    _, wrong = fields_of({name: text, "product": "loan"})
    assert wrong.keys() == {name}
    assert text in wrong[name]


def test_days_are_those_of_the_reader_and_amounts_in_the_currency_of_the_product() -> None:
    asked = {"from": "2026-11-30", "zone": "Asia/Manila", "amount_to": "42,000", "outcome": "REFER"}
    fields, wrong = fields_of(asked, "PHP")
    assert not wrong
    assert fields["create_time_from"].astimezone(UTC) == datetime(2026, 11, 29, 16, tzinfo=UTC)
    assert fields["approved_amount_to"] == php(42_000)
    assert fields["outcome_in_force"] == pb.OUTCOME_REFER
    _, wrong = fields_of({"from": "2026-11-30", "zone": "../Manila", "amount_from": "1"})
    assert wrong.keys() == {"from", "amount_from"}


def test_a_spreadsheet_computes_nothing_of_an_export() -> None:
    references = ("=1+1", "+1", "-1", "@A1", "A-1", "A\x1b1")
    rows = csv_of([pb.Decision(application_id=one) for one in references])
    cells = [row["application"] for row in csv.DictReader(rows.splitlines())]
    assert cells == ["'=1+1", "'+1", "'-1", "'@A1", "A-1", r"A\u001b1"]


def test_a_what_if_sends_what_was_typed_otherwise_and_nothing_else() -> None:
    decision = pb.Decision(ruleset_ref=pb.RulesetRef(ruleset="loan", version=1))
    decision.inputs["requested_amount"].money.CopyFrom(php(20_000))
    decision.inputs["requested_term_months"].number = "6"
    declared = [
        RulesetInput(name="requested_amount", type="money"),
        RulesetInput(name="requested_term_months", type="integer"),
        RulesetInput(name="is_new", type="flag"),
    ]
    loaded = ListRulesetsResponse(rulesets=[Ruleset(ref=decision.ruleset_ref, inputs=declared)])
    about = inputs_of(decision, loaded)
    assert [*about] == ["requested_amount", "requested_term_months", "is_new"]
    assert [*inputs_of(decision, ListRulesetsResponse())] == [*about][:2]
    typed = {"requested_amount": "5000.50", "requested_term_months": "9", "is_new": "true"}
    fields, wrong = changes_of([*about.values()], typed, decision)
    assert fields == {
        "requested_amount": Money(currency_code="PHP", units=5000, nanos=500_000_000),
        "requested_term_months": 9,
        "inputs": {"is_new": InputValue(flag=True)},
    }
    assert not wrong
    mistyped = {"requested_amount": "5,00", "requested_term_months": "six", "is_new": "true"}
    fields, wrong = changes_of(declared, mistyped, decision)
    assert fields == {"inputs": {"is_new": InputValue(flag=True)}}
    assert "'5,00'" in wrong["requested_amount"]
    assert "six is no whole number" in wrong["requested_term_months"]


def test_factors_that_decided_come_first_next_to_what_rules_ask_of_them() -> None:
    low = pb.ComparisonTrace(
        left="income.months",
        operator="<",
        right="params.least",
        actual="3",
        required="4",
        truth=pb.TRUTH_TRUE,
    )
    young = pb.ComparisonTrace(
        left="age", operator="<", right="18", actual="25", truth=pb.TRUTH_FALSE
    )
    decision = pb.Decision(
        factor_values=[pb.FactorValue(name="age"), pb.FactorValue(name="income.months")],
        rule_traces=[
            pb.RuleTrace(rule="under_age", truth=pb.TRUTH_FALSE, comparisons=[young]),
            pb.RuleTrace(
                rule="short", truth=pb.TRUTH_TRUE, effect="DECLINE", reason="S", comparisons=[low]
            ),
            pb.RuleTrace(rule="due", truth=pb.TRUTH_FALSE, comparisons=[low]),
        ],
        reasons=[pb.Reason(code="S", factor="income.months", required=">= 4")],
    )
    first, last = factor_rows(decision)
    assert (first.name, first.actual, first.required) == ("income.months", "3", ["S needs >= 4"])
    assert first.asked == {("< params.least (4)", "TRUE"): ["short", "due"]}
    assert (last.name, last.decided, last.asked) == (
        "age",
        False,
        {("< 18", "FALSE"): ["under_age"]},
    )


def test_the_parts_of_a_month_are_stacked_up_to_its_share_of_the_highest_month() -> None:
    def month(*amounts: int) -> pb.IncomeMonth:
        parts = [
            pb.IncomePart(provider_id=name, data_kind="incomes", amount=php(amount))
            for name, amount in zip(("b", "a"), amounts, strict=False)
        ]
        known, whole = pb.MONTH_STATE_KNOWN, php(sum(amounts))
        return pb.IncomeMonth(month="2026-10", state=known, amount=whole, parts=parts)

    sources, _, bars = strip([month(50, 50), month(20), month()])
    assert sources == ["a incomes", "b incomes"]
    assert [parts for _, parts in bars] == [[(1, 55, 55), (0, 0, 55)], [(1, 88, 22)], []]


def reviewed(by: str = "", **review: Any) -> pb.Decision:
    """A referral, with what became of it."""
    found = pb.DecisionReview(review_ids=["rev_1-1"], role=by, **review)
    offer = pb.Offer(approved_amount=php(5_000))
    decision = pb.Decision(
        decision_id="dec_1",
        outcome=pb.OUTCOME_REFER,
        review=found,
        offer=offer,
        outcome_in_force=found.outcome,
    )
    if found.HasField("approved_amount"):
        decision.approved_amount_in_force.CopyFrom(found.approved_amount)
    return decision


@pytest.mark.parametrize(
    ("decision", "said", "row"),
    [
        (
            reviewed("review_second", outcome=pb.OUTCOME_APPROVE, approved_amount=php(20_000)),
            "Referred by the rules, approved by two persons: 20,000 PHP",
            ["REFER", "APPROVE", "two persons", "20,000 PHP"],
        ),
        (
            reviewed("review", outcome=pb.OUTCOME_DECLINE, standing_decision_id="dec_1"),
            "Referred by the rules, declined by a person",
            ["REFER", "DECLINE", "a person", ""],
        ),
        (
            reviewed(outcome=pb.OUTCOME_APPROVE, standing_decision_id="dec_2"),
            "Referred by the rules, decided again, approved by the rules",
            ["REFER", "APPROVE", "rules, decided again", ""],
        ),
        (
            reviewed("review", outcome=pb.OUTCOME_DECLINE, standing_decision_id="dec_2"),
            "Referred by the rules, decided again, declined by a person",
            ["REFER", "DECLINE", "a person, decided again", ""],
        ),
        (
            reviewed(outcome=pb.OUTCOME_REFER, standing_decision_id="dec_1"),
            "",
            ["REFER", "REFER", "rules", ""],
        ),
        (
            pb.Decision(outcome=pb.OUTCOME_DECLINE, outcome_in_force=pb.OUTCOME_DECLINE),
            "",
            ["DECLINE", "DECLINE", "rules", ""],
        ),
    ],
)
def test_what_counts_is_said_next_to_what_the_rules_said(
    decision: pb.Decision, said: str, row: list[str]
) -> None:
    """In the title of the page, in the columns of an export, and in a list of the command line."""
    assert heading_text(decision) == said
    listed = " ".join(page_lines(ListDecisionsResponse(decisions=[decision])))
    assert counted_text(decision) in " ".join(listed.split())
    assert bool(counted_text(decision)) is bool(said)
    [cells] = csv.DictReader(csv_of([decision]).splitlines())
    columns = ("outcome", "result", "result_by", "result_amount")
    assert [cells[name] for name in columns] == row
