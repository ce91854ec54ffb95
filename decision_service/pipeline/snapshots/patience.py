"""How long data that the vendor says has arrived is read again until it is whole."""

from __future__ import annotations

from datetime import datetime, timedelta

from decision_service.pipeline.snapshots.cache import AHEAD

FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=30)
PATIENCE = timedelta(hours=4)
"""From the first reading that was not whole to the last one."""


def next_reading(since: datetime, now: datetime) -> datetime:
    """When to read again: after as long as it has taken so far, within both pauses."""
    return now + min(max(now - since, FIRST_PAUSE), LONGEST_PAUSE)


def is_over(since: datetime, now: datetime) -> bool:
    """Whether nothing is read again; an instant from the future was set by a wrong clock."""
    return not -AHEAD <= now - since < PATIENCE
