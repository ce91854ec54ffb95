"""What a compilation costs the calls beside it: the turns of the event loop meanwhile.

A service in this process, with its loop and tuned as `serve` is, validates a version of the shipped
loan whose table has 1,000 rows with expressions. A ticker that sleeps a millisecond at a time counts its
turns, and how much later than asked each comes; a plain call is measured likewise. A turn is late because
this process holds the loop, or because the machine runs something else: ours is no more than the CPU time
that this process used meanwhile, and of several rounds the best one counts.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from bench.figures import versions_of
from bench.tables import Spread, show
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.api.v1 import ruleset_service_pb2_grpc as rules_grpc
from decision_service.cli.serve import tune_interpreter
from tests.e2e.service import PRODUCT, own_rules, running

ROWS = 1_000
PAUSE = 0.001
BOUND = 0.050
"""How long this process may hold its event loop."""


@dataclass(slots=True)
class Ticker:
    """Sleeps a little again and again; for each turn, how late it came and what CPU time went."""

    late: list[float] = field(default_factory=list)
    user_state: list[float] = field(default_factory=list)

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            began, used = perf_counter(), process_time()
            await asyncio.sleep(PAUSE)
            late = perf_counter() - began - PAUSE
            self.late.append(late)
            self.user_state.append(min(late, process_time() - used))


@dataclass(frozen=True, slots=True)
class Round:
    """One call: its seconds, the ticker's turns beside it, and the longest wait for one."""

    seconds: float
    turns: int
    late: float
    user_state: float


def large_table(rules: Path, rows: int = ROWS) -> str:
    """Give the shipped loan's table so many rows; the text of its version."""
    product = rules / PRODUCT
    table = product / "tables" / "limit_v2.csv"
    header, *_ = table.read_text().splitlines()
    listed = [_row(number) for number in range(rows - 1)]
    table.write_text("\n".join([header, *listed, "-,-,0,T9", ""]))
    return (product / "v2.yaml").read_text()


def _row(number: int) -> str:
    low = number // 4 * 500
    share = f"{1 + number / 1_000:.3f}"
    return f'{"ABCD"[number % 4]},"[{low}, {low + 500})",{share} * income.conservative_6m,T{number}'


async def _round(call: Callable[[], Awaitable[Any]]) -> Round:
    ticker = Ticker()
    ticking = asyncio.create_task(ticker.run())
    began = perf_counter()
    await call()
    seconds = perf_counter() - began
    await asyncio.sleep(2 * PAUSE)  # so that the turn that the call held up is counted
    ticking.cancel()
    return Round(seconds, len(ticker.late), max(ticker.late), max(ticker.user_state))


async def _rounds(count: int) -> dict[str, list[Round]]:
    with tempfile.TemporaryDirectory() as folder:
        rules = own_rules(Path(folder))
        request = rules_pb.ValidateRulesetRequest(product=PRODUCT, source=large_table(rules))
        async with running(Path(folder), rules_dir=str(rules)) as live:
            tune_interpreter()
            stub = rules_grpc.RulesetServiceStub(live.channel)
            reply = await stub.ValidateRuleset(request)
            if not reply.digest:
                raise SystemExit("\n".join(problem.rendered for problem in reply.problems))
            plain = rules_pb.ListRulesetsRequest()
            calls: dict[str, Callable[[], Awaitable[Any]]] = {
                "ListRulesets": lambda: stub.ListRulesets(plain),
                f"ValidateRuleset, {ROWS:,} rows": lambda: stub.ValidateRuleset(request),
            }
            return {
                what: [await _round(call) for _ in range(count)] for what, call in calls.items()
            }


def run(rounds: int = 7) -> None:
    """Print the table; exit 1 when this process holds its loop longer than the bound."""
    found = asyncio.run(_rounds(rounds))
    rows = [
        {
            "call": what,
            "ms": Spread.of([one.seconds * 1e3 for one in seen]),
            "turns a second": Spread.of([one.turns / one.seconds for one in seen]),
            "latest turn ms": Spread.of([one.late * 1e3 for one in seen]),
            "of it held ms": Spread.of([one.user_state * 1e3 for one in seen]),
        }
        for what, seen in found.items()
    ]
    show("compilation", f"bound {BOUND * 1e3:.0f} ms", rows, versions_of("grpcio"))
    least = max(min(one.user_state for one in seen) for seen in found.values())
    if least > BOUND:
        print(f"  the loop is held for {least * 1e3:.0f} ms in the best round")
        sys.exit(1)
