"""CPU time of a warm decision with OpenTelemetry off, at a tenth of all calls, and at all of them.

Three services on one core, asked in turns; a collector takes what they send, on another core. The
ratio is that of each round's CPU times to those of the service with OpenTelemetry off.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc

from bench.figures import versions_of
from bench.processes import Cores, Started, pinning_is_missing, split_cores
from bench.service import (
    METHOD,
    STATE,
    Vendor,
    recorded_in_sqlite,
    request,
    serve_command,
    service,
    settings,
    vendor,
)
from bench.tables import Cell, Spread, show
from tests.e2e.collector import collecting

CONCURRENT = 16
USERS = 200
"""So many that nobody's history grows long while it is measured."""

SHARES = {"off": None, "10 %": "0.1", "100 %": "1.0"}
PACKAGES = ("grpcio", "opentelemetry-sdk", "opentelemetry-instrumentation-grpc")
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Side:
    """A service with a share of its calls traced."""

    process: Started
    address: str
    requests: Iterator[bytes]
    store: Path

    def burst(self, calls: int) -> float:
        """Milliseconds of CPU time of a decision, over so many calls."""
        used, made = self._cpu(), recorded_in_sqlite(self.store)
        asyncio.run(_calls(self.address, [*itertools.islice(self.requests, calls)]))
        decisions = recorded_in_sqlite(self.store) - made
        return (self._cpu() - used) * 1000 / decisions

    def _cpu(self) -> float:
        fields = Path(f"/proc/{self.process.popen.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK


def side(
    name: str, folder: Path, cores: Cores, at: Vendor, collector: str, stack: ExitStack
) -> Side:
    """A started service of a share."""
    own = folder / name.replace(" ", "")
    own.mkdir()
    share = SHARES[name]
    chosen = settings(at.base_url, opentelemetry=str(share is not None).lower())
    command = serve_command(unlimited=True)
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": share or "0",
    }
    set_them = ["env", *(f"{key}={value}" for key, value in variables.items())]
    process = stack.enter_context(service(cores.only([*set_them, *command]), own, **chosen))
    address = process.printed("gRPC")[1]
    requests = itertools.cycle([request(user) for user in at.users])
    return Side(process, address, requests, own / "decisions.db")


async def _calls(address: str, requests: Sequence[bytes]) -> None:
    left = iter(requests)
    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.unary_unary(METHOD)

        async def caller() -> None:
            for one in left:
                await call(one, timeout=60, wait_for_ready=True)

        await asyncio.gather(*(caller() for _ in range(CONCURRENT)))


def rows(sides: dict[str, Side], rounds: int, calls: int) -> Iterator[dict[str, Cell]]:
    """The sides' CPU times, taken in turns after a round that warms up."""
    seen: dict[str, list[float]] = {name: [] for name in sides}
    for one in sides.values():
        one.burst(2 * USERS)
    for number in range(rounds):
        order = list(sides) if number % 2 else [*reversed(sides)]
        for name in order:
            seen[name].append(sides[name].burst(calls))
    for name, times in seen.items():
        yield {
            "traced": name,
            "CPU ms": Spread.of(times),
            "ratio": Spread.of(one / off for one, off in zip(times, seen["off"], strict=True)),
        }


def run(rounds: int = 9, calls: int = 800) -> None:
    """Print the CPU time of a decision by the share of calls that are traced."""
    if missing := pinning_is_missing():
        print(f"\ntracing  left out: {missing}")
        return
    with tempfile.TemporaryDirectory() as name, split_cores() as cores, ExitStack() as stack:
        folder, collector = Path(name), stack.enter_context(collecting())
        at = stack.enter_context(vendor(folder, USERS))
        sides = {one: side(one, folder, cores, at, collector.url, stack) for one in SHARES}
        found = [*rows(sides, rounds, calls)]
    notes = (STATE, f"{cores}; the collector and the vendor with everything else")
    show(
        "tracing", f"{rounds} rounds of {calls} calls a side", found, versions_of(*PACKAGES), notes
    )
