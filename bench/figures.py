"""Measuring and printing: medians with spread, ratios to a yardstick of the same run."""

from __future__ import annotations

import gc
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Timing:
    """Microseconds of CPU per call: the median of the rounds, and the range they lay in."""

    what: str
    median: float
    least: float
    most: float


def timed(what: str, work: Callable[[], object], calls: int, rounds: int = 9) -> Timing:
    """Time `work`, which makes `calls` calls each time, after one round to warm up.

    Process CPU time, so that what else the machine does counts as little as it can.
    """
    return timed_together({what: work}, calls, rounds)[0]


def timed_together(
    works: Mapping[str, Callable[[], object]], calls: int, rounds: int = 9
) -> list[Timing]:
    """Time several works as `timed` does, taking turns, so that a noisy moment hits all of them."""
    for work in works.values():
        work()
    seen: dict[str, list[float]] = {what: [] for what in works}
    for _ in range(rounds):
        for what, work in works.items():
            seen[what].append(_once(work) / calls * 1e6)
    return [Timing(w, statistics.median(s), min(s), max(s)) for w, s in seen.items()]


def _once(work: Callable[[], object]) -> float:
    gc.collect()
    gc.disable()
    started = time.process_time()
    work()
    taken = time.process_time() - started
    gc.enable()
    return taken


def report(part: str, timings: list[Timing], yardstick: str, packages: list[str]) -> None:
    """Print a part's table and append it to the results."""
    base = next(t.median for t in timings if t.what == yardstick)
    print(f"\n{part}  (microseconds of CPU; ratio to {yardstick})")
    for t in timings:
        print(
            f"  {t.what:<44} {t.median:>12,.1f}   {t.least:>10,.1f} … {t.most:<10,.1f} "
            f"{base / t.median:>8.2f} ×"
        )
    versions = versions_of(*packages)
    print("  " + " · ".join(f"{name} {number}" for name, number in versions.items()))
    record(part, versions, yardstick=yardstick, timings=[asdict(t) for t in timings])
    sys.stdout.flush()


def record(part: str, versions: Mapping[str, str], **found: object) -> None:
    """Append what a part found to the results, as one line of JSON."""
    RESULTS.mkdir(exist_ok=True)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    line = {"part": part, "at": at, **found, "versions": dict(versions)}
    with (RESULTS / "results.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


def versions_of(*packages: str) -> dict[str, str]:
    """The versions of packages, and of Python."""
    return {name: version(name) for name in packages} | {"python": platform.python_version()}
