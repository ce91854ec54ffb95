"""Cold decisions at a vendor that takes 20 ms: against its longest chain of calls, and their number.

The yardstick repeats the requests that a decision made, at the same vendor right after it, with a
bare client: the account list page after page, then every kind side by side, each page after page.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import grpc
import httpx2

from bench.figures import versions_of
from bench.people.population import EVERYDAY, population, profile_of
from bench.processes import Cores, pinning_is_missing, split_cores
from bench.service import KEY, SECRET, SEED, serve_command, service, settings
from bench.tables import Spread, show
from decision_service.api.v1 import decision_service_pb2_grpc
from decision_service.standin.faults import Fault
from decision_service.standin.formats import civil_day
from decision_service.standin.server import MeteredRequest, Simulator, build_app, serve
from tests.e2e.service import create

SECONDS = 0.020
ACCOUNTS = "/accounts"
IDENTITIES = "/identities"
AT_ONCE = 8


@dataclass(slots=True)
class Cold:
    """What was seen: (seconds, seconds of the bare chain) and the number of calls, by life."""

    times: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    calls: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    depths: Counter[int] = field(default_factory=Counter)
    shared: list[int] = field(default_factory=list)


class Bare:
    """The vendor asked without the service between."""

    def __init__(self, base_url: str) -> None:
        self._client = httpx2.AsyncClient(auth=(KEY, SECRET))
        self._base_url = base_url

    async def chain(self, calls: Sequence[MeteredRequest]) -> float:
        """Seconds that these requests take, as far side by side as they can be.

        Identities come after all other lists: they tell that what was empty there was honest.
        """
        lists: dict[str, list[MeteredRequest]] = defaultdict(list)
        for call in calls:
            lists[call.path].append(call)
        began = perf_counter()
        await self._pages(lists.pop(ACCOUNTS, []))
        last = lists.pop(IDENTITIES, [])
        await asyncio.gather(*map(self._pages, lists.values()))
        await self._pages(last)
        return perf_counter() - began

    async def _pages(self, calls: Sequence[MeteredRequest]) -> None:
        for call in calls:
            answer = await self._client.get(f"{self._base_url}{call.path}?{call.query}")
            answer.raise_for_status()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def depth(calls: Sequence[MeteredRequest]) -> int:
    """How many calls must come one after another: accounts, the longest list, identities."""
    pages = Counter(call.path for call in calls)
    ends = pages.pop(ACCOUNTS, 0) + pages.pop(IDENTITIES, 0)
    return ends + max(pages.values(), default=0)


@asynccontextmanager
async def at_vendor(
    folder: Path, cores: Cores, people: int
) -> AsyncIterator[tuple[Simulator, Any, Bare, list[str]]]:
    """A service on its own core at a vendor in this process; the vendor's meter counts."""
    world = population(SEED, people, civil_day(datetime.now(UTC)), EVERYDAY)
    slow = Fault("slow", settings={"seconds": SECONDS})
    app = build_app(
        world, api_key=KEY, api_secret=SECRET, requests_per_second=1_000_000, faults=[slow]
    )
    command = cores.only(serve_command(unlimited=True))
    async with serve(app) as base_url:
        with service(command, folder, **settings(base_url)) as process:
            bare = Bare(base_url)
            async with grpc.aio.insecure_channel(process.printed("gRPC")[1]) as channel:
                stub = decision_service_pb2_grpc.DecisionServiceStub(channel)
                yield app, stub, bare, list(world.builders)
            await bare.aclose()


async def measure(folder: Path, cores: Cores, people: int) -> Cold:
    """One decision for everybody, one at a time; the last few as several at once for one user.

    The first of all only opens the connections.
    """
    found = Cold()
    async with at_vendor(folder, cores, people + 1) as (app, stub, bare, users):
        await stub.CreateDecision(create(users[0]))
        await bare.chain(list(app.meter.calls))
        for number, user in enumerate(users[1:], 1):
            app.tenant.person(user)  # made up now, not while the service waits
            app.meter.reset()
            if number >= len(users) - AT_ONCE:
                await asyncio.gather(*(stub.CreateDecision(create(user)) for _ in range(AT_ONCE)))
                found.shared.append(app.meter.total)
                continue
            began = perf_counter()
            await stub.CreateDecision(create(user))
            taken = perf_counter() - began
            calls = list(app.meter.calls)
            found.calls[profile_of(number, EVERYDAY)].append(len(calls))
            found.depths[depth(calls)] += 1
            found.times[profile_of(number, EVERYDAY)].append((taken, await bare.chain(calls)))
    return found


def rows_of(found: Cold) -> list[dict[str, Any]]:
    """A row for each life, and one for all."""
    everybody = [one for times in found.times.values() for one in times]
    calls = [one for counts in found.calls.values() for one in counts]
    named = [*((life, found.times[life], found.calls[life]) for life in sorted(found.times))]
    return [
        {
            "life": life,
            "people": len(times),
            "ms": Spread.of(taken * 1000 for taken, _ in times),
            "bare chain ms": Spread.of(chain * 1000 for _, chain in times),
            "ratio": Spread.of(taken / chain for taken, chain in times),
            "calls": sum(counts) / len(counts),
            "most": max(counts),
        }
        for life, times, counts in [*named, ("everybody", everybody, calls)]
    ]


def run(people: int = 500) -> None:
    """Print times against the bare chain, and calls per decision."""
    if missing := pinning_is_missing():
        print(f"\ncold  left out: {missing}")
        return
    with tempfile.TemporaryDirectory() as name, split_cores() as cores:
        found = asyncio.run(measure(Path(name), cores, people))
        where = str(cores)
    deep = ", ".join(f"{count} of {number}" for number, count in sorted(found.depths.items()))
    notes = (
        "the service's limit of 20 requests a second is out of the way: it would be what is measured",
        f"dependent calls one after another ({SECONDS * 1000:.0f} ms each): {deep}",
        f"{AT_ONCE} decisions at once on one user: {Spread.of(found.shared)} calls in all",
        f"{where}; vendor and client in one process",
    )
    headline = f"{people} people, one decision each; ratio to the bare chain, allowed 1.3"
    show("cold", headline, rows_of(found), versions_of("grpcio", "httpx2", "uvloop"), notes)
