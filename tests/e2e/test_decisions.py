"""What a decision says: its people, factors, grades, marks, and the page for callers."""

from __future__ import annotations

import asyncio
import re
import shutil
from datetime import UTC
from math import ceil
from typing import TYPE_CHECKING, Any

import grpc
import httpx2
import pytest
from google.rpc import code_pb2
from structlog.testing import capture_logs

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.api.v1 import ruleset_service_pb2_grpc, values_pb2
from decision_service.domain.errors import ServiceError
from decision_service.rollout.assign import slot
from decision_service.runtime.gone import RPCS
from decision_service.server.transport.interceptors import CODES
from decision_service.standin.formats import civil_day, first_day, month_of
from decision_service.standin.sandbox import sandbox_data, sandbox_people
from tests.e2e.page import CALLERS
from tests.e2e.service import (
    PRODUCT,
    ROOT,
    Running,
    at_vendor,
    create,
    outcome,
    own_rules,
    refused,
    running,
)
from tests.fakes.plans import CHALLENGED
from tests.unit.cli.commands import Done, command

if TYPE_CHECKING:
    from pathlib import Path


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


GEORGE = sandbox_people()[0]

RIGHT = {
    "name": "PALOMERO, George Jr.",
    "birth_date": GEORGE.born.isoformat(),
    "phone": "0955 999 1234",
    "email": GEORGE.email.upper(),
}

WRONG = {"name": "Kanaryo Santos", "birth_date": "1961-12-30", "phone": "0917 000 4711"}

NAMES = ("match.birth_date", "match.email", "match.name", "match.phone")

RULES = ROOT / "tests" / "rulesets" / "who-ph"


@pytest.fixture
def rules(tmp_path: Path) -> str:
    """The shipped rules with a product that compares persons."""
    folder = own_rules(tmp_path)
    shutil.copytree(RULES, folder / "who-ph")
    return str(folder)


def asked(applicant: dict[str, str] | None = None, **changes: Any) -> Any:
    """George's application with who applies."""
    details = None if applicant is None else service_pb.ApplicantDetails(**applicant)
    full = pb.DECISION_VIEW_FULL
    return create(GEORGE.user_id, product="who-ph", applicant=details, view=full, **changes)


def grades(decision: pb.Decision) -> list[str]:
    """The grades of birth date, e-mail, name and phone."""
    found = {one.name: one.value.text for one in decision.factor_values}
    return [found[name] for name in NAMES]


def calls(decision: pb.Decision) -> int:
    """The vendor calls that the decision caused."""
    return decision.data_quality.upstream_calls


