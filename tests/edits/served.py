"""The service that the ways of one person are walked against: its own parts on a real store.

The folder is read as a running service reads it, and persons come as the edge hands them on.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Coroutine
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from structlog.testing import capture_logs

from decision_service.api.v1 import ruleset_service_pb2 as pb
from decision_service.app.core import StartError, open_rules
from decision_service.domain.actors import TokenSubject
from decision_service.domain.errors import ReleaseRefused, StoreError
from decision_service.rollout_running.releases import FolderRefused, OperateReleases
from decision_service.rulebook.folder import RulesFolderMissing, read_rules
from decision_service.rules.language.diagnostics import render
from decision_service.runtime.clock import SystemClock
from decision_service.runtime.settings import Settings
from decision_service.server.services.releases import ReleaseCalls
from decision_service.server.transport.context import CallInfo, Role
from decision_service.store.seals import JOURNAL_KEYS
from decision_service.store.store import Store
from tests.edits.ways import NOTHING, Person, Proposal, Refused, Tables

T = TypeVar("T")

REFUSALS = (ReleaseRefused, StoreError, StartError)


@dataclass
class _Context:
    """What the calls read of a call."""

    info: CallInfo


class ServedRules:
    """One process: started, it reads its folder once more for each `propose`."""

    tables = Tables(
        "releases",
        digest="digest",
        deciding="action IN ('take-over', 'release', 'revert')",
    )

    def __init__(self, root: Path) -> None:
        self.folder = root
        self.store = root / "service.db"
        self.key_file = root / "journal-keys"
        self._clock = SystemClock()
        self._runner = asyncio.Runner()
        self._opened: Store | None = None
        self._releases: OperateReleases | None = None
        self._heard: list[str] = []
        self._others: list[ServedRules] = []

    def start(self, folder: Path) -> None:
        self.folder = folder
        if not self.key_file.exists():
            JOURNAL_KEYS.add(self.key_file)
        chosen = {
            "RULES_DIR": folder,
            "STORE_URL": f"sqlite:///{self.store}",
            "REQUIRE_APPROVAL": "true",
            "AUTH_TOKENS_FILE": self.store.with_name("callers.yaml"),
            "JOURNAL_KEY_FILE": self.key_file,
            "SMILE_MODE": "sandbox",
        }
        settings = Settings(**{name.lower(): str(value) for name, value in chosen.items()})
        self._releases = self._run(self._started(settings))

    async def _started(self, settings: Settings) -> OperateReleases:
        url = settings.store_url
        self._opened = await Store.open(url, journal_keys=settings.journal_key_file)
        return await open_rules(settings, settings.rules_dir, self._opened, clock=self._clock)

    def propose(self) -> Proposal | None:
        if self._releases is None:
            return None
        try:
            return self._run(self._proposed(self._releases))
        except Refused:
            return None

    async def _proposed(self, releases: OperateReleases) -> Proposal | None:
        """As a running service does: its folder is offered, then it looks at the journal."""
        try:
            await releases.offer(await asyncio.to_thread(read_rules, self.folder))
        except FolderRefused as refused:
            found = "\n".join(map(render, refused.problems))
            self._heard.append(f"the folder does not load: {found}")
        except RulesFolderMissing as missing:
            self._heard.append(str(missing))
        await releases.follow()
        await releases.rollouts.refresh()
        waiting = [*(await releases.read()).open(self._clock.now())]
        return Proposal(waiting[-1].digest, waiting[-1].base) if waiting else None

    def confirm(self, by: Person, digest: str, position: int) -> None:
        assert self._releases is not None
        self._run(self._confirmed(self._releases, by, digest, position=position))

    async def _confirmed(
        self, releases: OperateReleases, by: Person, digest: str, position: int
    ) -> None:
        """They tick whatever is asked: nobody who means harm leaves a box empty."""
        now = self._clock.now()
        info = CallInfo(caller=by.caller, roles=frozenset(Role(one) for one in by.roles))
        if by.id_token:
            info.person = TokenSubject(by.issuer, by.subject)
            info.signed_in = now - by.signed_in
        calls = ReleaseCalls(
            releases,
            self._clock,
            roles_of=lambda _: info.roles,
            persons_only=lambda: True,
            programs=lambda: frozenset({"1"}),
        )
        shown = await calls.get(pb.GetReleaseRequest(digest=digest))
        request = pb.ConfirmReleaseRequest(
            digest=digest,
            position=position,
            accepted=[one.name for one in shown.loosenings],
            why="read and understood",
        )
        await calls.confirm(request, _Context(info))  # type: ignore[arg-type]  # it reads no more

    def live_digest(self) -> str:
        releases = self._releases
        if releases is None or not releases.decides:
            return NOTHING
        parts = []
        for name, product in sorted(releases.rollouts.products.items()):
            versions = {number: one.digest for number, one in sorted(product.versions.items())}
            parts.append(f"{name} {versions} {product.plan.digest} {product.state}")
        return sha256("\n".join(parts).encode()).hexdigest()

    def sql(self, statement: str, *values: Any) -> None:
        with closing(sqlite3.connect(self.store)) as connection, connection:
            connection.execute(statement, values)

    def restart(self) -> None:
        self._stop()
        self.start(self.folder)

    def restore(self, backup: Path) -> None:
        self._stop()
        for path in self.store.parent.glob(f"{self.store.name}-*"):
            path.unlink()
        shutil.copy(backup, self.store)

    def second(self, folder: Path) -> ServedRules:
        # A SQLite store serves one process: it takes over from this one.
        self._stop()
        other = ServedRules(self.store.parent)
        self._others.append(other)
        other.start(folder)
        return other

    def heard(self) -> str:
        return "\n".join(self._heard)

    def close(self) -> None:
        self._stop()
        self._runner.close()
        for other in self._others:
            other.close()

    def _stop(self) -> None:
        if self._opened is not None:
            self._runner.run(self._opened.aclose())
        self._opened = None
        self._releases = None

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a call, and keep what it logs; raises Refused."""
        with capture_logs() as logs:
            try:
                return self._runner.run(work)
            except REFUSALS as error:
                said = "\n".join([str(error), *getattr(error, "lines", ())])
                self._heard.append(said)
                raise Refused(said) from None
            finally:
                self._heard += [str(line) for line in logs]
