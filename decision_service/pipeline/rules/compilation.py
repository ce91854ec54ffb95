"""Compilation on a thread apart from the event loop, one ruleset at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from decision_service.domain.errors import Overloaded

MOST = 8
"""How many compilations run or are queued."""

P = ParamSpec("P")
R = TypeVar("R")


class CompilationThread:
    """Runs one compilation at a time; a queued one whose caller has left is not begun."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="compilation")
        self._jobs: set[Future[Any]] = set()

    async def run(self, work: Callable[P, R], *given: P.args, **named: P.kwargs) -> R:
        """The result of the work; raises what it raises, and Overloaded where eight are left."""
        if len(self._jobs) >= MOST:
            raise Overloaded(
                f"{MOST} rulesets are being compiled or wait for it: call again in a moment"
            )
        job = self._thread.submit(work, *given, **named)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        return await asyncio.wrap_future(job)
