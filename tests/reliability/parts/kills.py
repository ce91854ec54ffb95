"""Killed under load, again and again: nothing acknowledged is lost, and it serves again soon."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from decision_service.failpoints import Point
from tests.reliability.check import Verdict, ask_everything_again, compare, replay, replayable
from tests.reliability.client import Client, connected
from tests.reliability.history import History, Told
from tests.reliability.load import Load
from tests.reliability.rules import harness_rules
from tests.reliability.score import Score
from tests.reliability.server import NotServing, Server
from tests.reliability.setting import Setting
from tests.reliability.stores import recorded
from tests.reliability.vendor import FAST, running_vendor

PART = "kills"
LANES = 2
CALLERS = 24
PEOPLE = 200
REPLAYED = 400
ALIVE = (0.05, 0.8)
"""Seconds that a server lives before it is killed from outside."""

SETTLING_SHARE = 0.1
"""Of the part's time, kept for asking everything again."""


@dataclass(slots=True)
class Site:
    """One store with the replicas on it and everything that was asked of them."""

    url: str
    history: History = field(default_factory=History)
    servers: list[Server] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)


@dataclass(slots=True)
class Kills:
    """How servers died and how long each took to serve again."""

    deaths: Counter[str] = field(default_factory=Counter)
    recoveries: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


async def run(setting: Setting, score: Score, seconds: float) -> None:
    """Kill for most of the time, then compare and ask everything again."""
    dice = Random(f"{setting.options.seed}-kills")
    kills = Kills()
    folder = setting.folder("kills")
    urls = setting.store_urls(PART, LANES)
    async with _sites(setting, folder, urls) as sites:
        await _storm(sites, kills, dice, seconds * (1 - SETTLING_SHARE))
        stops = await _orderly_stop(sites)
        verdict = await _settle(sites)
    _report(score, setting, sites, kills, verdict)
    _report_stops(score, stops)


@asynccontextmanager
async def _sites(setting: Setting, folder: Path, urls: Sequence[str]) -> AsyncIterator[list[Site]]:
    """A server a lane: on SQLite each with a file of its own, on PostgreSQL replicas of one."""
    sites = {url: Site(url) for url in urls}
    async with AsyncExitStack() as stack:
        vendor = await stack.enter_async_context(running_vendor(PEOPLE))
        rules = harness_rules(folder)
        for url in urls:
            settings = {**vendor.settings, "store_url": url, "rules_dir": str(rules)}
            server = Server(folder, settings, setting.arguments(FAST))
            await server.start()
            stack.push_async_callback(server.kill)
            sites[url].servers.append(server)
            client = await stack.enter_async_context(connected(server.address))
            sites[url].clients.append(client)
        yield list(sites.values())


async def _storm(sites: Sequence[Site], kills: Kills, dice: Random, seconds: float) -> None:
    stop = asyncio.Event()
    loads = [Load(s.clients, s.history, dice, PEOPLE, f"k{n}") for n, s in enumerate(sites)]
    running = [
        asyncio.create_task(load.run(CALLERS * len(site.servers), stop))
        for load, site in zip(loads, sites, strict=True)
    ]
    until = time.monotonic() + seconds
    servers = [server for site in sites for server in site.servers]
    await asyncio.gather(*(_kill_again_and_again(one, kills, dice, until) for one in servers))
    stop.set()
    await asyncio.gather(*running)


async def _kill_again_and_again(server: Server, kills: Kills, dice: Random, until: float) -> None:
    """Half of the deaths come at a failpoint, half at any moment."""
    point: Point | None = None
    while time.monotonic() < until:
        moment = dice.uniform(*ALIVE)
        by_itself = await server.dies_within(moment if point is None else 4 * moment)
        await server.kill()
        kills.deaths[str(point) if by_itself else "any moment"] += 1
        point = dice.choice(list(Point)) if dice.random() < 0.5 else None
        arming = () if point is None else ("--die-at", f"{point}:{dice.randint(1, 12)}")
        try:
            kills.recoveries.append(await server.start(*arming))
        except NotServing as error:
            if point is None:
                kills.failures.append(str(error))
                return
    await server.kill()
    await server.start()


