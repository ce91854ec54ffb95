"""A lender's rollout as a test tells it: rules of its own, a crowd, two processes on one store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import grpc
from google.type.money_pb2 import Money

from decision_service.api.v1 import (
    decision_pb2,
    decision_service_pb2_grpc,
    rollout_pb2,
    rollout_service_pb2_grpc,
)
from decision_service.api.v1 import decision_service_pb2 as decisions_pb
from decision_service.api.v1 import rollout_service_pb2 as pb
from decision_service.rollout.buckets import slot
from decision_service.simulator.formats.ids import user_id
from decision_service.simulator.people.population import EVERYDAY, population
from decision_service.simulator.server import build_app, serve
from tests.e2e.process import serving
from tests.e2e.service import create
from tests.kits.until import until

PRODUCT = "story-loan"
PATIENCE = 30.0
RULES = """\
ruleset: story-loan
version: {version}
title: A loan to whoever has {accounts} connected accounts
currency: PHP
time_zone: Asia/Manila
data: {{max_age: 30d, partial: use, combine_income: per_job, posting_lag_months: {{default: 2}}}}
inputs:
  requested_amount: {{type: money, required: true, min: 500, max: 50000}}
reasons:
  NO_ACCOUNT: {{text: {{en: Too few accounts are connected}}, regulatory: Unable to verify income}}
stages:
  - name: accounts
    component: KNOCKOUT
    rules:
      - {{id: none, when: accounts.connected_count < {accounts}, then: DECLINE, reason: NO_ACCOUNT}}
      - {{id: some, when: accounts.connected_count >= {accounts}, then: APPROVE}}
"""
CASES = """\
ruleset: story-loan
version: {version}
as_of: 2026-11-15
cases:
  - name: enough accounts are enough
    inputs: {{requested_amount: 5000}}
    factors: {{accounts.connected_count: {accounts}}}
    expect: {{outcome: APPROVE}}
"""
PLAN = """\
product: story-loan
unit: user_id
pin_for: 90d
go_live:
  salt: story-loan
  allow: [{staff}]
  stages:
    - {{name: staff, percent: 0}}
    - {{name: pilot, percent: 1}}
    - {{name: early, percent: 5}}
    - {{name: all, percent: 100}}
  initial_stage: staff
  advance: manual
versions:
  champion: 1
"""
MIN_UNITS = 12
CHALLENGER = f"""\
  challenger:
    version: 2
    salt: story-loan-v2
    stages: [{{name: half, percent: 50}}]
    initial_stage: half
guardrails:
  - {{name: approvals, metric: approval_rate, scope: arm, versus: champion, alpha: 0.01,
     min_units: {MIN_UNITS}, action: roll_back}}
"""
_SEED = 7
_LIVES = len(EVERYDAY)
_EMPLOYED = [user_id("population", _SEED, number * _LIVES) for number in range(1200)]
"""The first of each lap of everyday lives has a job and an account that delivers it."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Applicants by where the hash puts them: allowed, within 1 %, within 5 %, outside."""

    staff: tuple[str, ...]
    pilot: tuple[str, ...]
    early: tuple[str, ...]
    outside: tuple[str, ...]

    @property
    def everybody(self) -> tuple[str, ...]:
        return (*self.staff, *self.pilot, *self.early, *self.outside)


def crowd() -> Crowd:
    """Enough of each for the story, the same at every run."""
    by_slot = {one: slot(PRODUCT, one) for one in _EMPLOYED}
    outside = [one for one, dealt in by_slot.items() if dealt >= 5_000]
    return Crowd(
        staff=tuple(outside[:2]),
        pilot=tuple(one for one, dealt in by_slot.items() if dealt < 1_000)[:6],
        early=tuple(one for one, dealt in by_slot.items() if 1_000 <= dealt < 5_000)[:40],
        outside=tuple(outside[2:10]),
    )


def challenged(one: str) -> bool:
    """Whether the challenger's own hash gives it this applicant at 50 %."""
    return slot(f"{PRODUCT}-v2", one) < 50_000


