"""How long the slowest broken rule file takes to be loaded or refused, against 100 ms."""

from __future__ import annotations

import gc
import statistics
import sys
import time

from tests.fuzz.test_rule_files import SHIPPED, hostile, load, mutant

MUTANTS = 1_000
BOUND = 0.100
SHOWN = 5


def run() -> None:
    """Print the spread and the slowest files; exit 1 when one takes longer than the bound."""
    for files in SHIPPED:
        load(files, files.text.encode())
    seconds = dict(_mutants())
    seconds |= {name: _timed(SHIPPED[-1], raw) for name, raw in hostile()}
    ordered = sorted(seconds.items(), key=lambda item: -item[1])
    spread = statistics.quantiles(seconds.values(), n=100)
    print(f"\nfuzz  ({len(seconds):,} files, milliseconds of CPU each, bound {BOUND * 1e3:.0f})")
    print(f"  median {spread[49] * 1e3:.1f} · p99 {spread[98] * 1e3:.1f}")
    for name, taken in ordered[:SHOWN]:
        print(f"  {taken * 1e3:>8.1f}  {name}")
    over = sum(taken > BOUND for taken in seconds.values())
    print(f"  {over} over the bound")
    sys.stdout.flush()
    if over:
        raise SystemExit(1)


def _mutants():
    for seed in range(MUTANTS):
        files, change, raw = mutant(seed)
        yield f"{change.__name__} {seed} of {files.path}", _timed(files, raw)


def _timed(files, raw) -> float:
    """The best of two readings, so that a pause of the machine is not taken for the file's."""
    taken = []
    for _ in range(2):
        gc.collect()
        started = time.process_time()
        load(files, raw)
        taken.append(time.process_time() - started)
    return min(taken)
