"""A plan that one person edited: it waits for two callers, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest

from decision_service.api.v1 import decision_service_pb2_grpc, rollout_pb2, rollout_service_pb2_grpc
from decision_service.api.v1 import rollout_service_pb2 as pb
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import build_app, serve
from tests.e2e.process import Process, command, serving
from tests.e2e.service import PRODUCT, create, outcome, own_rules
from tests.e2e.team import Metadata, Team
from tests.fakes.plans import CHALLENGED
from tests.kits.postgres import Postgres
from tests.kits.until import until
from tests.unit.rollout.plans import edited

GEORGE = sandbox_people()[0].user_id
LOCKED = edited(
    CHALLENGED,
    ("unit: ", "second_person_above: 10\nunit: "),
    ("initial_stage: all", "initial_stage: staff"),
)
OPENED = edited(
    LOCKED,
    ("second_person_above: 10\n", ""),
    ("  deny: []", "  segments: [{name: all, when: inputs.requested_amount > 0, percent: 100}]"),
)


class Operators:
    """A process as its operators reach it: what it shows and decides, and commands by a caller."""

    def __init__(self, process: Process, folder: Path, los: Metadata) -> None:
        channel = grpc.insecure_channel(process.address)
        self._rollouts = rollout_service_pb2_grpc.RolloutServiceStub(channel)
        self._decisions = decision_service_pb2_grpc.DecisionServiceStub(channel)
        self._at, self._folder, self._los = process.address, folder, los

    async def look(self) -> tuple[rollout_pb2.Rollout, str]:
        """The rollout, and how an applicant is decided now who is neither allowed nor pinned."""
        ask = pb.GetRolloutRequest(product=PRODUCT)
        get, decide = self._rollouts.GetRollout, self._decisions.CreateDecision
        made = await asyncio.to_thread(decide, create(GEORGE), metadata=self._los)
        shown = await asyncio.to_thread(get, ask, metadata=self._los)
        return shown.rollout, outcome(made.decision)

    async def run(self, name: str, *words: str) -> Any:
        """A rollout command by a caller."""
        who = ("--address", self._at, "--token-file", str(self._folder / name))
        return await asyncio.to_thread(command, "rollout", *words, *who, folder=self._folder)


@pytest.mark.long
async def test_an_edited_plan_waits_over_a_crash_and_is_confirmed_by_two(
    tmp_path: Path, postgres: Postgres
) -> None:
    """One row waits; after a kill the plan before goes on in every process; two confirm."""
    rules, team = own_rules(tmp_path), Team(tmp_path)
    plan = rules / PRODUCT / "rollout.yaml"
    plan.write_text(LOCKED)
    los = team.hire("los", "decide", "read")
    for name in ("ana", "ben"):
        team.hire(name, "rollout")
        (tmp_path / name).write_text(team.tokens[name])
    async with AsyncExitStack() as stack:
        vendor = serve(build_app(api_key="k", api_secret="s"))
        settings = {
            "smile_mode": "sandbox",
            "smile_base_url": await stack.enter_async_context(vendor),
            "smile_api_key": "k",
            "smile_api_secret": "s",
            "rules_dir": str(rules),
            "store_url": postgres.migrated(),
            "auth_tokens_file": str(team.path),
        }

        async def started() -> Operators:
            starting = stack.enter_context, serving(tmp_path, **settings)
            return Operators(await asyncio.to_thread(*starting), tmp_path, los)

        with serving(tmp_path, **settings) as process:
            one = Operators(process, tmp_path, los)
            in_force = (await one.look())[0].plan_digest
            plan.write_text(OPENED)
            await until(one.look, lambda now: now[0].HasField("proposed"))
            process.kill()
        one, other = await started(), await started()
        for process in (one, other):
            rollout, decided = await process.look()
            assert (rollout.position, rollout.plan_digest) == (2, in_force)
            assert (decided, rollout.proposed.by) == ("NOT_ENROLLED", "")
        shown = (await other.run("ana", "show", PRODUCT)).stdout
        assert "waits for two callers to confirm it" in shown
        assert "`second_person_above` is gone" in shown
        assert "segment all (inputs.requested_amount > 0) gets 100 %" in shown
        assert f'decision-service rollout confirm {PRODUCT} --why "…"' in shown
        first = await one.run("ana", "confirm", PRODUCT, "--why", "the board decided")
        assert "proposed by ana, another caller confirms it by" in first.stdout, first.stderr
        again = await one.run("ana", "confirm", PRODUCT, "--why", "the board decided")
        assert again.returncode == 1, again.stderr
        assert "`ana` proposed this already: another caller confirms it" in again.stderr
        assert "another caller confirms it" in again.stderr
        assert (await one.look())[1] == "NOT_ENROLLED"
        last = await one.run("ben", "confirm", PRODUCT, "--why", "as signed", "--ticket", "R-9")
        assert (last.returncode, last.stderr) == (0, "")
        rollout, _ = await until(other.look, lambda now: now[1] != "NOT_ENROLLED")
        assert (rollout.last_step.who, rollout.last_step.action) == ("ben", "plan")
        assert rollout.plan_digest == rollout.last_step.plan_digest != in_force
        history = (await other.run("ben", "history", PRODUCT)).stdout
        for word in ("service", "ana", "ben", "R-9", "propose", "plan"):
            assert word in history
