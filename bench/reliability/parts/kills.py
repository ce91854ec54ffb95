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

from bench.reliability.check import Verdict, ask_everything_again, compare, replay, replayable
from bench.reliability.client import Client
from bench.reliability.follower import Follower
from bench.reliability.history import History, Told
from bench.reliability.killing import ALIVE, Killing, Kills
from bench.reliability.lanes import lanes
from bench.reliability.load import Load
from bench.reliability.options import Options
from bench.reliability.score import Score
from bench.reliability.server import Server
from bench.reliability.setting import Setting
from bench.reliability.stores import events_wrong, recorded, reviews_missing
from decision_service.runtime.failpoints import Point

PART = "kills"
LANES = 2
CALLERS = 24
PEOPLE = 200
REPLAYED = 400
_OF_REVIEWS = {Point.IN_STEP, Point.AFTER_STEP}
POINTS = {point: 12 for point in Point if point not in _OF_REVIEWS} | {Point.GATHERED: 3}
"""How often each is passed at most before a death: only a tenth of decisions gather."""

STARTS = 9
"""Of a lone server under load, with all its imports: what they take is the promise's figure."""

ACKNOWLEDGED, KILLED = 20_000, 200
AT_LONGEST = 2.0
"""Of the part's time, that a storm lasts where its counts are not reached sooner."""


@dataclass(slots=True)
class Site:
    """One store with the replicas on it and everything that was asked of them."""

    url: str
    servers: list[Server]
    clients: list[Client]
    follower: Follower
    history: History = field(default_factory=History)


async def run(setting: Setting, score: Score, seconds: float) -> None:
    """Kill for most of the time, then compare and ask everything again."""
    dice = Random(f"{setting.options.seed}-kills")
    kills, stops = Kills(), list[tuple[int, float]]()
    folder = setting.folder("kills")
    urls = setting.store_urls(PART, LANES)
    async with _sites(setting, folder, urls) as sites:
        following = [asyncio.create_task(site.follower.follow()) for site in sites]
        await Storm(setting.options, sites, kills, dice).rage(seconds)
        await _alone(sites[0], kills, dice, setting.options.scaled(STARTS, 3))
        for number, site in enumerate(sites):
            stops += await _orderly_stop(site, number, dice)
        for one in following:
            one.cancel()
        verdict = await _settle(sites)
    _report(score, setting, sites, kills, verdict)
    _report_stops(score, stops)


@asynccontextmanager
async def _sites(setting: Setting, folder: Path, urls: Sequence[str]) -> AsyncIterator[list[Site]]:
    """A server a lane: on SQLite each with a file of its own, on PostgreSQL replicas of one."""
    settings = [{"store_url": url} for url in urls]
    async with lanes(setting, folder, PEOPLE, settings) as every:
        yield [
            Site(
                own[0].store_url,
                servers=[lane.server for lane in own],
                clients=[lane.client for lane in own],
                follower=Follower([lane.client for lane in own]),
            )
            for own in every.by_store()
        ]


@dataclass(frozen=True, slots=True)
class Storm:
    """Load on every site while its servers are killed."""

    options: Options
    sites: Sequence[Site]
    kills: Kills
    dice: Random

    async def rage(self, seconds: float) -> None:
        """So long, and longer where the counts that are promised are not reached by then."""
        began, over = time.monotonic(), asyncio.Event()
        servers = [server for site in self.sites for server in site.servers]
        async with AsyncExitStack() as loads:
            for number, site in enumerate(self.sites):
                await loads.enter_async_context(_loaded(site, f"k{number}", self.dice))
            killing = Killing(self.kills, self.dice, POINTS)
            deaths = asyncio.gather(*(killing.again_and_again(one, over) for one in servers))
            await asyncio.sleep(seconds)
            while not self._enough() and time.monotonic() - began < AT_LONGEST * seconds:
                await asyncio.sleep(0.5)
            over.set()
            await deaths

    def _enough(self) -> bool:
        known = sum(len(site.history.acknowledged()) for site in self.sites)
        killed = self.kills.deaths.total()
        return known >= self.options.goal(ACKNOWLEDGED) and killed >= self.options.goal(KILLED)


async def _alone(site: Site, kills: Kills, dice: Random, starts: int) -> None:
    """One server under its load, every other one down: killed, and started with its imports."""
    async with _loaded(site, "alone", dice, 1):
        for _ in range(starts):
            kills.alone.append(await site.servers[0].start(cold=True))
            await asyncio.sleep(dice.uniform(*ALIVE))
            await site.servers[0].kill()
            kills.deaths["any moment"] += 1


async def _orderly_stop(site: Site, number: int, dice: Random) -> list[tuple[int, float]]:
    """SIGTERM under load: what was acknowledged meanwhile is checked with all the rest."""
    await asyncio.gather(*(server.start(cold=True) for server in site.servers))
    async with _loaded(site, f"stop{number}", dice):
        await asyncio.sleep(0.5)
        return await asyncio.gather(*(server.terminate() for server in site.servers))


