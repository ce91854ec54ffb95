"""What a silent version costs the live decisions: their 99th percentile with and without one.

One process, one durable SQLite store, callers who decide and pause at random; rounds with and without
a shadow take turns, so that whatever else the machine does meets both. The silent version has another
data policy, so that it computes every factor anew. Live decisions wait for the vendor; `--vendor-ms 0
--callers 1` measures those that need not, one at a time, where a shadow counts for most.

A 99th percentile rests on few decisions, so the answer says how far it can be trusted: the rounds of
both sides are drawn again and again, and 95 of 100 draws lie in the range beside it.

Two clocks: the wall's, which on a busy machine mostly tells of its other programs, and, for a single
caller, the process's CPU time, which runs while this process works, at the decision or at anything that
keeps it waiting.
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
from decision_service.decide.decide import CallContext, DecideApplication, Deps
from decision_service.decide.history import ReadHistory
from decision_service.rollout_running.compare import Shadows
from decision_service.rollout_running.counters import Counters, EventCounters, RolloutObserver
from decision_service.runtime.clock import Ids, SystemClock
from decision_service.runtime.logs import configure_logging
from decision_service.server.services.decisions import ProtoReplyEncoder
from decision_service.store.store import Store
from tests.fakes.cases import changed_rules
from tests.fakes.observed import counted
from tests.fakes.plans import planned
from tests.fakes.world import ScriptedSource, application, rulebook, steady_earner

PAUSE = 0.0125
"""Mean seconds between two decisions, times the callers."""

VENDOR_MS = 60
CALLERS = 8
DECISIONS = 250
ROUNDS = 20
SETTLE = 0.1
"""Seconds after a round, by when the last silent version has come to its end."""

DRAWS = 2_000
BOUND = 0.05
"""How much of the 99th percentile a silent version may cost."""

PLAN = """\
unit: user_id
pin_for: 90d
go_live:
  salt: personal-loan-ph
  stages: [{name: all, percent: 100}]
  initial_stage: all
