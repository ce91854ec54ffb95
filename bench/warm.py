"""Durable decisions over gRPC beside a bare echo of the same sizes, on one core each in turn."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pytest

from bench.echo import SERVICE
from bench.figures import versions_of
from bench.load import Side, Taken
from bench.postgres import durable_postgres, version_of
from bench.processes import Cores, module, pinning_is_missing, split_cores, started
from bench.service import (
    METHOD,
    STATE,
    Vendor,
    decided_once,
    raw_calls,
    request,
    serve_command,
    service,
    settings,
    vendor,
    vendor_calls,
)
from bench.tables import Cell, Spread, show
from decision_service.api.v1 import decision_pb2 as pb

USERS = 480
"""Many, so that nobody's history grows long, and no more than factors are cached of."""

CONCURRENT = (1, 16, 64)
VIEWS = {"BASIC": pb.DECISION_VIEW_BASIC, "FULL": pb.DECISION_VIEW_FULL}
PACKAGES = ("grpcio", "protobuf", "uvloop", "httpx2", "sqlalchemy", "asyncpg", "msgspec")


@dataclass(frozen=True, slots=True)
class Store:
    """A store to measure on."""

    name: str
    version: str
    settings: dict[str, str]


def rounds_of(
    sides: Sequence[Side], concurrent: int, rounds: int, seconds: float
) -> list[list[Taken]]:
    """Rounds of the sides in turns, each about so long, after one that warms up and sets the pace."""
    paces = [side.burst(concurrent, 8 * concurrent).rate for side in sides]
    seen: list[list[Taken]] = [[] for _ in sides]
    for number in range(rounds):
        order = list(range(len(sides)))
        for which in order if number % 2 else reversed(order):
            calls = max(2 * concurrent, int(paces[which] * seconds))
            seen[which].append(sides[which].burst(concurrent, calls))
    return seen


def compared(ours: Sequence[Taken], echo: Sequence[Taken]) -> dict[str, Cell]:
    """A row's figures: rates and percentiles of both, and the ratio of each round's rates."""
    ratios = (mine.rate / bare.rate for mine, bare in zip(ours, echo, strict=True))
    return {
        "decisions/s": Spread.of(one.rate for one in ours),
        "echo/s": Spread.of(one.rate for one in echo),
        "ratio": Spread.of(ratios),
        "p50 ms": Spread.of(one.p50 for one in ours).median,
        "p99 ms": Spread.of(one.p99 for one in ours).median,
        "echo p50": Spread.of(one.p50 for one in echo).median,
        "echo p99": Spread.of(one.p99 for one in echo).median,
        "failed": sum(one.failed for one in ours),
    }


@contextmanager
def echoing(folder: Path, cores: Cores, replies: dict[str, bytes]) -> Iterator[str]:
    """An echo on the measured core, with a method of its own for each reply; yields its address."""
    methods = folder / "replies"
    methods.mkdir()
    for name, reply in replies.items():
        (methods / name).write_bytes(reply)
    command = cores.only(module("bench.echo", str(methods)))
    with started(command, folder / "echo.log") as process:
        yield process.printed("echo")[1]


@contextmanager
def stores() -> Iterator[list[Store]]:
    """SQLite, and PostgreSQL where the machine can run one."""
    sqlite = Store("SQLite", "", {})
    try:
        with durable_postgres() as postgres:
            other = {"store_url": postgres.migrated()}
            yield [sqlite, Store("PostgreSQL", version_of(postgres), other)]
    except pytest.skip.Exception as error:
        print(f"  PostgreSQL is left out: {error}")
        yield [sqlite]


def primed(address: str, users: Sequence[str]) -> dict[str, bytes]:
    """Decide once for everybody, then for the first of them in each view; those replies."""
    decided_once(address, users)
    with raw_calls(address) as call:
        return {view: call(request(users[0], number)) for view, number in VIEWS.items()}


def on_store(
    store: Store, folder: Path, cores: Cores, at: Vendor, rounds: int, seconds: float
) -> Iterator[dict[str, Cell]]:
    """The rows of one store."""
    own = folder / store.name
    own.mkdir()
    environ = settings(
        at.base_url, **({"store_url": f"sqlite:///{folder / 'decisions.db'}"} | store.settings)
    )
    with ExitStack() as stack:
        process = stack.enter_context(
            service(cores.only(serve_command(unlimited=True)), own, **environ)
        )
        address = process.printed("gRPC")[1]
        replies = primed(address, at.users)
        echo = stack.enter_context(echoing(own, cores, replies))
        for view, number in VIEWS.items():
            requests = cycle([request(user, number) for user in at.users])
            ours = Side(address, METHOD, requests)
            bare = Side(echo, f"/{SERVICE}/{view}", requests)
            for concurrent in CONCURRENT:
                found = rounds_of((ours, bare), concurrent, rounds, seconds)
                yield {
                    "store": store.name,
                    "view": view,
                    "at once": concurrent,
                    "bytes": len(replies[view]),
                    "vendor calls": vendor_calls(replies[view]),
                    **compared(*found),
                }


def run(rounds: int = 13, seconds: float = 0.7) -> None:
    """Print decisions a second and latencies beside the echo's."""
    if missing := pinning_is_missing():
        print(f"\nwarm  left out: {missing}")
        return
    with tempfile.TemporaryDirectory() as name, split_cores() as cores:
        folder = Path(name)
        with vendor(folder, USERS) as at, stores() as every:
            rows = [
                row
                for store in every
                for row in on_store(store, folder, cores, at, rounds, seconds)
            ]
            servers = {store.name: store.version for store in every if store.version}
    versions = versions_of(*PACKAGES) | servers
    notes = (STATE, f"{cores}; PostgreSQL and the vendor with everything else")
    show("warm", f"{rounds} rounds of {seconds:g} s a side, in turns", rows, versions, notes)
