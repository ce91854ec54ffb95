"""Whether the wall clock is plausible: not far behind the newest recorded decision."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

TOLERANCE = timedelta(seconds=5)
"""How far a time service may set the clock back before ages are doubted."""

log = structlog.get_logger("decision_service.clock")


class ClockGuard:
    """The newest instant of a decision that this process knows of; None where there is none."""

    def __init__(self, newest: datetime | None = None) -> None:
        self._newest = newest
        self._doubted = False

    def note(self, created: datetime) -> None:
        """Take the instant of a recorded decision."""
        if self._newest is None or created > self._newest:
            self._newest = created

    def doubts(self, now: datetime) -> bool:
        """Whether this instant is more than 5 s before the newest record; logged as it begins."""
        doubted = self._newest is not None and self._newest - now > TOLERANCE
        if doubted and not self._doubted:
            log.error("clock went back", alarm="CLOCK", now=now.isoformat())
        self._doubted = doubted
        return doubted