@asynccontextmanager
async def _loaded(
    site: Site, name: str, dice: Random, replicas: int = LANES
) -> AsyncIterator[None]:
    """Callers, who give up at the end: nobody may be there any more, and all is asked again."""
    clients = site.clients[:replicas]
    load = Load(clients, site.history, dice, PEOPLE, name)
    running = asyncio.create_task(load.run(CALLERS * len(clients), asyncio.Event()))
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _settle(sites: Sequence[Site]) -> Verdict:
    total = Verdict()
    for found in await asyncio.gather(*map(_settled, sites)):
        total.add(found)
    return total


async def _settled(site: Site) -> Verdict:
    """What is wrong at one store, compared while no service runs and asked for afterwards."""
    rows = await recorded(site.url)
    found = compare(site.history, rows)
    found.referrals, found.unreviewed, found.reviews_alone = await reviews_missing(site.url)
    await site.servers[0].start(cold=True)
    await ask_everything_again(site.clients[0], site.history, found, rows)
    await replay(site.clients[0], replayable(site.history, REPLAYED), found)
    while await site.follower.page(site.clients[0]):
        pass
    found.untold, found.misread = await events_wrong(site.url, site.follower.seen)
    return found


def _report(
    score: Score, setting: Setting, sites: Sequence[Site], kills: Kills, found: Verdict
) -> None:
    acknowledged = sum(len(site.history.acknowledged()) for site in sites)
    goal, kill_goal = setting.options.goal(ACKNOWLEDGED), setting.options.goal(KILLED)
    killed = kills.deaths.total()
    score.judged(PART, "SIGKILLs under load", killed, f">= {kill_goal}", kept=killed >= kill_goal)
    score.told(PART, "of them at", kills.by_place)
    enough = acknowledged >= goal
    score.judged(PART, "decisions acknowledged", acknowledged, f">= {goal}", kept=enough)
    for name in ("lost", "duplicate", "divergent", "refused_yet_recorded", "invented"):
        score.none(PART, name.replace("_", " "), len(getattr(found, name)))
    score.none(PART, f"referrals without a review, of {found.referrals}", found.unreviewed)
    score.none(PART, "reviews without a decision", found.reviews_alone)
    score.none(PART, "decisions without one event, or with more", found.untold)
    followed = sum(len(site.follower.seen) for site in sites)
    score.none(PART, f"events followed that differ, of {followed}", found.misread)
    settled = f"{found.asked_again} of {found.asked_again + len(found.unsettled)}"
    score.judged(PART, "asked again and settled", settled, "all", kept=not found.unsettled)
    score.none(PART, f"replays that differ, of {found.replayed}", len(found.replays_differ))
    score.none(PART, "refused a replay", len(found.not_replayed))
    for words in (*map(", ".join, found.replays_differ.values()), *found.not_replayed.values()):
        score.told(PART, "what one replay showed", words)
    _report_calls(score, sites)
    score.none(PART, "restarts that did not serve", len(kills.failures))
    for words in kills.failures:
        score.told(PART, "the last words of one", words.strip().rpartition("\n")[2])
    _report_recoveries(score, kills, setting.options.slack)


def _report_calls(score: Score, sites: Sequence[Site]) -> None:
    calls = sum((site.history.calls for site in sites), Counter())
    unknown = sum(
        one.told is Told.INVOKED for site in sites for one in site.history.operations.values()
    )
    score.told(PART, "calls by answer", ", ".join(f"{n} {c}" for n, c in calls.most_common(8)))
    score.told(PART, "never heard of until asked again", unknown)
    wrong = calls["reuse answered"] + calls["reuse told on the first"]
    score.none(PART, f"reused ids answered, of {calls['reuse refused'] + wrong}", wrong)


def _report_recoveries(score: Score, kills: Kills, slack: float) -> None:
    """The promise is for a start with all its imports; what forked servers took is told."""
    bound, middle = 1.5 * slack, statistics.median(kills.alone)
    name, promise = f"serving again, median of {len(kills.alone)}", f"<= {bound:.1f} s"
    score.judged(PART, name, f"{middle:.2f} s", promise, kept=middle <= bound)
    score.told(PART, "serving again, longest", f"{max(kills.alone):.2f} s")
    if kills.forked:
        told = f"{statistics.median(kills.forked):.2f} s, {max(kills.forked):.2f} s"
        score.told(PART, "in the storm, without imports: median, longest", told)


def _report_stops(score: Score, stops: Sequence[tuple[int, float]]) -> None:
    longest = max(took for _, took in stops)
    good = all(code == 0 for code, _ in stops) and longest <= 10
    score.judged(PART, "SIGTERM under load", f"{longest:.1f} s", "exit 0, <= 10 s", kept=good)
