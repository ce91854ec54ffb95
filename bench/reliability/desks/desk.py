"""One store's replicas as loan systems and reviewers call them, who ask until they are answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import grpc

from bench.reliability.client import Client, reason
from bench.reliability.desks.account import Account, Case
from bench.reliability.history import Request
from bench.reliability.lanes import Lane
from bench.reliability.sender import deliver, event, signed
from bench.reliability.vendor import RunningVendor
from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1.review_service_pb2_grpc import ReviewServiceStub
from decision_service.standin.faults import Fault
from tests.e2e.team import Metadata, Team

PAUSE = 0.02
"""Seconds after a call that nobody answered."""

TIMEOUT = 10.0
LOAN_SYSTEM = "los"
REVIEWERS = ("ana", "ben", "cora")
SECOND = ("dan", "eva")
_ANSWERS = frozenset(
    {
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.NOT_FOUND,
    }
)
"""Refusals; after every other error the call is made again."""


def hired(folder: Path) -> tuple[Path, Mapping[str, Metadata]]:
    """A callers file of all who call, and what each shows."""
    team = Team(folder)
    shown = {LOAN_SYSTEM: team.hire(LOAN_SYSTEM, "decide", "read")}
    shown |= {name: team.hire(name, "review", "read") for name in REVIEWERS}
    shown |= {name: team.hire(name, "review_second", "read") for name in SECOND}
    return team.path, shown


@dataclass(slots=True)
class Script:
    """Whose contributions the vendor cannot give."""

    vendor: RunningVendor
    lacking: set[str] = field(default_factory=set)

    def withhold(self, user_id: str) -> None:
        """Give this person's contributions no longer."""
        self.lacking.add(user_id)
        self._apply()

    def give(self, user_id: str) -> None:
        """Give them again."""
        self.lacking.discard(user_id)
        self._apply()

    def _apply(self) -> None:
        self.vendor.app.faults.clear()
        self.vendor.app.faults.add(
            *(
                Fault("status", "/contributions", user_id, settings={"status": 503})
                for user_id in self.lacking
            )
        )


@dataclass(frozen=True, slots=True)
class Desk:
    """The replicas of one store, what each person shows, and the account of what they were told."""

    lanes: Sequence[Lane]
    shown: Mapping[str, Metadata]
    script: Script
    dice: Random
    name: str
    account: Account = field(default_factory=Account)

    async def decided(self, request: Request) -> decision_pb2.Decision:
        """A decision, asked for until it is there."""

        async def ask(client: Client) -> bytes:
            shown = self.shown[LOAN_SYSTEM]
            reply: bytes = await client.create(
                request, timeout=TIMEOUT, wait_for_ready=True, metadata=shown
            )
            return reply

        reply = await self._answered(ask)
        assert reply is not None, "the service refuses an application"
        return service_pb.CreateDecisionResponse.FromString(reply).decision

    async def asked(self, who: str, method: str, request: Any) -> Any | None:
        """The review that a call of the ReviewService gives; None where it is refused."""

        async def ask(client: Client) -> Any:
            call = getattr(ReviewServiceStub(client.channel), method)
            shown = self.shown[who]
            reply = await call(request, timeout=TIMEOUT, wait_for_ready=True, metadata=shown)
            return reply.review

        return await self._answered(ask)

    async def arrived(self, case: Case) -> None:
        """Let a person's data arrive, and tell of it until the event is taken."""
        self.script.give(case.user_id)
        number = f"{self.name}-{case.decision_id}"
        body = event(number, "TASK_FINISHED", case.user_id, datapoints=["CONTRIBUTIONS"])
        await deliver(self._receiver, signed(body))
        case.arrived = time.time()

    def _receiver(self) -> str:
        return self.dice.choice(self.lanes).server.settings["http_address"]

    async def _answered(self, ask: Callable[[Client], Awaitable[Any]]) -> Any | None:
        while True:
            try:
                return await ask(self.dice.choice(self.lanes).client)
            except grpc.RpcError as error:
                if reason(error) and error.code() in _ANSWERS:
                    self.account.refused[reason(error)] += 1
                    return None
                await asyncio.sleep(PAUSE)
