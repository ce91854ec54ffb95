"""Bad rule edits while the service decides: no call may fail, and the status must show each."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import grpc

from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.api.v1 import ruleset_service_pb2_grpc
from decision_service.runtime.logs import configure_logging
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import PRODUCT, Running, create, own_rules, running

SHOWN_WITHIN = 2.0
CALLERS = 4


@dataclass(slots=True)
class Tally:
    """What happened: calls that succeeded and failed, seconds until each bad write showed."""

    calls: int = 0
    failed: int = 0
    digests: set[str] = field(default_factory=set)
    shown: list[float] = field(default_factory=list)
    unseen: int = 0


def broken(text: str, chance: random.Random) -> str:
    """The text with one mistake: cut off, a torn line, an unknown factor, a duplicate key …"""
    lines = text.splitlines()
    place = chance.randrange(5, len(lines))
    kind = chance.randrange(5)
    if kind == 0:
        return "\n".join(lines[:place]) + "\n  - {when: min(a, b"
    if kind == 1:
        return text.replace(
            "income.months_24m", f"income.months_{chance.randrange(1000, 9999)}m", 1
        )
    if kind == 2:
        return f"{text}\nruleset: again-{chance.random()}\n"
    if kind == 3:
        return text.replace("then: DECLINE", f"then: PERHAPS{chance.randrange(10**6)}", 1)
    return text + f"\n\tunknown_{chance.randrange(10**6)}: 1\n"


async def load(live: Running, tally: Tally, stop: asyncio.Event) -> None:
    """Decide over and over: a new application now and then, repeated ones between."""
    people = sandbox_people()
    request = create(people[0].user_id)
    while not stop.is_set():
        if tally.calls % 50 == 0:
            request = create(people[tally.calls // 50 % 2].user_id)
        try:
            reply = await live.stub.CreateDecision(request, timeout=10)
            tally.digests.add(reply.decision.ruleset_ref.digest)
        except grpc.RpcError:
            tally.failed += 1
        tally.calls += 1
        await asyncio.sleep(0.02)


async def write_and_see(stub: Any, file: Path, text: str, tally: Tally) -> None:
    """Write a bad text and wait until the status tells of it."""
    before = (await stub.ListRulesets(rules_pb.ListRulesetsRequest())).read_time
    file.write_text(text)
    started = perf_counter()
    while perf_counter() - started < SHOWN_WITHIN:
        reply = await stub.ListRulesets(rules_pb.ListRulesetsRequest())
        if reply.read_time != before and reply.refused:
            tally.shown.append(perf_counter() - started)
            return
        await asyncio.sleep(0.02)
    tally.unseen += 1


async def measure(writes: int, seed: int) -> Tally:
    """Run it."""
    chance, tally, stop = random.Random(seed), Tally(), asyncio.Event()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rules = own_rules(folder)
        file = rules / PRODUCT / "v1.yaml"
        good = file.read_text()
        async with running(folder, rules_dir=str(rules)) as live:
            stub: Any = ruleset_service_pb2_grpc.RulesetServiceStub(live.channel)
            callers = [asyncio.create_task(load(live, tally, stop)) for _ in range(CALLERS)]
            for _ in range(writes):
                await write_and_see(stub, file, broken(good, chance), tally)
            stop.set()
            await asyncio.gather(*callers)
            await live.stub.ListDecisions(service_pb.ListDecisionsRequest())
    return tally


def run(writes: int = 1000, seed: int = 7) -> None:
    """Print the figures; exits 1 when a call failed or a write did not show in time."""
    configure_logging("critical", as_json=False)  # every bad edit is an error of its own
    tally = asyncio.run(measure(writes, seed))
    print(f"\nbad writes  (seed {seed})")
    print(f"  {writes:,} bad writes · {tally.calls:,} calls · {tally.failed} failed")
    print(
        f"  decided by {len(tally.digests)} digest(s) · {tally.unseen} not shown in {SHOWN_WITHIN} s"
    )
    if tally.shown:
        print(
            f"  shown after {statistics.median(tally.shown):.2f} s, at most {max(tally.shown):.2f} s"
        )
    if tally.failed or tally.unseen or len(tally.digests) != 1:
        raise SystemExit(1)
