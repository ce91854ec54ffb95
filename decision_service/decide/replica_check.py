"""Whether all processes on one store decide by the same rules and plans."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

import msgspec
import structlog

from decision_service.domain.errors import StoreError
from decision_service.domain.ports import Clock
from decision_service.rulebook.rulebook import Rulebook
from decision_service.runtime.telemetry import Alarm, raised

log = structlog.get_logger("decision_service.rules")

ALLOWED = 60.0
"""Seconds for which processes may differ, as while new rules are rolled out."""

PERIOD = 5.0
"""Seconds between two checks."""


class ProcessRules(msgspec.Struct, frozen=True):
    """What a process decides by, and the version of its program."""

    process: str
    digest: str
    program: str = ""


class DigestsInForce(msgspec.Struct, frozen=True):
    digest: str
    processes: int
    here: bool
    process_names: tuple[str, ...]


class ReplicaCheck(msgspec.Struct, eq=False):
    """Compares the digests of all processes, and logs an alarm where they differ for long.

    `report` is the store's: it gives the last report of each living process, this one included.
    `programs` are the versions that they said at the last check.
    """

    report: Callable[[ProcessRules], Awaitable[Sequence[ProcessRules]]]
    rulebook: Callable[[], Rulebook]
    clock: Clock
    name: str
    program: str = ""
    programs: frozenset[str] = frozenset()
    _names: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    _since: float | None = None
    _alarmed: bool = False

    @property
    def seconds(self) -> float:
        """For how long the processes have differed; 0 while they agree."""
        return 0.0 if self._since is None else self.clock.monotonic() - self._since

    @property
    def in_force(self) -> tuple[DigestsInForce, ...]:
        """The digests at the last check, the most frequent first."""
        mine = rules_digest(self.rulebook())
        ordered = sorted(self._names.items(), key=lambda one: (-len(one[1]), one[0]))
        return tuple(
            DigestsInForce(digest, len(names), digest == mine, process_names=names)
            for digest, names in ordered
        )

    async def run(self) -> None:
        """Check for ever; while the store fails, the last result stays."""
        while True:
            with suppress(StoreError):
                await self.check()
            await asyncio.sleep(PERIOD)

    async def check(self) -> None:
        mine = ProcessRules(self.name, rules_digest(self.rulebook()), self.program)
        found = await self.report(mine)
        self.programs = frozenset(one.program for one in found)
        self._names = {
            digest: tuple(sorted(one.process for one in found if one.digest == digest))
            for digest in {one.digest for one in found}
        }
        if len(self._names) <= 1:
            if self._alarmed:
                log.info("the processes decide by the same rules again")
            self._since = None
            self._alarmed = False
        else:
            self._differ()

    def _differ(self) -> None:
        if self._since is None:
            self._since = self.clock.monotonic()
        if self.seconds <= ALLOWED or self._alarmed:
            return
        self._alarmed = True
        log.error(
            "the processes on this store decide by different rules: publish the same everywhere",
            alarm=raised(Alarm.RULES_DIFFER),
            here=rules_digest(self.rulebook()),
            process=self.name,
            processes=dict(self._names),
        )


def rules_digest(rulebook: Rulebook) -> str:
    """SHA-256 over the digests of every ruleset, list and plan; equal ones decide alike."""
    lines = [
        f"{name} {what} {digest}\n"
        for name, product in sorted(rulebook.products.items())
        for what, digest in (
            ("plan", product.plan.digest),
            *((f"v{n}", rules.digest) for n, rules in sorted(product.versions.items())),
            *((f"list {one.name}", one.digest) for one in product.lists),
        )
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
