"""One process and two that share its port, on one PostgreSQL: decisions a second."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

import pytest

from bench.figures import versions_of
from bench.load import Side, Taken
from bench.postgres import durable_postgres, version_of
from bench.service import (
    METHOD,
    STATE,
    Vendor,
    request,
    serve_command,
    service,
    settings,
    vendor,
)
from bench.tables import Spread, show
from bench.warm import USERS, primed, rounds_of
from decision_service.store.store import migrate
from tests.kits.postgres import Postgres

PROCESSES = (1, 2)
CONCURRENT = 64
CONNECTIONS = 16
"""Enough that the kernel, which gives each process connections by chance, gives both of them some."""


def measure(
    folder: Path, at: Vendor, postgres: Postgres, rounds: int, seconds: float
) -> Sequence[Sequence[Taken]]:
    """Rounds of both in turns; each has a database of its own, and rests while the other works."""
    with ExitStack() as stack:
        sides = [_side(processes, folder, at, postgres, stack) for processes in PROCESSES]
        return rounds_of(sides, CONCURRENT, rounds, seconds)


def _side(processes: int, folder: Path, at: Vendor, postgres: Postgres, stack: ExitStack) -> Side:
    own = folder / str(processes)
    own.mkdir()
    url = _database(postgres)
    address = ""
    for number in range(processes):
        log = own / f"process-{number}"
        log.mkdir()
        chosen = settings(at.base_url, store_url=url, reuse_port="true")
        chosen |= {"grpc_address": address} if address else {}
        process = stack.enter_context(service(serve_command(unlimited=True), log, **chosen))
        address = process.printed("gRPC")[1]
    for _ in range(processes):
        primed(address, at.users)
    requests = cycle([request(user) for user in at.users])
    return Side(address, METHOD, requests, CONNECTIONS)


def _database(postgres: Postgres) -> str:
    """A new database with the service's tables."""
    url = postgres.empty()
    asyncio.run(migrate(url))
    return url


def run(rounds: int = 7, seconds: float = 1.5) -> None:
    """Print the decisions a second of both, and their ratio."""
    try:
        with tempfile.TemporaryDirectory() as name, durable_postgres() as postgres:
            folder = Path(name)
            with vendor(folder, USERS) as at:
                found = measure(folder, at, postgres, rounds, seconds)
            server = version_of(postgres)
    except pytest.skip.Exception as error:
        print(f"\nscale  left out: {error}")
        return
    rows = [
        {
            "processes": processes,
            "decisions/s": Spread.of(one.rate for one in seen),
            "ratio": Spread.of(b.rate / a.rate for a, b in zip(found[0], seen, strict=True)),
            "p50 ms": Spread.of(one.p50 for one in seen).median,
            "p99 ms": Spread.of(one.p99 for one in seen).median,
            "failed": sum(one.failed for one in seen),
        }
        for processes, seen in zip(PROCESSES, found, strict=True)
    ]
    notes = (
        STATE,
        "nothing is pinned: processes, PostgreSQL, vendor and load share the cores",
        "below four cores two processes cannot show what they can",
    )
    headline = f"{CONCURRENT} at once over {CONNECTIONS} connections, {rounds} rounds in turns"
    versions = versions_of("grpcio", "asyncpg") | {"PostgreSQL": server}
    show("scale", headline, rows, versions, notes)
