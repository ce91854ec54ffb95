"""What is measured of decisions: what became of the loans, and a shadow compared with them."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.type.money_pb2 import Money as MoneyMessage
from structlog.testing import capture_logs

from decision_service.api.v1 import (
    decision_pb2,
    outcome_service_pb2_grpc,
    rollout_figures_pb2,
    rollout_service_pb2_grpc,
)
from decision_service.api.v1 import decision_pb2 as decision_pb
from decision_service.api.v1 import decision_service_pb2 as decisions_pb
from decision_service.api.v1 import outcome_service_pb2 as pb
from decision_service.api.v1 import rollout_service_pb2 as rollouts_pb
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.process import serving
from tests.e2e.service import (
    PRODUCT,
    Refusal,
    Running,
    create,
    outcome,
    own_rules,
    refusal,
    running,
)
from tests.e2e.team import Metadata, Team
from tests.fakes.cases import STRICTER
from tests.fakes.plans import CHALLENGED
from tests.kits.cases import until
from tests.unit.cli.commands import Done, command
from tests.unit.rollout.plans import edited

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

GEORGE = sandbox_people()[0].user_id

UNKNOWN = "dec_01ARZ3NDEKTSV4RRFFQ69G5FAV"

DECIDE = (
    "decide",
    "--user-id",
    GEORGE,
    "--product",
    "personal-loan-ph",
    "--amount",
    "20000",
    "--term",
    "6",
)

RECORDED, OLDER, REPEATED = (
    pb.OUTCOME_RECEIPT_RECORDED,
    pb.OUTCOME_RECEIPT_OLDER,
    pb.OUTCOME_RECEIPT_REPEATED,
)


def day(made: decision_pb.Decision, back: int = 0) -> str:
    """The day of a decision, or so many days before it."""
    return (made.create_time.ToDatetime() - timedelta(days=back)).date().isoformat()


def report(made: decision_pb.Decision, back: int = 0, **changes: Any) -> pb.RecordOutcomeRequest:
    """A loan that is booked on the day of its decision, or so many days before; changed."""
    fields: dict[str, Any] = {
        "decision_id": made.decision_id,
        "loan_id": "LN-1",
        "as_of_date": day(made, back),
        "status": pb.LOAN_STATUS_BOOKED,
        "disbursed_amount": MoneyMessage(currency_code="PHP", units=20_000),
        "disburse_date": day(made, max(back, 1)),
        "instalment": MoneyMessage(currency_code="PHP", units=3_900),
    }
    return pb.RecordOutcomeRequest(outcome=pb.LoanOutcome(**(fields | changes)))


def stub_of(live: Running) -> outcome_service_pb2_grpc.OutcomeServiceStub:
    return outcome_service_pb2_grpc.OutcomeServiceStub(live.channel)


async def decided(live: Running, metadata: Metadata = ()) -> decision_pb.Decision:
    reply = await live.stub.CreateDecision(create(GEORGE), metadata=metadata)
    made: decision_pb.Decision = reply.decision
    return made


async def refused(live: Running, request: pb.RecordOutcomeRequest) -> Refusal:
    with pytest.raises(grpc.RpcError) as error:
        await stub_of(live).RecordOutcome(request)
    return refusal(error.value)


async def test_a_loan_from_booked_to_repaid(live: Running) -> None:
    """Each later day supersedes; an earlier one is kept and told; each is safe to repeat."""
    stub, made = stub_of(live), await decided(live)
    first, repaid = report(made, 1), report(made, status=pb.LOAN_STATUS_REPAID)
    reply = await stub.RecordOutcome(repaid)
    assert (reply.receipt, reply.newest_as_of_date) == (RECORDED, day(made))
    reply = await stub.RecordOutcome(first)
    assert (reply.receipt, reply.newest_as_of_date) == (OLDER, day(made))
    for request in (first, repaid):
        assert (await stub.RecordOutcome(request)).receipt == REPEATED
    listed, asked = [], pb.ListOutcomesRequest(decision_id=made.decision_id, page_size=1)
    while not listed or asked.page_token:
        page = await stub.ListOutcomes(asked)
        listed += page.outcomes
        asked.page_token = page.next_page_token
    assert [one.outcome for one in listed] == [first.outcome, repaid.outcome]
    assert all(one.report_time.ToDatetime() >= made.create_time.ToDatetime() for one in listed)


async def test_what_was_paid_out_twice_is_recorded_owed_and_flagged(live: Running) -> None:
    """Two loans on one decision count in full, until a correction names the one it replaces."""
    stub, made = stub_of(live), await decided(live)
    asked = pb.ListOutcomesRequest(decision_id=made.decision_id)
    first = await stub.RecordOutcome(report(made))
    assert (first.receipt, first.HasField("overdrawn")) == (RECORDED, False)
    assert not (await stub.ListOutcomes(asked)).HasField("overdrawn")
    second = await stub.RecordOutcome(report(made, loan_id="LN-2"))
    listed = await stub.ListOutcomes(asked)
    assert second.receipt == RECORDED
    for reply in (second, listed):
        told = reply.overdrawn
        assert (told.paid_out_amount.units, told.approved_amount.units) == (40_000, 20_000)
    again = report(made, loan_id="LN-2", replaces_loan_id="LN-1", correction=True)
    corrected = await stub.RecordOutcome(again)
    assert (corrected.receipt, corrected.HasField("overdrawn")) == (
        pb.OUTCOME_RECEIPT_CORRECTED,
        False,
    )
    listed = await stub.ListOutcomes(asked)
    assert not listed.HasField("overdrawn")
    assert [(one.outcome.loan_id, one.replaced) for one in listed.outcomes] == [
        ("LN-1", True),
        ("LN-2", False),
    ]
    wrong = await refused(live, report(made, loan_id="LN-3", replaces_loan_id="LN-9"))
    assert wrong.fields == {
        "outcome.replaces_loan_id": (
            "outcome.replaces_loan_id is LN-9, not reported: name a loan that was, or leave it out"
        )
    }


async def test_an_empty_request_names_every_field(live: Running) -> None:
    """Nothing is looked up before all are there."""
    told = await refused(live, pb.RecordOutcomeRequest())
    needed = ("decision_id", "loan_id", "as_of_date", "status")
    assert list(told.fields) == [f"outcome.{name}" for name in needed]
    with pytest.raises(grpc.RpcError) as error:
        await stub_of(live).ListOutcomes(pb.ListOutcomesRequest(page_size=-1))
    assert list(refusal(error.value).fields) == ["decision_id", "page_size"]


async def test_only_decisions_that_the_caller_may_read(tmp_path: Path) -> None:
    """An unknown decision and another caller's are refused alike; `read` reads every caller's."""
    team = Team(tmp_path)
    los = team.hire("los", "decide", "outcomes")
    servicing = team.hire("servicing", "outcomes", "read")
    other = team.hire("other", "decide", "outcomes")
    auditor = team.hire("auditor", "read")
    async with running(tmp_path, auth_tokens_file=str(team.path)) as live:
        stub = stub_of(live)
        made = await decided(live, los)
        told = set()
        for one in (made.decision_id, UNKNOWN):
            for call in (
                stub.RecordOutcome(report(made, decision_id=one), metadata=other),
                stub.ListOutcomes(pb.ListOutcomesRequest(decision_id=one), metadata=other),
            ):
                with pytest.raises(grpc.RpcError) as error:
                    await call
                found = refusal(error.value)
                assert (found.code, found.info.reason) == (
                    grpc.StatusCode.NOT_FOUND,
                    "DECISION_UNKNOWN",
                )
                told.add(found.message.replace(one, "ID"))
        assert len(told) == 1
        reply = await stub.RecordOutcome(report(made), metadata=servicing)
        assert reply.receipt == RECORDED
        reply = await stub.RecordOutcome(report(made), metadata=los)
        assert reply.receipt == REPEATED
        asked = pb.ListOutcomesRequest(decision_id=made.decision_id)
        for metadata in (los, servicing, auditor):
            assert len((await stub.ListOutcomes(asked, metadata=metadata)).outcomes) == 1


def test_a_file_of_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Broken and refused lines are told by number while the rest goes on; again changes nothing."""
    with serving(tmp_path) as process:
        at = ("--address", process.address, "--format", "json")
        made = json.loads(command(capsys, *DECIDE, *at).out)
        decision_id, today = made["decision_id"], datetime.fromisoformat(made["create_time"]).date()
        before = today - timedelta(days=1)
        lines = (
            "decision_id,loan_id,as_of_date,status,disbursed_amount,disburse_date,instalment",
            f"{decision_id},LN-1,{today},booked,20000,{before},3900",
            f"{decision_id},LN-1,{before},booked,20000,{before},3900",
            f"{UNKNOWN},LN-2,{today},repaid,,,",
            f'{decision_id},"LN-3,{today},repaid,,,',
            f"{decision_id},LN-4,{today},not-taken-up,,,",
        )
        twice = tmp_path / "twice.csv"
        twice.write_text(f"{lines[0]}\n{lines[1].replace('LN-1', 'LN-5')}\n")
        file = tmp_path / "loans.csv"
        file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode() + b"\n\xff\xfe,\n")
        sent = [command(capsys, "decisions", "outcomes", str(file), *at) for _ in "12"]
        broken = tmp_path / "broken.csv"
        broken.write_text("loan,overdue\n")
        wrong = command(capsys, "decisions", "outcomes", str(broken), *at)
        words = command(capsys, "decisions", "outcomes", str(file), *at[:2])
        over = command(capsys, "decisions", "outcomes", str(twice), *at[:2])
        chain = command(capsys, "decisions", "chain", decision_id, *at[:2])
    first, second = (json.loads(done.out) for done in sent)
    assert [done.code for done in sent] == [1, 1]
    counts = ("lines", "recorded", "older", "repeated", "refused")
    assert [first[name] for name in counts] == [6, 2, 1, 0, 3]
    assert [second[name] for name in counts] == [6, 0, 0, 3, 3]
    assert [problem["line"] for problem in first["problems"]] == [4, 5, 7]
    assert f"{file}:4: NOT_FOUND: there is no decision {UNKNOWN}" in sent[0].err
    assert (wrong.code, "the header has 'loan'" in wrong.err) == (2, True)
    assert "6 lines: 0 recorded" in words.out
    flag = "OVERDRAWN: 40,000 PHP paid out on 20,000 PHP approved"
    assert over.err == f"{twice}:2: decision {decision_id} is {flag}\n"
    assert over.out.endswith("0 refused; 1 of a decision that is OVERDRAWN\n")
    assert flag in chain.out


