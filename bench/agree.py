"""How soon a kill on one process is obeyed by another: two of them on one PostgreSQL, decisions over gRPC.

One process is told to kill or to revive; the other is asked for decisions without pause until one is made by
the new state. What is measured is from the end of the command to the beginning of that decision, so that nothing
is taken off for the time the decision itself takes.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from bench.figures import RESULTS
from bench.postgres import durable_postgres
from tests.e2e.story import Server, Story, told

CHANGES = 40
BOUND = 2.0
"""Seconds within which every process must follow."""

PERIOD = 1.0
"""Commands come at any instant of the second in which a process reads the journal."""


async def followed(told_one: Server, asked: Server, who: str, *, killed: bool) -> float:
    """Seconds from the end of a command to the first decision that obeys it."""
    await told_one.switch("to see how soon it is obeyed", killed=killed)
    began = perf_counter()
    while True:
        at = perf_counter()
        decision = await asked.decide(who)
        if (decision.assignment.enrolment_reason == "KILLED") == killed:
            return at - began


async def turns(story: Story, changes: int, seed: int) -> list[float]:
    """Kill and revive in turns, each on one process and seen on the other."""
    chance, found = random.Random(seed), []
    servers = (story.one, story.other)
    for number in range(changes):
        await asyncio.sleep(chance.random() * PERIOD)
        one, other = servers if number % 4 < 2 else servers[::-1]
        who = story.crowd.staff[0]
        found.append(await followed(one, other, who, killed=number % 2 == 0))
    return found


async def measure(store_url: str, changes: int, seed: int) -> list[float]:
    """Start both processes, and let them follow each other."""
    with tempfile.TemporaryDirectory() as folder:
        async with told(Path(folder), store_url) as story:
            return await turns(story, changes, seed)


def run(changes: int = CHANGES, seed: int = 7) -> None:
    """Print how soon a process followed."""
    with durable_postgres() as postgres:
        seconds = asyncio.run(measure(postgres.migrated(), changes, seed))
    half, most = statistics.median(seconds), max(seconds)
    word = "kept" if most <= BOUND else "MISSED"
    print(f"\nagree  ({changes} kills and revives, two processes on one PostgreSQL)")
    print(
        f"  followed after {half:.2f} s (median), {most:.2f} s at most; allowed {BOUND} s: {word}"
    )
    RESULTS.mkdir(exist_ok=True)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    line = {"part": "agree", "at": at, "changes": changes, "median": half, "most": most}
    with (RESULTS / "results.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    if most > BOUND:
        sys.exit(1)
