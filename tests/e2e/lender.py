"""A lender with its people: a loan system over gRPC, and persons at the command line."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from decision_service.api.v1.decision_service_pb2_grpc import DecisionServiceStub
from decision_service.standin.faults import Fault
from decision_service.standin.server import build_app, serve
from decision_service.store.keys import IDENTITY_KEYS
from decision_service.store.seals import JOURNAL_KEYS
from tests.e2e.process import serving
from tests.e2e.service import ROOT, Running
from tests.e2e.team import Team, bearer
from tests.e2e.test_reviews import SECRET, Office
from tests.unit.cli.commands import Done, command

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

    async def sign(self, who: str, *more: str | Path) -> Done:
        """Sign the folder by a person's key."""
        key = self.folder / f"{who}.key"
        signing = ("--by", who, "--key", key, "--no-prove")
        return await self.run("rules", "sign", self.rules, *signing, *more)

    async def published(self, *more: str | Path) -> None:
        """Juan signs the folder, then Maria what she is shown."""
        first = await self.sign("juan", *more)
        assert first.code == 0, first.err
        second = await self.sign("maria", "--digest", first.out.split()[-1])
        assert second.code == 0, second.err


@asynccontextmanager
async def lender(
    folder: Path, store_url: str, capsys: pytest.CaptureFixture[str], *faults: Fault
) -> AsyncIterator[Lender]:
    """A service that loads only what two persons signed, with everybody who works with it."""
    team = await asyncio.to_thread(_hired, folder, capsys)
    shutil.copytree(ROOT / "rules", folder / "rules", ignore=shutil.ignore_patterns("gig-*"))
    (folder / "rules" / "policy.yaml").write_text("floors: {figures: 0}\n")  # spares minutes
    IDENTITY_KEYS.add(folder / "identity-keys")
    JOURNAL_KEYS.add(folder / "journal-keys")
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
        "journal_key_file": str(folder / "journal-keys"),
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
