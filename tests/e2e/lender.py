"""A lender with its people: a loan system over gRPC, and persons at the command line."""

from __future__ import annotations

import asyncio
import json
import shutil
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import notice_service_pb2 as notice_pb
from decision_service.api.v1 import review_service_pb2 as pb
from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.api.v1.notice_service_pb2_grpc import NoticeServiceStub
from decision_service.api.v1.review_service_pb2_grpc import ReviewServiceStub
from decision_service.edge.http.webhooks import PATH, signature
from decision_service.simulator.faults.plan import Fault
from decision_service.simulator.server import Simulator, build_app, serve
from decision_service.storage.privacy.identity_keys import IDENTITY_KEYS
from tests.e2e.process import serving
from tests.e2e.service import ROOT, Running, create
from tests.e2e.team import Metadata, Team, bearer
from tests.unit.cli.commands import Done, command

SECRET = "one of the vendor's"
LOAN_SYSTEM = ("decide", "outcomes", "onboard_all")
ROLES = {
    "ana": ("review", "read"),
    "ben": ("review_second", "read"),
    "juan": ("rules",),
    "maria": ("rules_approve",),
    "olga": ("read",),
    "petra": ("subject_access", "onboard_all"),
}
"""Reviewers, who propose and approve rules, an auditor, and who answers applicants."""

SIGNERS = ("juan", "maria")


class Office:
    """A service with its people, each with a token."""

    def __init__(self, live: Running, vendor: Simulator, *people: Metadata) -> None:
        self.live, self.vendor = live, vendor
        self.los, self.ana, self.ben = people
        self.stub = ReviewServiceStub(live.channel)
        self.decisions = DecisionServiceStub(live.channel)

    async def decided(self, user_id: str, units: int = 20_000) -> decision_pb2.Decision:
        """A new decision."""
        amount = MoneyMessage(currency_code="PHP", units=units)
        request = create(user_id, requested_amount=amount)
        reply = await self.decisions.CreateDecision(request, metadata=self.los)
        made: decision_pb2.Decision = reply.decision
        return made

    async def read(self, decision_id: str, *, full: bool = False) -> decision_pb2.Decision:
        """A decision as its caller reads it later."""
        view = decision_pb2.DECISION_VIEW_FULL if full else decision_pb2.DECISION_VIEW_BASIC
        request = service_pb.GetDecisionRequest(decision_id=decision_id, view=view)
        found: decision_pb2.Decision = (
            await self.decisions.GetDecision(request, metadata=self.los)
        ).decision
        return found

    async def claimed(self, review_id: str, who: Metadata) -> pb.Review:
        """A claimed review."""
        request = pb.ClaimReviewRequest(review_id=review_id)
        claimed: pb.Review = (await self.stub.ClaimReview(request, metadata=who)).review
        return claimed

    async def letter(self, decision_id: str) -> notice_pb.Notice:
        """The letter of a decision."""
        request = notice_pb.GetNoticeRequest(decision_id=decision_id, language="fil")
        stub = NoticeServiceStub(self.live.channel)
        made: notice_pb.Notice = (await stub.GetNotice(request, metadata=self.los)).notice
        return made

    async def event(self, user_id: str, event_type: str, **data: Any) -> None:
        """An event as the vendor sends it."""
        event = {
            "id": f"et-{uuid.uuid4().hex}",
            "version": "v1",
            "type": event_type,
            "createdAt": "2026-11-24T04:00:00Z",
            "data": {"userId": user_id, **data},
        }
        body = json.dumps(event).encode()
        headers = {"smile-signature": signature(body, SECRET.encode())}
        async with httpx.AsyncClient(base_url=self.live.service.http_url) as client:
            assert (await client.post(PATH, content=body, headers=headers)).status_code == 200


@dataclass(frozen=True, slots=True)
class Lender:
    """The office, its folder with rules, callers, keys and tokens, and the store's URL."""

    office: Office
    folder: Path
    store_url: str
    capsys: pytest.CaptureFixture[str]

    @property
    def rules(self) -> Path:
        """The folder that the service loads and persons edit."""
        return self.folder / "rules"

    async def run(self, *words: str | Path) -> Done:
        """Run a command."""
        return await asyncio.to_thread(command, self.capsys, *words)

    async def ask(self, who: str, *words: str | Path) -> str:
        """What a command prints that a person runs against the service."""
        token = self.folder / f"{who}.token"
        at = ("--address", self.office.live.service.address, "--token-file", token)
        done = await self.run(*words, *at)
        assert done.code == 0, done.err
        return done.out

    async def read(self, who: str, *words: str | Path) -> Any:
        """The same in JSON."""
        return json.loads(await self.ask(who, *words, "--format", "json"))

    async def sign(self, who: str, word: str, *more: str | Path) -> Done:
        """Propose or approve the folder by a person's key."""
        key = self.folder / f"{who}.key"
        return await self.run("rules", word, self.rules, "--by", who, "--key", key, *more)

    async def published(self, *more: str | Path) -> str:
        """The digest of the folder, which Juan proposes and Maria approves."""
        proposed = await self.sign("juan", "propose", "--no-prove", *more)
        assert proposed.code == 0, proposed.err
        digest = proposed.out.partition("digest ")[2][:16]
        approved = await self.sign("maria", "approve", "--digest", digest)
        assert approved.code == 0, approved.err
        return digest


@asynccontextmanager
async def lender(
    folder: Path, store_url: str, capsys: pytest.CaptureFixture[str], *faults: Fault
) -> AsyncIterator[Lender]:
    """A service that loads only what two persons signed, with everybody who works with it."""
    team = await asyncio.to_thread(_hired, folder, capsys)
    shutil.copytree(ROOT / "rules", folder / "rules", ignore=shutil.ignore_patterns("gig-*"))
    IDENTITY_KEYS.add(folder / "identity-keys")
    settings = {
        "smile_mode": "sandbox",
        "smile_api_key": "k",
        "smile_api_secret": "s",
        "drain_delay": "0s",
        "webhook_secrets": SECRET,
        "http_address": "127.0.0.1:0",
        "identity_key_file": str(folder / "identity-keys"),
        "rules_dir": str(folder / "rules"),
        "require_approval": "true",
        "store_url": store_url,
        "auth_tokens_file": str(team.path),
    }
    unsigned = Lender(None, folder, store_url, capsys)  # type: ignore[arg-type]  # nothing is asked
    await unsigned.published()
    app = build_app(api_key="k", api_secret="s", faults=faults)
    async with AsyncExitStack() as stack:
        base_url = await stack.enter_async_context(serve(app))
        started = serving(folder, smile_base_url=base_url, **settings)
        service = await asyncio.to_thread(stack.enter_context, started)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(service.address))
        live = Running(service, channel, DecisionServiceStub(channel))  # type: ignore[arg-type]  # a process
        people = (bearer(team.tokens[name]) for name in ("los", "ana", "ben"))
        yield Lender(Office(live, app, *people), folder, store_url, capsys)


def _hired(folder: Path, capsys: pytest.CaptureFixture[str]) -> Team:
    """Everybody with a token, in a file of the same name, and signers with a key."""
    team, lines = Team(folder), {}
    for name in SIGNERS:
        made = command(capsys, "rules", "keys", "new", folder / f"{name}.key")
        lines[name] = made.out
    for name, roles in {"los": LOAN_SYSTEM, **ROLES}.items():
        team.hire(name, *roles, signs=lines.get(name, ""))
        (folder / f"{name}.token").write_text(team.tokens[name])
    return team