@dataclass(frozen=True, slots=True)
class Server:
    """One of the processes, as its clients reach it."""

    decisions: Any
    rollouts: Any
    address: str

    async def decide(self, one: str) -> decision_pb2.Decision:
        amount = Money(currency_code="PHP", units=5000)
        request = create(one, product=PRODUCT, requested_amount=amount, requested_term_months=None)
        return (await self.decisions.CreateDecision(request, timeout=PATIENCE)).decision

    async def rollout(self) -> rollout_pb2.Rollout:
        return (await self.rollouts.GetRollout(pb.GetRolloutRequest(product=PRODUCT))).rollout

    async def advance(self, why: str) -> rollout_pb2.RolloutStep:
        request = pb.AdvanceRolloutRequest(product=PRODUCT, track="go-live", why=why, who="ana")
        return (await self.rollouts.AdvanceRollout(request)).step

    async def switch(self, why: str, *, killed: bool) -> rollout_pb2.RolloutStep:
        request = pb.SetKillSwitchRequest(product=PRODUCT, killed=killed, why=why, who="ben")
        return (await self.rollouts.SetKillSwitch(request)).step

    async def steps(self) -> list[rollout_pb2.RolloutStep]:
        """The journal, oldest first."""
        request = pb.ListRolloutStepsRequest(product=PRODUCT)
        return [*reversed((await self.rollouts.ListRolloutSteps(request)).steps)]

    async def arms(self, people: tuple[str, ...]) -> dict[str, str]:
        """By which arm each would be decided now; empty where it would not be."""
        found = {}
        for one in people:
            request = pb.ExplainAssignmentRequest(product=PRODUCT, user_id=one)
            found[one] = (await self.rollouts.ExplainAssignment(request)).assignment.arm
        return found

    async def recorded(self) -> list[decision_pb2.Decision]:
        """Every decision there is, oldest first."""
        request = decisions_pb.ListDecisionsRequest(product=PRODUCT, page_size=500)
        reply = await self.decisions.ListDecisions(request)
        assert not reply.next_page_token
        return [*reversed(reply.decisions)]


@dataclass(frozen=True, slots=True)
class Story:
    """Two processes on one database, on rules that both read."""

    one: Server
    other: Server
    crowd: Crowd
    plan: Path

    async def publish(self, text: str) -> None:
        """Write another plan, and wait until both processes decide by it."""
        before = (await self.one.rollout()).plan_digest
        self.plan.write_text(text)
        for server in (self.one, self.other):
            await until(server.rollout, lambda now: now.plan_digest != before)

    async def decide(self, people: tuple[str, ...]) -> list[decision_pb2.Decision]:
        """Decide for these people, half of them by each process."""
        servers = (self.one, self.other)
        return [await servers[at % 2].decide(one) for at, one in enumerate(people)]

    async def agree_on(self, arms: dict[str, str]) -> None:
        """Both processes must put everybody here, and nowhere else."""
        assert await self.one.arms(self.crowd.everybody) == arms
        assert await self.other.arms(self.crowd.everybody) == arms


@asynccontextmanager
async def told(folder: Path, store_url: str) -> AsyncIterator[Story]:
    """Write the rules, start the vendor's stand-in and both processes."""
    people, plan = crowd(), _write_rules(folder / "rules")
    world = partial(population, _SEED, len(_EMPLOYED) * _LIVES, profiles=EVERYDAY)
    app = build_app(world, api_key="k", api_secret="s", requests_per_second=1000)
    async with serve(app) as base_url, AsyncExitStack() as stack:
        settings = {
            "smile_mode": "sandbox",
            "smile_base_url": base_url,
            "smile_api_key": "k",
            "smile_api_secret": "s",
            "store_url": store_url,
            "rules_dir": str(folder / "rules"),
            "drain_delay": "0s",
        }
        one, other = [await _start(stack, folder, settings) for _ in range(2)]
        yield Story(one, other, people, plan)


def written_plan(*parts: str) -> str:
    """The plan with the crowd's staff allowed, and with further parts."""
    return PLAN.format(staff=", ".join(crowd().staff)) + "".join(parts)


def _write_rules(root: Path) -> Path:
    folder = root / PRODUCT
    (folder / "tests").mkdir(parents=True)
    for version, accounts in ((1, 1), (2, 9)):
        for form, name in ((RULES, f"v{version}.yaml"), (CASES, f"tests/v{version}.yaml")):
            (folder / name).write_text(form.format(version=version, accounts=accounts))
    plan = folder / "rollout.yaml"
    plan.write_text(written_plan())
    return plan


async def _start(stack: AsyncExitStack, folder: Path, settings: dict[str, str]) -> Server:
    process = await asyncio.to_thread(stack.enter_context, serving(folder, **settings))
    channel = await stack.enter_async_context(grpc.aio.insecure_channel(process.address))
    return Server(
        decision_service_pb2_grpc.DecisionServiceStub(channel),
        rollout_service_pb2_grpc.RolloutServiceStub(channel),
        process.address,
    )
