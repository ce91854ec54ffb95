"""The four sandbox people, decided for real."""

from datetime import UTC
from math import ceil

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.standin.formats import civil_day, first_day, month_of
from decision_service.standin.sandbox import sandbox_data, sandbox_people
from tests.e2e.service import Running, create


def weekend_pages(decision: pb.Decision) -> int:
    """Pages of Christina's deliveries since the first day of the 13th month before a decision."""
    today = civil_day(decision.create_time.ToDatetime(UTC))
    first = first_day(month_of(today) - 13).isoformat()
    told = sandbox_data("Christina", today)["transactions"]
    return ceil(sum(one["date"] >= first for one in told) / 150)


async def test_upstream_calls_are_the_documented_ones(live: Running) -> None:
    """Accounts and six kinds; Christina's deliveries, her two retries and a closing look besides.

    The closing look is because her deliveries fill several pages.
    """
    made = {}
    for person in sandbox_people():
        reply = await live.stub.CreateDecision(create(person.user_id))
        made[person.user_name] = reply.decision
    calls = {name: decision.data_quality.upstream_calls for name, decision in made.items()}
    christina = 7 + weekend_pages(made["Christina"]) + 2 + 1
    assert calls == {"George": 7, "Ryan": 7, "Christina": christina, "Anisha": 7}


async def test_the_full_view_shows_values_and_traces(live: Running) -> None:
    """FULL has every factor the rules name with evidence, and every rule; BASIC has neither."""
    person = sandbox_people()[0]
    request = create(person.user_id)
    basic = (await live.stub.CreateDecision(request)).decision
    full = (
        await live.stub.GetDecision(
            service_pb.GetDecisionRequest(decision_id=basic.decision_id, view=pb.DECISION_VIEW_FULL)
        )
    ).decision
    assert not basic.factor_values
    assert not basic.rule_traces
    ruleset = live.service.core.active.current().product("personal-loan-ph").champion
    assert {factor.name for factor in full.factor_values} == set(ruleset.needs.factors)
    assert full.rule_traces
    months = next(f for f in full.factor_values if f.name == "income.months_24m")
    assert months.value.number == "24"
    assert months.evidence.record_count >= 24


async def test_the_full_view_shows_why_earlier_rows_of_a_table_did_not_count(live: Running) -> None:
    """Every row up to the one that decided, as CreateDecision in FULL view showed them."""
    request = create(sandbox_people()[2].user_id, view=pb.DECISION_VIEW_FULL)
    made = (await live.stub.CreateDecision(request)).decision
    asked = service_pb.GetDecisionRequest(
        decision_id=made.decision_id, view=pb.DECISION_VIEW_FULL, without_recourse=True
    )
    found = (await live.stub.GetDecision(asked)).decision
    *passed, decided = (row for row in found.rule_traces if row.stage == "limit")
    assert (decided.rule, decided.truth) == ("limit row 4", pb.TRUTH_TRUE)
    assert [(row.rule, row.truth) for row in passed] == [
        (f"limit row {number}", pb.TRUTH_FALSE) for number in (1, 2, 3)
    ]
    [short] = passed[2].comparisons
    assert (short.left, short.right, short.truth) == (
        "income.conservative_6m",
        ">= 30000",
        pb.TRUTH_FALSE,
    )
    assert short.actual.startswith("₱ 2")
    assert made.rule_traces == found.rule_traces


async def test_the_full_view_says_what_would_have_to_be_different(live: Running) -> None:
    """GetDecision in FULL view has an answer for who is turned down, and for nobody else."""
    found = {}
    for person in sandbox_people():
        request = create(person.user_id, view=pb.DECISION_VIEW_FULL)
        made = (await live.stub.CreateDecision(request)).decision
        asked = service_pb.GetDecisionRequest(
            decision_id=made.decision_id, view=pb.DECISION_VIEW_FULL
        )
        read = (await live.stub.GetDecision(asked)).decision
        assert not made.HasField("recourse"), "never before the reply to a new decision"
        found[person.user_name] = read.recourse
    kinds = {name: recourse.kind for name, recourse in found.items()}
    assert kinds == {"George": "", "Ryan": "CHANGE", "Christina": "", "Anisha": "WAIT"}
    assert all(c.value != c.needed and c.may_be_told for c in found["Ryan"].changes)
    assert found["Anisha"].decide_again_on > made.as_of_date
    assert found["Anisha"].approved_amount.units > 0


async def test_the_full_view_shows_the_income_of_each_month(live: Running) -> None:
    """Payroll is posted, a scheme is late, and who earns in two months of three has months of 0."""
    found = {}
    for person in sandbox_people():
        made = (await live.stub.CreateDecision(create(person.user_id))).decision
        full = service_pb.GetDecisionRequest(
            decision_id=made.decision_id, view=pb.DECISION_VIEW_FULL, without_recourse=True
        )
        months = (await live.stub.GetDecision(full)).decision.income_months
        assert not made.income_months
        states = {pb.MonthState.Name(one.state).removeprefix("MONTH_STATE_") for one in months}
        parts = {(part.provider_id, part.data_kind) for one in months for part in one.parts}
        found[person.user_name] = len(months), states, parts
    assert found == {
        "George": (24, {"KNOWN"}, {("sprout_ph", "incomes")}),
        "Ryan": (3, {"KNOWN"}, {("bayancalls_ph", "incomes")}),
        "Christina": (24, {"KNOWN", "OPEN"}, {("sss_ph", "eincomes")}),
        "Anisha": (24, {"KNOWN", "OPEN", "ZERO"}, {("sss_ph", "eincomes")}),
    }
