"""Servers that are killed while people work on reviews."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random

from bench.reliability.desks.desk import Desk, Script, hired
from bench.reliability.desks.persons import Work
from bench.reliability.killing import Killing, Kills
from bench.reliability.lanes import Lanes, lanes
from bench.reliability.sender import SECRETS
from bench.reliability.server import free_port
from bench.reliability.setting import Setting
from decision_service.runtime.failpoints import Point

LANES, CROWD = 2, 10_000
AT_LONGEST = 2.0
"""Of the part's time, that the kills last where their count is not reached sooner."""

POINTS = dict.fromkeys((Point.IN_COMMIT, Point.AFTER_COMMIT, Point.IN_STEP, Point.AFTER_STEP), 6)
"""Around the commit that opens a review, and around each step."""

WEBHOOKS = {"webhook_secrets": b",".join(SECRETS).decode()}
"""Settings with which a service takes the events of the bench."""


@asynccontextmanager
async def desks(setting: Setting, name: str) -> AsyncIterator[tuple[Lanes, list[Desk]]]:
    """Two servers with their stores, and a desk for each store."""
    folder = setting.folder(name)
    callers, shown = hired(folder)
    settings = [
        {
            "store_url": url,
            "auth_tokens_file": str(callers),
            "http_address": f"127.0.0.1:{free_port()}",
            **WEBHOOKS,
        }
        for url in setting.store_urls(name, LANES)
    ]
    async with lanes(setting, folder, CROWD, settings) as every:
        dice, script = Random(f"{setting.options.seed}-{name}"), Script(every.vendor)
        stores = enumerate(every.by_store())
        yield every, [Desk(own, shown, script, dice, f"desk{n}") for n, own in stores]


async def killed(every: Lanes, staffed: Sequence[Desk], seconds: float, goal: int) -> Kills:
    """Have people work while the servers are killed so often; in the end no server is left."""
    kills, over, people = Kills(), asyncio.Event(), itertools.count()
    began, killing = time.monotonic(), Killing(kills, staffed[0].dice, POINTS)
    working = [asyncio.create_task(Work(desk, people).go_on()) for desk in staffed]
    deaths = asyncio.gather(*(killing.again_and_again(one.server, over) for one in every.lanes))
    while time.monotonic() - began < seconds or (
        kills.deaths.total() < goal and time.monotonic() - began < AT_LONGEST * seconds
    ):
        await asyncio.sleep(0.5)
        if failed := [one for one in working if one.done()]:
            failed[0].result()
    over.set()
    await deaths
    for one in working:
        one.cancel()
    await asyncio.gather(*working, return_exceptions=True)
    return kills