champion: 1
"""
SHADOWED = PLAN + "shadow: [{version: 9, percent: 100}]\n"
RECOMPUTING = ("max_age: 35d", "max_age: 34d")


@dataclass(slots=True)
class Side:
    """Decisions under one plan, and how long each round's took: (wall, CPU) in ms."""

    decide: DecideApplication
    shadows: Shadows
    seen: EventCounters
    rounds: list[list[tuple[float, float]]] = field(default_factory=list)

    async def round(self, clock: SystemClock, chance: random.Random, callers: int) -> None:
        """One round: each caller decides its part, with pauses of random length between."""
        self.rounds.append([])
        looking = asyncio.create_task(self.shadows.run())
        await asyncio.gather(*(self._calls(clock, chance, callers) for _ in range(callers)))
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await asyncio.sleep(SETTLE)

    async def _calls(self, clock: SystemClock, chance: random.Random, callers: int) -> None:
        for _ in range(DECISIONS // callers):
            await asyncio.sleep(chance.expovariate(1 / (PAUSE * callers)))
            self.rounds[-1].append(await self._one(clock))

    async def _one(self, clock: SystemClock) -> tuple[float, float]:
        who = f"u-{uuid.uuid4().hex}"
        asked = application(user_id=who, request_id=who)
        wall, cpu = perf_counter(), process_time()
        await self.decide(asked, CallContext("bench", clock.monotonic() + 10))
        return (perf_counter() - wall) * 1000, (process_time() - cpu) * 1000


class FreshSource(ScriptedSource):
    """A vendor that takes its time, with data of the one who is asked for."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    async def gather(self, user_id: str, *args: object, **rest: object):
        await asyncio.sleep(self._seconds)
        self.snapshot = steady_earner(user_id)
        return await ScriptedSource.gather(self, user_id, *args, **rest)


CLOCKS = ("wall", "CPU")


def p99(latencies: list[float]) -> float:
    """The 99th percentile."""
    return statistics.quantiles(latencies, n=100, method="inclusive")[98]


def side(plan: str, store: Store, clock: SystemClock, vendor: float) -> Side:
    """Deciding under a plan, on a store that both sides share."""
    book, seen = rulebook(planned(changed_rules(9, RECOMPUTING), plan)), EventCounters()
    counters = Counters(store, clock, uuid.uuid4().hex)
    shadows = Shadows(store, clock, seen, counters.idle)
    ports = Deps(
        FreshSource(vendor),
        store,
        store,
        ProtoReplyEncoder(),
        clock,
        Ids(),
        store.leases,
        ReadHistory(store, store.identity_keys),
    )
    observer = RolloutObserver(counters, shadows.offer, lambda _: 1, seen)
    return Side(DecideApplication(ports, lambda: book, observer), shadows, seen)


async def measure(rounds: int, seed: int, vendor_ms: int, callers: int) -> tuple[Side, Side]:
    """Rounds without and with a shadow, in turns; the first of each only warms up."""
    clock, chance = SystemClock(), random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        store = await Store.open(f"sqlite:///{Path(folder) / 'decisions.db'}")
        sides = tuple(side(plan, store, clock, vendor_ms / 1000) for plan in (PLAN, SHADOWED))
        for number in range(rounds + 1):
            for one in sides if number % 2 else reversed(sides):
                await one.round(clock, chance, callers)
        for one in sides:
            one.rounds.pop(0)
        await store.aclose()
    return sides[0], sides[1]


def drawn(a: list[list[float]], b: list[list[float]], chance: random.Random) -> list[float]:
    """The ratio of the percentiles over rounds drawn with replacement, lowest first."""
    found = []
    for _ in range(DRAWS):
        picks = [chance.randrange(len(a)) for _ in a]
        one, other = ([ms for pick in picks for ms in side[pick]] for side in (a, b))
        found.append(p99(other) / p99(one))
    return sorted(found)


def compare(without: Side, beside: Side, clock: int, chance: random.Random) -> dict[str, object]:
    """Print what one clock says."""
    a, b = ([[ms[clock] for ms in one] for one in side.rounds] for side in (without, beside))
    pooled = [[ms for one in rounds for ms in one] for rounds in (a, b)]
    for what, latencies in zip(("without a shadow", "with one at 100 %"), pooled, strict=True):
        half, name = statistics.median(latencies), CLOCKS[clock]
        print(f"  {name:<4}  {what:<18} p50 {half:>8.2f} ms   p99 {p99(latencies):>8.2f} ms")
    moved, ratios = p99(pooled[1]) / p99(pooled[0]) - 1, drawn(a, b, chance)
    low, high = (ratios[int(DRAWS * share)] - 1 for share in (0.025, 0.975))
    print(
        f"  {CLOCKS[clock]:<4}  p99 moves by {moved:+.1%} (95 % of drawn rounds: {low:+.1%} to "
        f"{high:+.1%}); allowed {BOUND:+.0%}: {verdict(moved, low, high)}"
    )
    return {"clock": CLOCKS[clock], "p99_moves_by": moved, "low": low, "high": high}


def verdict(moved: float, low: float, high: float) -> str:
    """What a reader may take from the figure."""
    if high <= BOUND:
        return "kept"
    if low > BOUND:
        return "MISSED"
    return f"{'kept' if moved <= BOUND else 'missed'}, within the noise of this run"


def run(
    rounds: int = ROUNDS, seed: int = 7, vendor_ms: int = VENDOR_MS, callers: int = CALLERS
) -> None:
    """Print both percentiles and their ratio."""
    configure_logging("error", as_json=False)
    without, beside = asyncio.run(measure(rounds, seed, vendor_ms, callers))
    print(
        f"\nshadow  ({rounds} rounds of {DECISIONS} decisions a side, {callers} callers, "
        f"a vendor that takes {vendor_ms} ms)"
    )
    chance = random.Random(seed)
    found = [
        compare(without, beside, clock, chance)
        for clock in range(len(CLOCKS) if callers == 1 else 1)
    ]
    asked, dropped = counted(beside.seen.shadow_evaluations), counted(beside.seen.shadow_dropped)
    print(f"  silent evaluations {asked:,.0f} · dropped {dropped:,.0f}")
    RESULTS.mkdir(exist_ok=True)
    line = {
        "part": "shadow",
        "vendor_ms": vendor_ms,
        "callers": callers,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "clocks": found,
        "evaluations": asked,
        "dropped": dropped,
    }
    with (RESULTS / "results.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
