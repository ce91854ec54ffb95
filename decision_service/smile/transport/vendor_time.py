"""How far this machine's clock is from the vendor's, by the date of each answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import structlog

from decision_service.alarms import Alarm, raised
from decision_service.pipeline.ports import Clock

TOLERANCE = timedelta(seconds=5)
"""How far the two clocks may be apart; a date has whole seconds, and is as old as its answer."""

AGREED = timedelta(seconds=3)
"""How near they must come before another alarm: whole seconds of a date move the difference."""

_LONGEST_HEADER = 64

log = structlog.get_logger("decision_service.clock")


class VendorTime:
    """The last difference between the clocks; None before any answer with a date."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._apart = False
        self.drift: timedelta | None = None

    def note(self, header: str | None) -> None:
        """Take the Date of an answer that has just come; logged as the clocks come apart."""
        told = read_date(header)
        self.drift = None if told is None else self._clock.now() - told
        most = AGREED if self._apart else TOLERANCE
        apart = self.drift is not None and abs(self.drift) > most
        if apart and not self._apart and self.drift is not None:
            seconds = round(self.drift.total_seconds())
            log.error(
                "clock differs from the vendor's", alarm=raised(Alarm.CLOCK), ahead_seconds=seconds
            )
        self._apart = apart


def read_date(header: str | None) -> datetime | None:
    """The instant of a Date header; None for anything else."""
    if header is None or len(header) > _LONGEST_HEADER:
        return None
    try:
        told = parsedate_to_datetime(header)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)
