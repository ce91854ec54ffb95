"""Run the parts for a bounded time and print the block; exit code 1 when anything is red."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from tests.reliability.options import Options, parse
from tests.reliability.parts import deadlines, evidence, faults, kills, limit, once
from tests.reliability.score import Score, render
from tests.reliability.setting import Setting

Part = Callable[[Setting, Score, float], Awaitable[None]]
PARTS: dict[str, tuple[float, Part]] = {
    "evidence": (0.15, evidence.run),
    "faults": (0.1, faults.run),
    "once": (0.05, once.run),
    "limit": (0.04, limit.run),
    "deadlines": (0.1, deadlines.run),
    "kills": (0.56, kills.run),
}
"""Each part with its share of the time."""


def main(arguments: Sequence[str]) -> int:
    """Run as told; 1 when a promise was broken."""
    options = parse(arguments, tuple(PARTS))
    return run(options)


def run(options: Options) -> int:
    """One run and its block."""
    score, began = Score(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="reliability-", ignore_cleanup_errors=True) as folder:
        asyncio.run(_parts(Setting(options, Path(folder)), score))
    score.count_rows()
    sys.stdout.write(render(_title(options, time.monotonic() - began), score) + "\n")
    return int(score.red)


async def _parts(setting: Setting, score: Score) -> None:
    chosen = {name: part for name, part in PARTS.items() if name in setting.options.only}
    whole = sum(share for share, _ in chosen.values())
    for share, part in chosen.values():
        await part(setting, score, 60 * setting.options.minutes * share / whole)


def _title(options: Options, took: float) -> list[str]:
    libraries = ("decision-service", "grpcio", "httpx", "sqlalchemy")
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
