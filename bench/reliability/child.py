"""`serve` with what a test arms in it: a death, a sabotage, a larger share of the vendor's limit.

Run as `python -m bench.reliability.child`; the settings are the service's own.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench.reliability import sabotage
from decision_service.cli.main import run
from decision_service.runtime.failpoints import Point, arm


def main() -> int:
    """Arm what is asked for, then serve; the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--die-at", help="POINT:N, killed when it is reached for the Nth time")
    parser.add_argument("--tasks", type=Path, help="where to note how many tasks there are")
    parser.add_argument("--requests-per-second", type=int, help="beyond the vendor's limit")
    parser.add_argument("--sabotage", choices=sabotage.SABOTAGES)
    given = parser.parse_args()
    sabotage.apply(given.sabotage)
    if given.die_at:
        point, _, times = given.die_at.partition(":")
        arm(Point(point), death(int(times)))
    if given.tasks:
        arm(Point.BEFORE_REPLY, partial(note_tasks, given.tasks))
    if given.requests_per_second:
        raise_limit(given.requests_per_second)
    return run(("serve",))


def death(times: int) -> Callable[[], None]:
    """Kill this process as a crash would, the Nth time."""
    count = itertools.count(1)

    def die() -> None:
        if next(count) == times:
            os.kill(os.getpid(), signal.SIGKILL)

    return die


def note_tasks(file: Path) -> None:
    """Write down how many tasks the event loop has."""
    file.write_text(str(len(asyncio.all_tasks())))


def raise_limit(per_second: int) -> None:
    """Ask the vendor more often than the service's settings allow."""
    from decision_service.smile import limits as module

    limits = module.SmileLimits

    def generous(**given: Any) -> Any:
        return limits(**{**given, "requests_per_second": per_second})

    module.SmileLimits = generous  # type: ignore[misc, assignment]  # a test's, in a process of its own


if __name__ == "__main__":
    sys.exit(main())
