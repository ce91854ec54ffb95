"""What a silent version costs the live decisions: their 99th percentile with and without one.

One process, one durable SQLite store, one decision at a time with random pauses between; rounds with and
without a shadow take turns, so that whatever else the machine does meets both. The silent version has another data
policy, so that it computes every factor anew.

Two clocks: the wall's, which on a busy machine mostly tells of its other programs, and the process's
CPU time, which runs while this process works, at the decision or at anything that keeps it waiting.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import tempfile
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time

from bench.figures import RESULTS
from decision_service.edge.rpc.replies import ProtoReplyEncoder
from decision_service.machine import Ids, SystemClock
from decision_service.pipeline.beside import Beside
from decision_service.pipeline.counters import Counters
from decision_service.pipeline.decide import Call, DecideApplication, Ports
from decision_service.pipeline.occurrences import Occurrences
from decision_service.pipeline.shadow import DROPPED, EVALUATIONS, Shadows
from decision_service.storage.store import Store
from decision_service.telemetry import configure_logging
from tests.fakes.cases import changed_rules
from tests.fakes.plans import planned
from tests.fakes.world import ScriptedSource, application, rulebook, steady_earner

PAUSE = 0.025
"""Mean seconds between two decisions."""

DECISIONS = 200
ROUNDS = 16
PLAN = """\
product: personal-loan-ph
unit: user_id
pin_for: 90d
go_live:
  salt: personal-loan-ph
  stages: [{name: all, percent: 100}]
  initial_stage: all
versions:
  champion: 1
"""
SHADOWED = PLAN + "  shadow: [{version: 9, percent: 100}]\n"
RECOMPUTING = ("max_age: 35d", "max_age: 34d")


@dataclass(slots=True)
class Side:
    """Decisions under one plan, and how long each round's took: (wall, CPU) in ms."""

    decide: DecideApplication
    shadows: Shadows
    seen: Occurrences
    rounds: list[list[tuple[float, float]]] = field(default_factory=list)

    async def round(self, clock: SystemClock, chance: random.Random) -> None:
        """One round: a decision, a pause of random length, and so on."""
        self.rounds.append([])
        for _ in range(DECISIONS):
            await asyncio.sleep(chance.expovariate(1 / PAUSE))
            self.rounds[-1].append(await self._one(clock))

    async def _one(self, clock: SystemClock) -> tuple[float, float]:
        who = f"u-{uuid.uuid4().hex}"
        asked = application(user_id=who, request_id=who)
        wall, cpu = perf_counter(), process_time()
        await self.decide(asked, Call("bench", clock.monotonic() + 10))
        return (perf_counter() - wall) * 1000, (process_time() - cpu) * 1000

    async def settle(self) -> None:
        """Wait until no silent version is at work."""
        before = -1
        while before != (now := sum(self.seen.totals().values())):
            before = now
            await asyncio.sleep(0.3)


class FreshSource(ScriptedSource):
    """A vendor that answers at once, with data of the one who is asked for."""

    async def gather(self, user_id: str, *args: object, **rest: object):
        self.snapshot = steady_earner(user_id)
        return await ScriptedSource.gather(self, user_id, *args, **rest)


CLOCKS = ("wall", "CPU")


def p99(latencies: list[float]) -> float:
    """The 99th percentile."""
    return statistics.quantiles(latencies, n=100, method="inclusive")[98]


def side(plan: str, store: Store, clock: SystemClock) -> Side:
    """Deciding under a plan, on a store that both sides share."""
    book, seen = rulebook(planned(changed_rules(9, RECOMPUTING), plan)), Occurrences()
    counters = Counters(store, clock, uuid.uuid4().hex)
    shadows = Shadows(store, clock, seen, counters.idle)
    ports = Ports(FreshSource(), store, store, ProtoReplyEncoder(), clock, Ids(), store.leases)
    beside = Beside(counters, shadows, lambda _: 1)
    return Side(DecideApplication(ports, lambda: book, beside), shadows, seen)


async def measure(rounds: int, seed: int) -> tuple[Side, Side]:
    """Rounds without and with a shadow, in turns; the first of each only warms up."""
    clock, chance = SystemClock(), random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        store = await Store.open(f"sqlite:///{Path(folder) / 'decisions.db'}")
        sides = side(PLAN, store, clock), side(SHADOWED, store, clock)
        running = [asyncio.create_task(one.shadows.run()) for one in sides]
        for number in range(rounds + 1):
            for one in sides if number % 2 else reversed(sides):
                await one.round(clock, chance)
                await one.settle()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for one in sides:
            one.rounds.pop(0)
            await one.shadows.aclose()
        await store.aclose()
    return sides


def compare(without: Side, beside: Side, clock: int) -> dict[str, object]:
    """Print what one clock says."""
    a, b = ([[ms[clock] for ms in one] for one in side.rounds] for side in (without, beside))
    ratios = [p99(y) / p99(x) for x, y in zip(a, b, strict=True)]
    pooled = [[ms for one in rounds for ms in one] for rounds in (a, b)]
    for what, latencies in zip(("without a shadow", "with one at 100 %"), pooled, strict=True):
        half = statistics.median(latencies)
        print(
            f"  {CLOCKS[clock]:<4}  {what:<18} p50 {half:>8.2f} ms   p99 {p99(latencies):>8.2f} ms"
        )
    together = p99(pooled[1]) / p99(pooled[0])
    print(
        f"  {CLOCKS[clock]:<4}  p99 with / without: {together:.3f} over all, "
        f"{statistics.median(ratios):.3f} the median round ({min(ratios):.2f} … {max(ratios):.2f})"
    )
    return {"clock": CLOCKS[clock], "p99_ratio": together, "rounds": ratios}


def run(rounds: int = ROUNDS, seed: int = 7) -> None:
    """Print both percentiles and their ratio."""
    configure_logging("error", as_json=False)
    without, beside = asyncio.run(measure(rounds, seed))
    print(f"\nshadow  ({rounds} rounds of {DECISIONS} decisions a side, one at a time)")
    found = [compare(without, beside, clock) for clock in range(len(CLOCKS))]
    totals = beside.seen.totals()
    asked, dropped = (
        sum(n for (name, _), n in totals.items() if name == what) for what in (EVALUATIONS, DROPPED)
    )
    print(
        f"  silent evaluations {asked:,} · dropped {dropped:,} · allowed: 1.05 on an idle machine"
    )
    RESULTS.mkdir(exist_ok=True)
    line = {
        "part": "shadow",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "clocks": found,
        "evaluations": asked,
        "dropped": dropped,
    }
    with (RESULTS / "results.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
