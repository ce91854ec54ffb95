"""Concurrent jobs, of which the first that fails cancels the others."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable

from decision_service.domain.errors import CrossTenant


async def run_all(jobs: Iterable[Coroutine[None, None, None]]) -> None:
    """Run the jobs concurrently; the others are cancelled when one raises.

    Raises the error itself, without a group; CrossTenant goes before any other.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(job)
    except BaseExceptionGroup as failed:
        raise _gravest(failed.exceptions) from None


def _gravest(errors: tuple[BaseException, ...]) -> BaseException:
    return min(errors, key=lambda error: not isinstance(error, CrossTenant))
