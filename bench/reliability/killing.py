"""Servers that are killed again and again, at points of the code and at any moment."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from bench.reliability.server import NotServing, Server
from decision_service.runtime.failpoints import Point

ALIVE = (0.05, 1.5)
"""Seconds that a server lives before it is killed from outside."""


@dataclass(slots=True)
class Kills:
    """How servers died, and seconds until each served again: forked in the storm, anew alone."""

    deaths: Counter[str] = field(default_factory=Counter)
    forked: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def by_place(self) -> str:
        """How many at each point, and at any moment."""
        return ", ".join(f"{place} {count}" for place, count in sorted(self.deaths.items()))


@dataclass(frozen=True, slots=True)
class Killing:
    """Kills servers under load; `points` say how often one is passed at most before a death."""

    kills: Kills
    dice: Random
    points: Mapping[Point, int]

    async def again_and_again(self, server: Server, over: asyncio.Event) -> None:
        """Half of the deaths come at a point, half at any moment."""
        point: Point | None = None
        while not over.is_set():
            moment = self.dice.uniform(*ALIVE)
            by_itself = await server.dies_within(moment if point is None else 4 * moment)
            await server.kill()
            self.kills.deaths[str(point) if by_itself else "any moment"] += 1
            point = self.dice.choice([*self.points]) if self.dice.random() < 0.5 else None
            if not await self._again(server, point):
                return
        await server.kill()

    async def _again(self, server: Server, point: Point | None) -> bool:
        """Start it, to die at a point or not; False where it does not serve for no reason."""
        arming: tuple[str, ...] = ()
        if point is not None:
            arming = ("--die-at", f"{point}:{self.dice.randint(1, self.points[point])}")
        try:
            took = await server.start(*arming)
        except NotServing as error:
            if point is None:
                self.kills.failures.append(str(error))
            return point is not None
        self.kills.forked.append(took)
        return True