def reasons(decision: pb.Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


async def test_an_applicant_is_compared_cold_and_warm(
    tmp_path: Path, rules: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A warm decision compares another applicant with no further call; none of it is stored."""
    async with running(tmp_path, rules_dir=rules, webhook_secrets="a-secret-of-tests") as live:
        first = (await live.stub.CreateDecision(asked(RIGHT), timeout=10)).decision
        assert grades(first) == ["EXACT"] * 4
        assert outcome(first) == "APPROVE"
        request = asked(WRONG)
        second = (await live.stub.CreateDecision(request, timeout=10)).decision
        assert grades(second) == ["DIFFERENT", "UNKNOWN", "DIFFERENT", "DIFFERENT"]
        assert (outcome(second), reasons(second)) == ("REFER", ["OTHER_PERSON"])
        assert (calls(first) > 0, calls(second)) == (True, 0)
        again = (await live.stub.CreateDecision(request, timeout=10)).decision
        assert again == second
        unsaid = (await live.stub.CreateDecision(asked(), timeout=10)).decision
        assert grades(unsaid) == ["UNKNOWN"] * 4
        for one in (first, second, unsaid):
            replay = service_pb.ReplayDecisionRequest(decision_id=one.decision_id)
            replayed = await live.stub.ReplayDecision(replay, timeout=10)
            assert not replayed.differing_fields
        words = ("decisions", "cases", second.decision_id, "--format", "tests")
        words += ("--address", live.service.address)
        exported = (await asyncio.to_thread(command, capsys, *words)).out
        assert 'match.name: "DIFFERENT"' in exported
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("decisions.db*"))
    given = ("Kanaryo", "kanaryo", "1961-12-30", "4711", "PALOMERO", "955 999")
    found = ("Palomero", "palomero", "+639559991234", "gpalomero")
    assert [word for word in (*given, *found) if word.encode() in stored] == []
    assert [word for word in (*given, *found) if word in exported] == []


async def test_dry_runs_and_rule_tests_take_given_grades(
    tmp_path: Path, rules: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dry run on a user knows no applicant, so that all is UNKNOWN."""
    done = command(capsys, "rules", "test", f"{rules}/who-ph")
    assert done.code == 0, done.out + done.err
    given = {name: values_pb2.InputValue(text="EXACT") for name in NAMES}
    given["match.name"] = values_pb2.InputValue(text="DIFFERENT")
    given["accounts.connected_count"] = values_pb2.InputValue(number="1")
    sent = create("x")
    more = {"requested_amount": sent.requested_amount, "requested_term_months": 6}
    async with running(tmp_path, rules_dir=rules) as live:
        stub = ruleset_service_pb2_grpc.RulesetServiceStub(live.channel)
        request = rules_pb.EvaluateRulesetRequest(product="who-ph", factors=given, **more)
        reply = (await stub.EvaluateRuleset(request, timeout=10)).decision
        assert reasons(reply) == ["OTHER_PERSON"]
        of_user = rules_pb.EvaluateRulesetRequest(product="who-ph", user_id=GEORGE.user_id, **more)
        reply = (await stub.EvaluateRuleset(of_user, timeout=20)).decision
        assert grades(reply) == ["UNKNOWN"] * 4
        refusal = await refused(live.stub.CreateDecision(asked({"name": "x" * 10_000})))
    assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT
    assert list(refusal.fields) == ["applicant.name"]


ALONE = CHALLENGED[: CHALLENGED.index("challenger:")]

CAPPED = ALONE + "caps:\n  - {name: all, approvals_per_day: 4, amount_per_day: 900000}\n"


def rules_under(folder: Path, plan: str) -> str:
    """The shipped rules with a plan."""
    rules = own_rules(folder)
    (rules / PRODUCT / "rollout.yaml").write_text(plan)
    return str(rules)


async def run(live: Running, capsys: pytest.CaptureFixture[str], *words: str) -> Done:
    """A command against the service."""
    return await asyncio.to_thread(command, capsys, *words, "--address", live.service.address)


async def test_a_capped_approval_is_marked_wherever_it_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the reply, the record, lists, replays, fixtures, figures and metrics."""
    rules = rules_under(tmp_path, CAPPED.replace("approvals_per_day: 4", "approvals_per_day: 1"))
    with capture_logs() as logs:
        async with running(tmp_path, rules_dir=rules) as live:
            assert (
                outcome((await live.stub.CreateDecision(create(GEORGE.user_id))).decision)
                == "APPROVE"
            )
            decision = (await live.stub.CreateDecision(create(GEORGE.user_id))).decision
            assert (outcome(decision), decision.override.kind) == ("REFER", "CAPPED")
            request = service_pb.ReplayDecisionRequest(decision_id=decision.decision_id)
            assert list((await live.stub.ReplayDecision(request)).differing_fields) == []
            shown = await run(live, capsys, "decisions", "show", decision.decision_id)
            said = " ".join(shown.out.split())
            assert "the rules concluded APPROVE; the cap `all` of the day was reached" in said
            listed = await run(live, capsys, "decisions", "list")
            assert "REFER policy capped" in listed.out
            made = await run(
                live, capsys, "decisions", "cases", decision.decision_id, "--format", "tests"
            )
            assert "# CAPPED: something else was decided" in made.out
            assert "outcome: APPROVE" in made.out
            figures = await run(live, capsys, "rollout", "show", PRODUCT)
            assert "cap all · today 1 of 1 approvals, 20,000 PHP of 900,000 PHP" in figures.out
            async with httpx2.AsyncClient() as client:
                text = (await client.get(f"{live.service.http.admin}/metrics")).text
    labels = f'cap="all",kind="CAPPED",product="{PRODUCT}"'
    assert f"decision_service_decision_overrides_total{{{labels}}} 1.0" in text
    assert [line["kind"] for line in logs if line["event"] == "decision overridden"] == ["CAPPED"]


PEOPLE = sandbox_people()

ALLOWED, OTHERS = PEOPLE[0].user_id, [person.user_id for person in PEOPLE[1:]]


def staged(folder: Path, stage: str) -> Path:
    """The shipped rules with a plan that stands at a stage and allows George."""
    rules = own_rules(folder)
    plan = rules / PRODUCT / "rollout.yaml"
    text = plan.read_text()
    assert "initial_stage: all" in text
    text = text.replace("initial_stage: all", f"initial_stage: {stage}", 1)
    lines = [
        f"  allow: [{ALLOWED}]" if line.strip().startswith("allow:") else line
        for line in text.splitlines()
    ]
    plan.write_text("\n".join(lines) + "\n")
    assert ALLOWED in plan.read_text()
    return rules


async def test_outside_the_go_live_nothing_is_asked_of_the_vendor(tmp_path: Path) -> None:
    """NOT_ENROLLED is recorded with reason and slot; the allowed are decided at 0 % too."""
    async with at_vendor(tmp_path, rules_dir=str(staged(tmp_path, "staff"))) as (live, app):
        for user_id in OTHERS:
            # Inputs are not looked at: the existing process decides, by its own.
            request = create(user_id, requested_term_months=None, requested_amount=None)
            decision = (await live.stub.CreateDecision(request)).decision
            assert outcome(decision) == "NOT_ENROLLED"
            assert decision.assignment.enrolment_reason == "NOT_IN_STAGE"
            assert decision.assignment.enrolment_slot == slot(PRODUCT, user_id)
            assert decision.data_quality.upstream_calls == 0
            assert not decision.HasField("ruleset_ref")
        assert {path for path in app.meter.by_path() if path != "/providers"} == set()
        request = service_pb.ListDecisionsRequest(outcome=pb.OUTCOME_NOT_ENROLLED)
        assert len((await live.stub.ListDecisions(request)).decisions) == len(OTHERS)
        decision = (await live.stub.CreateDecision(create(ALLOWED))).decision
        assert outcome(decision) == "APPROVE"
        assert decision.assignment.enrolment_reason == "ALLOWED"
        assert not decision.assignment.HasField("enrolment_slot")


async def test_the_people_of_the_page_come_out_as_it_says(shared: Running) -> None:
    """Names, user ids and outcomes are the stand-in's."""
    told = CALLERS.rows("Start a server to try")
    assert [row[1].strip("`") for row in told] == [one.user_id for one in sandbox_people()]
    for (name, user_id, expected), person in zip(told, sandbox_people(), strict=True):
        assert person.name.startswith(name)
        decision = (await shared.stub.CreateDecision(create(user_id.strip("`")))).decision
        words = [pb.Outcome.Name(decision.outcome).removeprefix("OUTCOME_")]
        if decision.refer_kind:
            words.append(pb.ReferKind.Name(decision.refer_kind).removeprefix("REFER_KIND_"))
        assert ", kind ".join(words) == expected


def test_the_page_names_every_outcome_and_referral() -> None:
    """And none that there is not."""
    for heading, enum in (("Outcomes", pb.Outcome), ("Referrals", pb.ReferKind)):
        told = [re.findall("`(.+?)`", row[0])[0] for row in CALLERS.rows(heading)]
        assert sorted(told) == sorted(enum.keys())


def test_the_page_names_every_error_with_its_code() -> None:
    """Each reason that callers may see, under its code; and none that there is not."""
    told, code = set(), ""
    for row in CALLERS.rows("Errors of the service"):
        code = row[0].strip("`") or code
        told.add((code, row[1].strip("`")))
    known = {(code_pb2.Code.Name(code), kind.reason) for kind, code in CODES.items()}
    assert told == known | {("INTERNAL", ServiceError.reason)}


async def test_grpcs_own_errors_are_as_the_page_tells(shared: Running) -> None:
    """No ErrorInfo, and the sentences by which the page tells them apart."""
    told = {(row[0].strip("`"), row[1].strip("`")) for row in CALLERS.rows("Errors of gRPC")}
    asked = service_pb.ListDecisionsRequest()
    decisions = "/decision_service.api.v1.DecisionService"
    unreadable = shared.channel.unary_unary(f"{decisions}/CreateDecision")
    unknown = shared.channel.unary_unary(f"{decisions}/NoSuchMethod")
    for code, sentence, call in (
        (
            "RESOURCE_EXHAUSTED",
            "Received message larger than max",
            shared.stub.CreateDecision(create("nobody", application_id="x" * 66_000)),
        ),
        (
            "RESOURCE_EXHAUSTED",
            "received metadata size exceeds hard limit",
            shared.stub.ListDecisions(asked, metadata=[("x-note", "y" * 17_000)]),
        ),
        ("INTERNAL", "the message cannot be read as a request", unreadable(b"\xff\xff")),
        ("UNIMPLEMENTED", "Method not found", unknown(b"")),
    ):
        assert (code, sentence) in told
        with pytest.raises(grpc.RpcError) as error:
            await call
        assert error.value.code().name == code
        assert sentence in (error.value.details() or "")
        assert "grpc-status-details-bin" not in dict(error.value.trailing_metadata() or ())


@pytest.mark.parametrize("name", RPCS)
async def test_a_method_of_an_earlier_release_says_what_to_use(shared: Running, name: str) -> None:
    """A raw call of it, whatever its message, is unimplemented with the sentence of the table."""
    path = f"/decision_service.api.v1.{name.replace('.', '/')}"
    with pytest.raises(grpc.RpcError) as error:
        await shared.channel.unary_unary(path)(b"\xff")
    assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert error.value.details() == f"there is no method {name} any more: {RPCS[name]}"
