"""Run the parts for a bounded time and print the block; exit code 1 when anything is red."""

from __future__ import annotations

import asyncio
import gc
import os
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from bench.reliability.options import Options, parse
from bench.reliability.parts import (
    deadlines,
    erasure,
    evidence,
    faults,
    host,
    kills,
    limit,
    neighbours,
    once,
    overload,
    reviews,
    webhooks,
)
from bench.reliability.sabotage import SABOTAGES
from bench.reliability.score import Score, render
from bench.reliability.setting import Setting
from decision_service.runtime.logs import configure_logging
from tests.kits.postgres import running_postgres

Part = Callable[[Setting, Score, float], Awaitable[None]]
PARTS: dict[str, tuple[float, Part]] = {
    "evidence": (0, evidence.run),
    "faults": (0, faults.run),
    "host": (0, host.run),
    "once": (0, once.run),
    "limit": (0.03, limit.run),
    "deadlines": (0, deadlines.run),
    "overload": (0, overload.run),
    "neighbours": (0, neighbours.run),
    "webhooks": (0, webhooks.run),
    "erasure": (0, erasure.run),
    "reviews": (0.4, reviews.run),
    "kills": (0.6, kills.run),
}
"""Each part with its share of the minutes; those with none are bounded by counts and come on top,
about a minute and a half of a run of five on two cores that nobody else uses.
"""

ALL = "all"
SABOTAGE_MINUTES = 0.4


def main(arguments: Sequence[str]) -> int:
    """Run as told; 1 when a promise was broken, or a sabotage went unnoticed."""
    options = parse(arguments, tuple(PARTS))
    configure_logging("critical", as_json=True)
    if options.sabotage == ALL:
        return prove(options)
    score, block = run(options)
    sys.stdout.write(block + "\n")
    return int(score.red)


def run(options: Options) -> tuple[Score, str]:
    """One run and its block."""
    score, began = Score(), time.monotonic()
    database = running_postgres() if options.store == "postgres" else nullcontext()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, database as postgres:
        asyncio.run(_parts(Setting(options, Path(folder), postgres), score))
    score.count_rows()
    return score, render(_title(options, time.monotonic() - began), score)


def prove(options: Options) -> int:
    """Each sabotage in a short run of the part that must notice it; 1 when one did not."""
    unnoticed = 0
    for name, sabotage in SABOTAGES.items():
        short = replace(
            options,
            sabotage=name,
            minutes=SABOTAGE_MINUTES,
            only=frozenset({sabotage.noticed_by}),
        )
        score, _ = run(short)
        telling = [line for line in score.broken() if line.safety]
        unnoticed += not telling
        found = "; ".join(f"{line.name} {line.found}" for line in telling)
        sys.stdout.write(f"{name}: {'RED: ' + found if telling else 'UNNOTICED'}\n")
        sys.stdout.flush()
    return int(unnoticed > 0)


async def _parts(setting: Setting, score: Score) -> None:
    for name, (share, part) in PARTS.items():
        if name in setting.options.only:
            _forget_earlier_parts()
            await part(setting, score, 60 * setting.options.minutes * share)


def _forget_earlier_parts() -> None:
    """What earlier parts hold shall not be looked through while the vendor of this one answers.

    The vendor runs in this process: a pause of it would push two seconds' requests into one.
    """
    gc.collect()
    gc.freeze()


def _title(options: Options, took: float) -> list[str]:
    libraries = ("decision-service", "grpcio", "httpx2", "sqlalchemy")
    what = f"store {options.store}, seed {options.seed}, {took:.0f} s"
    how = f"sabotage {options.sabotage or 'none'}, slack {options.slack:g}"
    machine = f"{platform.machine()}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return [
        f"reliability: {what}, {how}",
        f"{machine}, {system}",
        ", ".join(f"{name} {version(name)}" for name in libraries),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
