"""Decisions that are not what their rules concluded, on a running service: marked everywhere."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx2
import pytest
from structlog.testing import capture_logs

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import PRODUCT, Running, create, outcome, own_rules, running
from tests.fakes.plans import CHALLENGED
from tests.unit.cli.commands import Done, command

GEORGE = sandbox_people()[0].user_id
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
            assert outcome((await live.stub.CreateDecision(create(GEORGE))).decision) == "APPROVE"
            decision = (await live.stub.CreateDecision(create(GEORGE))).decision
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
