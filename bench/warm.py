"""Durable decisions over gRPC beside a bare echo of the same sizes, on one core each in turn."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench import h2load
from bench.echo import SERVICE
from bench.figures import versions_of
from bench.postgres import durable_postgres, version_of
from bench.processes import Cores, module, pinning_is_missing, split_cores, started
from bench.service import (
    METHOD,
    STATE,
    Vendor,
    raw_calls,
    recorded_in_postgres,
    recorded_in_sqlite,
    request,
    serve_command,
    service,
    settings,
    vendor,
    vendor_calls,
)
from bench.tables import Cell, Spread, show
from decision_service.api.v1 import decision_pb2 as pb

USERS = 4
CONCURRENT = (1, 16, 64)
VIEWS = {"BASIC": pb.DECISION_VIEW_BASIC, "FULL": pb.DECISION_VIEW_FULL}
PACKAGES = ("grpcio", "protobuf", "uvloop", "httpx", "sqlalchemy", "asyncpg", "msgspec")


@dataclass(frozen=True, slots=True)
class Taken:
    """One round: decisions (or echoes) a second, milliseconds of all calls, calls that failed."""

    rate: float
    p50: float
    p99: float
    failed: int


@dataclass(frozen=True, slots=True)
class Side:
    """A server under load: ours with the number of its recorded decisions, or the echo."""

    url: str
    frames: Sequence[Path]
    recorded: Callable[[], int] | None = None

    def burst(self, concurrent: int, calls: int) -> Taken:
        """Make calls. A call that left no decision counts as failed, and not in the rate."""
        before = self.recorded() if self.recorded else 0
        found = h2load.burst(self.url, self.frames, concurrent, calls)
        made = self.recorded() - before if self.recorded else found.calls
        share = made / found.calls
        return Taken(found.rate * share, found.p50, found.p99, found.calls - made)


@dataclass(frozen=True, slots=True)
class Store:
    """A store to measure on, and how to count what it holds."""

    name: str
    version: str
    settings: dict[str, str]
    recorded: Callable[[], int]


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
    """An echo on the measured core, with a method of its own for each reply; yields its URL."""
    methods = folder / "replies"
    methods.mkdir()
    for name, reply in replies.items():
        (methods / name).write_bytes(reply)
    command = cores.only(module("bench.echo", str(methods)))
    with started(command, folder / "echo.log") as process:
        yield f"http://{process.printed('echo')[1]}/{SERVICE}"


@contextmanager
def stores(folder: Path) -> Iterator[list[Store]]:
    """SQLite, and PostgreSQL where the machine can run one."""
    file = folder / "decisions.db"
    sqlite = Store("SQLite", "", {}, lambda: recorded_in_sqlite(file))
    try:
        with durable_postgres() as postgres:
            url, psql = postgres.migrated(), postgres.server.bin_path / "psql"
            other = {"store_url": url}
            yield [
                sqlite,
                Store(
                    "PostgreSQL",
                    version_of(postgres),
                    other,
                    lambda: recorded_in_postgres(psql, url),
                ),
            ]
    except pytest.skip.Exception as error:
        print(f"  PostgreSQL is left out: {error}")
        yield [sqlite]


def primed(address: str, users: Sequence[str]) -> dict[str, bytes]:
    """Decide for everybody in each view, twice; what the second time answered the first of them."""
    with raw_calls(address) as call:
        for user in (*users, *reversed(users)):
            replies = {view: call(request(user, number)) for view, number in VIEWS.items()}
    return replies


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
        process = stack.enter_context(service(cores.only(serve_command()), own, **environ))
        address = process.printed("gRPC")[1]
        replies = primed(address, at.users)
        echo = stack.enter_context(echoing(own, cores, replies))
        for view, number in VIEWS.items():
            frames = [
                h2load.frame(request(user, number), own / f"{view}-{place}")
                for place, user in enumerate(at.users)
            ]
            ours = Side(f"http://{address}{METHOD}", frames, store.recorded)
            bare = Side(f"{echo}/{view}", frames)
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
    if missing := pinning_is_missing() or h2load.missing():
        print(f"\nwarm  left out: {missing}")
        return
    with tempfile.TemporaryDirectory() as name, split_cores() as cores:
        folder = Path(name)
        with vendor(folder, USERS) as at, stores(folder) as every:
            rows = [
                row
                for store in every
                for row in on_store(store, folder, cores, at, rounds, seconds)
            ]
            servers = {store.name: store.version for store in every if store.version}
    versions = versions_of(*PACKAGES) | {"h2load": h2load.version()} | servers
    notes = (STATE, f"{cores}; PostgreSQL and the vendor with everything else")
    show("warm", f"{rounds} rounds of {seconds:g} s a side, in turns", rows, versions, notes)
