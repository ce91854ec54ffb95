"""A lender's rollout as a test tells it: the rules of docs/story, a crowd, two processes."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import yaml
from google.type.money_pb2 import Money

from decision_service.api.v1 import (
    decision_pb2,
    decision_service_pb2_grpc,
    rollout_pb2,
    rollout_service_pb2_grpc,
)
from decision_service.api.v1 import decision_service_pb2 as decisions_pb
from decision_service.api.v1 import rollout_service_pb2 as pb
from decision_service.rollout.assign import slot
from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import build_app, serve
from tests.e2e.process import serving
from tests.e2e.service import ROOT, create
from tests.kits.cases import until

PRODUCT = "story-loan"
PATIENCE = 30.0
PAGE_FOLDER = ROOT / "docs" / "story"
"""The product that docs/run.md tells of, and the plan with its challenger."""
CHALLENGED_PLAN = (PAGE_FOLDER / "challenger.yaml").read_text(encoding="utf-8")
MIN_UNITS = yaml.safe_load(CHALLENGED_PLAN)["guardrails"][0]["min_units"]
STAFF = ("ana", "ben")
GEORGE = sandbox_people()[0].user_id
_CUSTOMERS = [f"customer-{number}" for number in range(1, 201)]


@dataclass(frozen=True, slots=True)
class Crowd:
    """Customers by where the hash puts them: allowed, within 10 %, within 50 %, outside."""

    staff: tuple[str, ...]
    pilot: tuple[str, ...]
    half: tuple[str, ...]
    outside: tuple[str, ...]

    @property
    def everybody(self) -> tuple[str, ...]:
        return (*self.staff, *self.pilot, *self.half, *self.outside)


def crowd() -> Crowd:
    """Enough of each for the story, the same at every run."""
    by_slot = {one: slot(PRODUCT, one) for one in _CUSTOMERS}
    return Crowd(
        staff=STAFF,
        pilot=tuple(one for one, dealt in by_slot.items() if dealt < 10_000)[:6],
        half=tuple(one for one, dealt in by_slot.items() if 10_000 <= dealt < 50_000)[:40],
        outside=tuple(one for one, dealt in by_slot.items() if dealt >= 50_000)[:8],
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
        applied = {"product": PRODUCT, "customer_ref": one, "requested_amount": amount}
        request = create(GEORGE, requested_term_months=None, **applied)
        return (await self.decisions.CreateDecision(request, timeout=PATIENCE)).decision

    async def rollout(self) -> rollout_pb2.Rollout:
        return (await self.rollouts.GetRollout(pb.GetRolloutRequest(product=PRODUCT))).rollout

    async def advance(self, why: str) -> rollout_pb2.RolloutStep:
        request = pb.AdvanceRolloutRequest(product=PRODUCT, track="go-live", why=why)
        return (await self.rollouts.AdvanceRollout(request)).step

    async def switch(self, why: str, *, killed: bool) -> rollout_pb2.RolloutStep:
        request = pb.SetKillSwitchRequest(product=PRODUCT, killed=killed, why=why)
        return (await self.rollouts.SetKillSwitch(request)).step

    async def steps(self) -> list[rollout_pb2.RolloutStep]:
        """The journal, oldest first."""
        request = pb.ListRolloutStepsRequest(product=PRODUCT)
        return [*reversed((await self.rollouts.ListRolloutSteps(request)).steps)]

    async def arms(self, people: tuple[str, ...]) -> dict[str, str]:
        """By which arm each would be decided now; empty where it would not be."""
        found = {}
        for one in people:
            request = pb.ExplainAssignmentRequest(product=PRODUCT, user_id=GEORGE, customer_ref=one)
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
    """Copy the rules, start the vendor's stand-in and both processes."""
    rules = shutil.copytree(PAGE_FOLDER / "rules", folder / "rules")
    app = build_app(api_key="k", api_secret="s")
    async with serve(app) as base_url, AsyncExitStack() as stack:
        settings = {
            "smile_mode": "sandbox",
            "smile_base_url": base_url,
            "smile_api_key": "k",
            "smile_api_secret": "s",
            "store_url": store_url,
            "rules_dir": str(rules),
            "drain_delay": "0s",
        }
        one, other = [await _start(stack, folder, settings) for _ in range(2)]
        yield Story(one, other, crowd(), rules / PRODUCT / "rollout.yaml")


async def _start(stack: AsyncExitStack, folder: Path, settings: dict[str, str]) -> Server:
    process = await asyncio.to_thread(stack.enter_context, serving(folder, **settings))
    channel = await stack.enter_async_context(grpc.aio.insecure_channel(process.address))
    return Server(
        decision_service_pb2_grpc.DecisionServiceStub(channel),
        rollout_service_pb2_grpc.RolloutServiceStub(channel),
        process.address,
    )
