"""Whether the wall clock is plausible: not far behind the newest recorded decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Self

import structlog

from decision_service.alarms import Alarm, raised
from decision_service.pipeline.operations.clock_ports import ClockLog, ClockReset

TOLERANCE = timedelta(seconds=5)
"""How far a time service may set the clock back before ages are doubted."""

log = structlog.get_logger("decision_service.clock")


class ClockGuard:
    """The newest instant of a decision that counts and that this process knows of.

    None where there is none. Without a `store` nothing is reset; `position` is the newest reset
    that this guard has followed.
    """

    def __init__(
        self, store: ClockLog | None = None, newest: datetime | None = None, position: int = 0
    ) -> None:
        self.newest = newest
        self._store = store
        self._position = position
        self._doubted = False

    @classmethod
    async def open(cls, store: ClockLog) -> Self:
        """A guard of what the store holds; raises StoreUnavailable."""
        resets = await store.clock_resets()
        return cls(store, await newest_counted(store, resets), resets[0].position if resets else 0)

    def note(self, created: datetime) -> None:
        """Take the instant of a recorded decision."""
        if self.newest is None or created > self.newest:
            self.newest = created

    async def doubts(self, now: datetime) -> bool:
        """Whether this instant is more than 5 s before the newest record; logged as it begins.

        A reset by any process is followed. Raises StoreUnavailable.
        """
        if is_behind(now, self.newest):
            await self._follow()
        doubted = is_behind(now, self.newest)
        if doubted and not self._doubted:
            self._warn(now)
        self._doubted = doubted
        return doubted

    async def _follow(self) -> None:
        """Take over resets that came since, each once: what is recorded after it counts again."""
        resets = () if self._store is None else await self._store.clock_resets()
        fresh = [reset for reset in resets if reset.position > self._position]
        if not fresh:
            return
        self._position = fresh[0].position
        if self.newest is not None and any(reset.covers(self.newest) for reset in fresh):
            self.newest = fresh[0].at

    def _warn(self, now: datetime) -> None:
        if self.newest is None:
            return
        log.error(
            "clock went back",
            alarm=raised(Alarm.CLOCK),
            now=now.isoformat(),
            newest_decision=self.newest.isoformat(),
            behind_seconds=round((self.newest - now).total_seconds()),
            says="the clock is behind now, or was ahead when that decision was recorded: "
            "`decisions clock` tells which, and what to do",
        )


def is_behind(now: datetime, newest: datetime | None) -> bool:
    """Whether an instant is so long before the newest decision that its clock is doubted."""
    return newest is not None and newest - now > TOLERANCE


async def newest_counted(store: ClockLog, resets: Sequence[ClockReset]) -> datetime | None:
    """The newest decision that no reset covers, or the newest reset where that is later.

    Decisions that are recorded while real time passes through what a reset covers count in the
    processes that record them, and not at a later start.
    """
    newest = await store.newest_decision()
    while newest is not None:
        covering = [reset.first for reset in resets if reset.covers(newest)]
        if not covering:
            break
        newest = await store.newest_decision(before=min(covering))
    counted = [newest] if newest is not None else []
    return max((*counted, *(reset.at for reset in resets[:1])), default=None)