def test_a_server_that_is_gone_stops_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3 with the line, and what to do; a file that is not there is exit code 2."""
    file = tmp_path / "loans.jsonl"
    line = {"decision_id": UNKNOWN, "loan_id": "LN-1", "as_of_date": "2026-12-31"}
    file.write_text(json.dumps(line | {"status": "repaid"}))
    done = command(capsys, "decisions", "outcomes", str(file), "--address", "127.0.0.1:1")
    assert (done.code, done.out) == (3, "")
    assert f"{file}:1: no server answers" in done.err
    assert "send the whole file again" in done.err
    done = command(capsys, "decisions", "outcomes", str(tmp_path / "none.csv"))
    assert (done.code, "cannot be read" in done.err) == (2, True)


ALONE = CHALLENGED[: CHALLENGED.index("challenger:")]

WATCHED = """\
guardrails:
  - {name: declines, metric: decline_rate, scope: product, max: 0.90, min_units: 2, window: 1h,
     action: pause}
"""

SHADOWED = ALONE + "shadow: [{version: 2, percent: 100}]\n" + WATCHED


@dataclass(frozen=True, slots=True)
class Measured:
    """A running service that decided for the sandbox people."""

    live: Running
    rollouts: Any
    made: list[decision_pb2.Decision]

    async def figures(self) -> rollout_figures_pb2.RolloutFigures:
        return (
            await self.rollouts.GetRollout(rollouts_pb.GetRolloutRequest(product=PRODUCT))
        ).figures

    async def run(self, capsys: pytest.CaptureFixture[str], *words: str) -> Done:
        """`decision-service rollout …`"""
        return await asyncio.to_thread(command, capsys, "rollout", *words, *self.at)

    @property
    def at(self) -> tuple[str, str]:
        """Where it serves, as an option."""
        return "--address", self.live.service.address

    async def replayed(self, decision: decision_pb2.Decision, version: int) -> str:
        """What a version makes of a decision, by replaying it."""
        request = decisions_pb.ReplayDecisionRequest(decision_id=decision.decision_id)
        request.ruleset_ref.version = version
        return outcome((await self.live.stub.ReplayDecision(request)).decision)

    async def by_replay(self) -> Counter[tuple[str, str]]:
        """The outcomes of versions 1 and 2 on everybody, by replaying each decision."""
        pairs = [(await self.replayed(d, 1), await self.replayed(d, 2)) for d in self.made]
        return Counter(pairs)


@asynccontextmanager
async def measured(folder: Path, plan: str) -> AsyncIterator[Measured]:
    """Decide for everybody under a plan, whose version 2 asks for a much higher income."""
    rules = own_rules(folder)
    second = rules / PRODUCT / "v2.yaml"
    second.write_text(edited(second.read_text(), STRICTER))
    (rules / PRODUCT / "rollout.yaml").write_text(plan)
    with capture_logs():
        async with running(folder, rules_dir=str(rules)) as live:
            made = [
                (await live.stub.CreateDecision(create(person.user_id))).decision
                for person in sandbox_people()
            ]
            stub = rollout_service_pb2_grpc.RolloutServiceStub(live.channel)
            yield Measured(live, stub, made)


async def counted(seen: Measured) -> rollout_figures_pb2.RolloutFigures:
    """The figures once everything that goes on beside deciding has been written."""
    many = len(seen.made)

    def written(figures: rollout_figures_pb2.RolloutFigures) -> bool:
        counts = [sum(arm.attempts for arm in figures.arms)]
        counts += [s.compared + s.not_comparable + s.failed for s in figures.shadows]
        return set(counts) == {many}

    return await until(seen.figures, written)


def _word(name: str) -> str:
    return name.removeprefix("OUTCOME_")


def changed(found: rollout_figures_pb2.ShadowFigures) -> Mapping[tuple[str, str], int]:
    """Decisions by pair of outcomes that differ."""
    name = decision_pb2.Outcome.Name
    return {(_word(name(p.live)), _word(name(p.other))): p.count for p in found.changes}


@pytest.mark.long
async def test_a_shadow_is_measured_beside_the_decisions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Arms, shadow and guardrail show what was decided, and what replays say of the shadow."""
    async with measured(tmp_path, SHADOWED) as seen:
        figures = await counted(seen)
        (arm,) = figures.arms
        made = Counter(outcome(decision) for decision in seen.made)
        assert (arm.arm, arm.version, arm.percent) == ("champion", 1, "100")
        assert (arm.approved.count, arm.referred.count, arm.declined.count) == (
            made["APPROVE"],
            made["REFER"],
            made["DECLINE"],
        )
        assert arm.approved_amount.units == sum(
            d.offer.approved_amount.units for d in seen.made if outcome(d) == "APPROVE"
        )
        (guardrail,) = figures.guardrails
        assert (guardrail.standing, guardrail.units, guardrail.allowed) == ("ok", 4, "90 %")
        (shadow,) = figures.shadows
        replayed = await seen.by_replay()
        changes = {change: number for change, number in replayed.items() if change[0] != change[1]}
        assert (shadow.compared, shadow.compared - shadow.agreed) == (4, sum(changes.values()))
        assert changed(shadow) == changes
        shown = (await seen.run(capsys, "show", PRODUCT)).out
        assert "shadow v2 of 100 %: 4 compared, agrees " in shown
        assert "decline_rate of product, the last 1h" in shown
