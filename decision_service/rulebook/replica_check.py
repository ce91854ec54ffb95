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
        ordered = sorted(self._names.items(), key=_most_frequent)
        return tuple(
            DigestsInForce(digest, len(names), digest == mine, process_names=names)
            for digest, names in ordered
        )

    async def run(self) -> None:
        """Check for ever."""
        while True:
            # While the store fails nothing is known of the others, and the last result stays.
            with suppress(StoreError):
                await self.check()
            await asyncio.sleep(PERIOD)

    async def check(self) -> None:
        mine = ProcessRules(self.name, rules_digest(self.rulebook()), self.program)
        found = await self.report(mine)
        self.programs = frozenset(one.program for one in found)
        self._names = _names_by_digest(found)
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


def _most_frequent(one: tuple[str, tuple[str, ...]]) -> tuple[int, str]:
    digest, names = one
    return -len(names), digest


def _names_by_digest(found: Sequence[ProcessRules]) -> dict[str, tuple[str, ...]]:
    names: dict[str, list[str]] = {}
    for one in found:
        names.setdefault(one.digest, []).append(one.process)
    return {digest: tuple(sorted(each)) for digest, each in names.items()}


def rules_digest(rulebook: Rulebook) -> str:
    """SHA-256 over the digests of every ruleset, list and plan; equal ones decide alike."""
    # Sorted, so that two processes that loaded the same have one digest.
    lines = []
    for name, product in sorted(rulebook.products.items()):
        lines.append(f"{name} plan {product.plan.digest}\n")
        for number, rules in sorted(product.versions.items()):
            lines.append(f"{name} v{number} {rules.digest}\n")
        lines += [f"{name} list {one.name} {one.digest}\n" for one in product.lists]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
