"""Every bound that the adapter keeps, in one place; nothing in the adapter is unbounded."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from decision_service.domain.accounts import PENDS_WITHIN

JSON_DEPTH = 32
"""The deepest nesting of an answer that is read."""


class SmileLimits(msgspec.Struct, frozen=True):
    """Seconds, counts and bytes; the defaults are the service's.

    `renewal_share` is the share of `requests_per_second` that renewed link tokens may take.
    `window_seconds` is the length of the sliding second with a margin for stalls.
    `retries` is per request, `timeout_retries` after an attempt that ran out of its
    `attempt_seconds`; both draw on the shared budget of `retry_share` retries per first try
    with `retry_floor` in hand. `longest_pause` caps the pause of all requests after a 429.
    An account is being linked for at most `young`; a first sync that began within `first_sync` is
    waited for.
    """

    requests_per_second: int = 20
    renewal_share: float = 0.1
    window_seconds: float = 1.05
    attempt_seconds: float = 2.0
    retries: int = 2
    timeout_retries: int = 1
    retry_share: float = 0.1
    retry_floor: int = 10
    backoff_seconds: float = 0.2
    longest_backoff: float = 2.0
    pause_seconds: float = 1.0
    longest_pause: float = 60.0
    failures_to_open: int = 5
    window_to_open: int = 20
    share_to_open: float = 0.5
    probe_seconds: float = 5.0
    page_size: int = 150
    pages: int = 40
    items: int = 12_000
    requests_per_reading: int = 90
    body_bytes: int = 4 * 1024 * 1024
    young: timedelta = PENDS_WITHIN
    first_sync: timedelta = timedelta(hours=1)
    poll_seconds: float = 2.0
    longest_poll: float = 15.0
    refresh_seconds: float = 30.0

    @property
    def renewal_seconds(self) -> float:
        """The time from one renewed link token to the next."""
        return self.window_seconds / (self.requests_per_second * self.renewal_share)
