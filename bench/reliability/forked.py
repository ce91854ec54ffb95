"""A process that is not this one's child: it can be killed, and one hears when it has ended."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from contextlib import suppress

ENDED = -1
"""In place of the exit code, which only the parent learns."""


class Forked:
    """As much of asyncio's Process as `Server` needs, of a process by its id."""

    def __init__(self, pid: int) -> None:
        """The process may have ended by now."""
        self.pid = pid
        self._descriptor = -1
        with suppress(ProcessLookupError):
            self._descriptor = os.pidfd_open(pid)

    @property
    def returncode(self) -> int | None:
        """None while it runs."""
        if self._descriptor >= 0 and self._has_ended():
            os.close(self._descriptor)
            self._descriptor = -1
        return None if self._descriptor >= 0 else ENDED

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, number)

    async def wait(self) -> int:
        """Return once it has ended."""
        while self.returncode is None:
            loop, ended = asyncio.get_running_loop(), asyncio.Event()
            loop.add_reader(self._descriptor, ended.set)
            try:
                await ended.wait()
            finally:
                loop.remove_reader(self._descriptor)
        return ENDED

    def _has_ended(self) -> bool:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return bool(poll.poll(0))