async def _orderly_stop(sites: Sequence[Site]) -> list[tuple[int, float, Counter[str]]]:
    """SIGTERM under load: what was acknowledged meanwhile is checked with all the rest."""
    stops = []
    for number, site in enumerate(sites):
        stop = asyncio.Event()
        load = Load(site.clients, site.history, Random(number), PEOPLE, f"stop{number}")
        running = asyncio.create_task(load.run(CALLERS, stop))
        await asyncio.sleep(0.3)
        before = site.history.calls.copy()
        ended = await asyncio.gather(*(server.terminate() for server in site.servers))
        stop.set()
        await running
        stops += [(code, took, site.history.calls - before) for code, took in ended]
    return stops


async def _settle(sites: Sequence[Site]) -> Verdict:
    total = Verdict()
    for site in sites:
        rows = await recorded(site.url)
        found = compare(site.history, rows)
        await site.servers[0].start()
        await ask_everything_again(site.clients[0], site.history, found, rows)
        await replay(site.clients[0], replayable(site.history, REPLAYED), found)
        total.add(found)
    return total


def _report(
    score: Score, setting: Setting, sites: Sequence[Site], kills: Kills, found: Verdict
) -> None:
    acknowledged = sum(len(site.history.acknowledged()) for site in sites)
    goal, kill_goal = setting.options.goal(20_000), setting.options.goal(200)
    killed = kills.deaths.total()
    score.judged(PART, "SIGKILLs under load", killed, f">= {kill_goal}", kept=killed >= kill_goal)
    by_point = ", ".join(f"{point} {count}" for point, count in sorted(kills.deaths.items()))
    score.told(PART, "of them at", by_point)
    enough = acknowledged >= goal
    score.judged(PART, "decisions acknowledged", acknowledged, f">= {goal}", kept=enough)
    for name in ("lost", "duplicate", "divergent", "refused_yet_recorded", "invented"):
        score.none(PART, name.replace("_", " "), len(getattr(found, name)))
    settled = f"{found.asked_again} of {found.asked_again + len(found.unsettled)}"
    score.judged(PART, "asked again and settled", settled, "all", kept=not found.unsettled)
    score.none(PART, f"replays that differ, of {found.replayed}", len(found.replays_differ))
    _report_calls(score, sites)
    score.none(PART, "restarts that did not serve", len(kills.failures))
    _report_recoveries(score, kills.recoveries, setting.options.slack)


def _report_calls(score: Score, sites: Sequence[Site]) -> None:
    calls = sum((site.history.calls for site in sites), Counter())
    unknown = sum(
        one.told is Told.INVOKED for site in sites for one in site.history.operations.values()
    )
    score.told(PART, "calls by answer", ", ".join(f"{n} {c}" for n, c in calls.most_common(8)))
    score.told(PART, "never heard of until asked again", unknown)
    wrong = calls["reuse answered"] + calls["reuse told on the first"]
    score.none(PART, f"reused ids answered, of {calls['reuse refused'] + wrong}", wrong)


def _report_recoveries(score: Score, recoveries: list[float], slack: float) -> None:
    if not recoveries:
        return
    middle = statistics.median(recoveries)
    bound = 1.5 * slack
    score.judged(
        PART, "serving again, median", f"{middle:.2f} s", f"<= {bound:.1f} s", kept=middle <= bound
    )
    p95 = sorted(recoveries)[int(len(recoveries) * 0.95)]
    score.told(PART, "serving again, p95 and longest", f"{p95:.2f} s, {max(recoveries):.2f} s")


def _report_stops(score: Score, stops: Sequence[tuple[int, float, Counter[str]]]) -> None:
    longest = max(took for _, took, _ in stops)
    good = all(code == 0 for code, _, _ in stops) and longest <= 10
    score.judged(PART, "SIGTERM under load", f"{longest:.1f} s", "exit 0, <= 10 s", kept=good)
