"""The machine's clocks, whether they may be believed, and new ids: no other module reads them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from ulid import PureRandomPolicy, ULIDGenerator
from uuid_utils import uuid7

from decision_service.runtime.telemetry import Alarm, raised

TOLERANCE = timedelta(seconds=5)
"""How far two clocks may be apart: a date has whole seconds, and is as old as its answer."""

AGREED = timedelta(seconds=3)
"""How near they must come before another alarm."""

DOUBTED = timedelta(seconds=60)
"""A difference or a step beyond which nothing is decided by the clock."""

FRESH_SECONDS = 600.0
"""For how long the vendor's date counts in place of the newest record."""

ASK_SECONDS = 300.0
"""After so long without an answer the vendor is asked for its time."""

log = structlog.get_logger("decision_service.clock")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class ClockGuard:
    """Whether the wall clock may be believed.

    It is doubtful where two dates of the vendor in a row are more than 60 s from it, or one before
    any agreed; at once where it was set by as much since the last date that agreed, until two
    agree; and where it is behind the newest record while no date of the last ten minutes agrees.
    `drift` is how far it was ahead at the last date, None before the first. `tidy` is False while
    readings that a wrong clock dated ahead may be stored.
    """

    def __init__(self, now: Callable[[], datetime], seconds: Callable[[], float]) -> None:
        self._now = now
        self._seconds = seconds
        self.drift: timedelta | None = None
        self.tidy = False
        self._newest: datetime | None = None
        self._answered = -math.inf
        # As if a date had just come: else the vendor would count as silent before its first answer.
        self._dated = seconds()
        # The wall clock when the monotonic one was zero, at the last date and the last that agreed.
        self._zero_dated = self._zero()
        self._zero_agreed: datetime | None = None
        self._near = self._far = 0
        self._apart = self._silent = self._doubted = False

    def answered(self, date: datetime | None) -> None:
        """Take the Date of an answer of the vendor that has just come, None where it has none."""
        self._answered = self._seconds()
        if date is None:
            return
        now = self._now()
        self._dated = self._answered
        self._zero_dated = self._zero()
        self.drift = now - date
        # Less to come back than to go: whole seconds of a date move the difference.
        apart = abs(self.drift) > (AGREED if self._apart else TOLERANCE)
        if apart and not self._apart:
            seconds = round(self.drift.total_seconds())
            log.error(
                "clock differs from the vendor's", alarm=raised(Alarm.CLOCK), ahead_seconds=seconds
            )
        self._apart = apart
        if abs(self.drift) > DOUBTED:
            self._near = 0
            self._far = self._far + 1
            return
        self._near = self._near + 1
        self._far = 0
        if self._was_set and self._near < 2:
            return
        self._near = 0
        self._zero_agreed = self._zero_dated
        # A repaired clock needs no operator: what a wrong one dated ahead counts no more.
        if self.agrees and self._newest is not None:
            self._newest = min(self._newest, now)

    def recorded(self, created: datetime | None) -> None:
        """Take the instant of a decision that is recorded."""
        if created is not None and (self._newest is None or created > self._newest):
            self._newest = created

    @property
    def agrees(self) -> bool:
        """Whether the vendor has confirmed within ten minutes what the clock shows now."""
        if self.drift is None or self._was_set or self._seconds() - self._dated > FRESH_SECONDS:
            return False
        return abs(self.drift + (self._zero() - self._zero_dated)) <= TOLERANCE

    def doubts(self, instant: datetime | None = None) -> bool:
        """Whether an instant that the clock has just shown serves no decision; logged at first."""
        instant = instant or self._now()
        behind = self._newest is not None and self._newest - instant > TOLERANCE
        # Before any date agreed nothing speaks for the clock, so that one is enough.
        apart = self._far > (0 if self._zero_agreed is None else 1)
        doubted = apart or self._was_set or (behind and not self.agrees)
        if doubted and not self._doubted:
            self.tidy = False
            log.error(
                "clock doubtful",
                alarm=raised(Alarm.CLOCK),
                now=instant.isoformat(),
                was_set=self._was_set,
                ahead_seconds=None if self.drift is None else round(self.drift.total_seconds()),
                newest_decision=self._newest.isoformat() if self._newest and behind else None,
                says="decisions refer until the vendor's time confirms the clock: run NTP",
            )
        self._doubted = doubted
        return doubted

    def wants_answer(self) -> bool:
        """Whether the vendor is to be asked for its time now; an alarm as it falls silent."""
        silent = self._seconds() - self._dated > FRESH_SECONDS
        if silent and not self._silent:
            log.error("the vendor's answers give no time", alarm=raised(Alarm.CLOCK))
        self._silent = silent
        unsure = self.doubts() or self._far > 0
        # After an answer without a date this would be true at once again, for ever.
        if unsure and self._dated == self._answered:
            return True
        return self._seconds() - self._answered > ASK_SECONDS

    @property
    def _was_set(self) -> bool:
        return self._zero_agreed is not None and abs(self._zero() - self._zero_agreed) > DOUBTED

    def _zero(self) -> datetime:
        return self._now() - timedelta(seconds=self._seconds())


class Ids:
    """New ids, each with random bits of its own: a clock that goes back repeats none."""

    def __init__(self) -> None:
        self._ulids = ULIDGenerator(policy=PureRandomPolicy())

    def decision_id(self, created: datetime) -> str:
        """`dec_` and a ULID: the instant's milliseconds since 1970, then 80 random bits."""
        return f"dec_{self._ulids.generate((created - _EPOCH) // _MILLISECOND)}"

    def request_id(self) -> str:
        """A UUID of version 7: this millisecond, then a counter and random bits.

        Those of one process ascend.
        """
        # Ids in the order of time lie side by side in the store's index, where random ones each
        # touch a page of their own.
        return str(uuid7())
