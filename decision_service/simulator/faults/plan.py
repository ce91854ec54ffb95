"""Faults, and the plan of which requests they hit.

A fault is scripted in code with `Fault(...)` or by `scenario.load_scenario`; `EFFECTS`
lists every effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from decision_service.simulator.faults.data import DATA_FAULTS
from decision_service.simulator.faults.effect import AppliedEffect, Effect, FaultRefused
from decision_service.simulator.faults.transport import TRANSPORT_FAULTS

EFFECTS: dict[str, Effect] = {**TRANSPORT_FAULTS, **DATA_FAULTS}
"""Every effect that a fault can have, by name."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    `effect` is a name of `EFFECTS`, `settings` its settings. `path` is a glob over the path below
    `/v1` (`/contributions`, `/accounts/*`), `user` a user id (None is anybody). The first
    `skip` matching requests pass; `times` requests after them are hit (None is all).
    """

    effect: str
    path: str = "*"
    user: str | None = None
    method: str = "*"
    times: int | None = None
    skip: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.effect not in EFFECTS:
            known = ", ".join(sorted(EFFECTS))
            raise FaultRefused(f"there is no fault {self.effect!r}: use one of {known}")
        EFFECTS[self.effect].check(self.settings)

    def concerns(self, method: str, path: str, user_id: str | None) -> bool:
        """Whether the fault concerns a request."""
        if self.user not in (None, user_id):
            return False
        return fnmatchcase(path, self.path) and fnmatchcase(method, self.method.upper())


class FaultPlan:
    """The faults in force, and how many requests each has concerned.

    `standing` faults belong to the world's people; `added` faults can be cleared. `hits` counts the
    requests that were hit so far.
    """

    def __init__(self, standing: Iterable[Fault] = (), added: Iterable[Fault] = ()) -> None:
        self._standing = tuple(standing)
        self._faults: list[Fault] = []
        self._met: dict[int, int] = {}
        self.hits = 0
        self.clear()
        self.add(*added)

    def add(self, *faults: Fault) -> None:
        """Put more faults in force."""
        self._faults += faults

    def clear(self) -> None:
        """Take every added fault out of force and forget the counts."""
        self._faults = list(self._standing)
        self._met.clear()

    def effects_on(self, method: str, path: str, user_id: str | None) -> list[AppliedEffect]:
        """Count a request and return the effects on its answer, in the order scripted."""
        found = [
            AppliedEffect(EFFECTS[fault.effect], fault.settings)
            for number, fault in enumerate(self._faults)
            if fault.concerns(method, path, user_id) and self._hits(number, fault)
        ]
        self.hits += bool(found)
        return found

    def _hits(self, number: int, fault: Fault) -> bool:
        met = self._met[number] = self._met.get(number, 0) + 1
        past = met - fault.skip
        return past > 0 and (fault.times is None or past <= fault.times)
