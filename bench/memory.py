"""Whether many decisions in one process make it grow: its memory after a tenth, and at the end."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import psutil

from bench.figures import versions_of
from bench.load import Side
from bench.processes import Started, pinning_is_missing, split_cores
from bench.service import (
    METHOD,
    STATE,
    request,
    serve_command,
    service,
    settings,
    vendor,
)
from bench.tables import Cell, show
from bench.warm import USERS, primed

PARTS = 10
CONCURRENT = 16
MEGABYTE = 1 << 20


def growing(process: Started, side: Side, decisions: int) -> Iterator[dict[str, Cell]]:
    """Resident memory after each tenth of the decisions, and beside the first tenth's."""
    first = 0.0
    for part in range(1, PARTS + 1):
        taken = side.burst(CONCURRENT, decisions // PARTS)
        resident = psutil.Process(process.popen.pid).memory_info().rss / MEGABYTE
        first = first or resident
        yield {
            "decisions": part * decisions // PARTS,
            "failed": taken.failed,
            "resident MB": resident,
            "ratio": resident / first,
            "decisions/s": taken.rate,
        }


def run(decisions: int = 100_000) -> None:
    """Print the memory; the first tenth is the warm-up."""
    if missing := pinning_is_missing():
        print(f"\nmemory  left out: {missing}")
        return
    with tempfile.TemporaryDirectory() as name, split_cores() as cores:
        folder = Path(name)
        with (
            vendor(folder, USERS) as at,
            service(
                cores.only(serve_command(unlimited=True)), folder, **settings(at.base_url)
            ) as process,
        ):
            address = process.printed("gRPC")[1]
            primed(address, at.users)
            side = Side(address, METHOD, cycle([request(user) for user in at.users]))
            rows = list(growing(process, side, decisions))
    notes = (STATE, "SQLite; allowed: no growth after the first tenth, which warms up")
    show("memory", f"{decisions:,} decisions in one process", rows, versions_of("grpcio"), notes)
