"""Signals that stop a command: the first in order, the second at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

HURRY_SECONDS = 2.0
"""Seconds that calls in progress have after a second signal."""


def on_stop_signals(stop: Callable[[], None], hurry: Callable[[], None]) -> None:
    """Call `stop` on the first SIGTERM or Ctrl-C, `hurry` on each later one."""
    stopping = False

    def ask() -> None:
        nonlocal stopping
        again, stopping = stopping, True
        (hurry if again else stop)()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask)
