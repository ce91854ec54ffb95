"""Three times the load that can be carried: as much is decided as ever, and refusals are quick.

Callers come at a pace of their own and do not wait for one another. Everybody was read once before
and the vendor's events keep that good: what is short is the service's own time. How much can be
carried is measured before and after each storm, since a machine that others use too has by turns
more and less of it.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count

from bench.reliability import storm as storms
from bench.reliability.bench import Bench, bench
from bench.reliability.client import Client, loan
from bench.reliability.lag import Lag, lag_measured
from bench.reliability.score import Score
from bench.reliability.sender import SECRETS
from bench.reliability.setting import Setting
from bench.reliability.storm import Storm
from bench.reliability.vendor import person
from decision_service.api.v1.decision_service_pb2 import CreateDecisionResponse

PART = "overload"
METHOD = "/decision_service.api.v1.DecisionService/CreateDecision"
PEOPLE = 100
ONE, MANY = 1, 8
"""Connections: how many a client that floods has, and how many clients that do so together."""

AT_A_TIME = 64
"""Callers who wait for their answer before they ask again: how much can be carried."""

TIMES = 3
ROUNDS = 5
WARM, CALM, STORM = 120.0, 2.0, 4.0
"""Seconds: at most until all data is warm, and, of a run of five minutes, of each pace."""
FEW = 4
"""So many new applicants are decided at a time before it begins."""

GOODPUT = 0.8
REFUSED_WITHIN = 0.05
MEGABYTES = 48
"""How much more memory may be held for the calls that wait: about a thousand of them."""


@dataclass(slots=True)
class Weather:
    """What calms and storms showed in turns, in decisions a second, and memory in MB."""

    calms: list[float] = field(default_factory=list)
    storms: list[float] = field(default_factory=list)
    grown: int = 0
    waiting: int = 0

    @property
    def shares(self) -> list[float]:
        """Each storm against the calms before and after it."""
        calms = zip(self.calms, self.calms[1:], strict=False)
        return [
            2 * stormy / (before + after)
            for stormy, (before, after) in zip(self.storms, calms, strict=True)
        ]


async def run(setting: Setting, score: Score, seconds: float) -> None:
    """Find out how much can be carried, then come three times as often."""
    del seconds  # its own times bound this part
    warm = {"webhook_secrets": SECRETS[0].decode(), "accounts_max_age": "1h"}
    async with bench(setting, PART, PEOPLE, **warm) as on, lag_measured() as lag:
        made = _requests()
        client, clients = ([Storm(METHOD, made) for _ in range(size)] for size in (ONE, MANY))
        async with storms.connected(on.server.address, client):
            await _warmed(on.client)
            one = await _weather(on, client, setting.options.share)
            _report(score, setting.options.slack, one)
            _report_refusals(score, setting.options.slack, client, lag, one)
        async with storms.connected(on.server.address, clients):
            many = await _weather(on, clients, setting.options.share)
        _tell_of_many(score, many, clients, lag)
    grown = max(one.grown, many.grown)
    score.judged(PART, "more memory", f"{grown} MB", f"<= {MEGABYTES} MB", kept=grown <= MEGABYTES)


async def _warmed(client: Client) -> None:
    """Decide everybody until the vendor is asked nothing; raises TimeoutError where it stays so.

    A few at a time: a crowd of new applicants is more than the vendor's stand-in answers in time.
    """
    waiting = iter(range(PEOPLE))

    async def some() -> None:
        for number in waiting:
            for again in count():
                request = loan(f"warm-{number}-{again}", person("George", number))
                if _asked(await client.decide(request)) == 0:
                    break

    async with asyncio.timeout(WARM):
        await asyncio.gather(*(some() for _ in range(FEW)))


def _asked(reply: bytes) -> int:
    """How many requests to the vendor a decision took."""
    return CreateDecisionResponse.FromString(reply).decision.data_quality.upstream_calls


def _requests() -> Callable[[], bytes]:
    """Applications of everybody in turn, each new."""
    numbers = count()

    def made() -> bytes:
        number = next(numbers)
        request = loan(f"load-{number}", person("George", number % PEOPLE))
        return request.SerializeToString()

    return made


async def _weather(on: Bench, every: Sequence[Storm], share: float) -> Weather:
    """Calms and storms in turns, with a calm at both ends."""
    scale, seen = max(0.2, share), Weather()
    at_a_time = AT_A_TIME // len(every)
    await storms.carried(every, at_a_time, CALM * scale)
    seen.calms.append(await storms.carried(every, at_a_time, CALM * scale))
    for storm in every:
        storm.refusals.clear()
    for _ in range(ROUNDS):
        grown, goodput = await _stormed(on, every, TIMES * seen.calms[-1], STORM * scale)
        seen.grown = max(seen.grown, grown)
        seen.storms.append(goodput)
        seen.waiting = sum(len(storm.open) for storm in every)
        await storms.calmed(every)
        seen.calms.append(await storms.carried(every, at_a_time, CALM * scale))
    return seen


async def _stormed(
    on: Bench, every: Sequence[Storm], pace: float, seconds: float
) -> tuple[int, float]:
    """Megabytes that a storm took, and decisions a second in it."""
    before, decided = on.server.process.memory_info().rss, storms.decided(every)
    await storms.blow(every, pace, seconds)
    grown = (on.server.process.memory_info().rss - before) >> 20
    return grown, (storms.decided(every) - decided) / seconds


def _report(score: Score, slack: float, seen: Weather) -> None:
    least = GOODPUT / slack
    share = statistics.median(seen.shares)
    calm, stormy = statistics.median(seen.calms), statistics.median(seen.storms)
    score.told(PART, f"carried, then decided at {TIMES} times", f"{calm:.0f}, {stormy:.0f} / s")
    name, promise = f"of what can be carried, median of {ROUNDS}", f">= {100 * least:.0f} %"
    score.judged(PART, name, f"{100 * share:.0f} %", promise, kept=share >= least)
    score.told(PART, "least and most", _range(seen))
    score.row("C15", "" if share >= least else f"{100 * share:.0f} % of what can be carried")


def _range(seen: Weather) -> str:
    return f"{100 * min(seen.shares):.0f}, {100 * max(seen.shares):.0f} %"


def _tell_of_many(score: Score, seen: Weather, every: Sequence[Storm], lag: Lag) -> None:
    """What the service has to refuse call by call: no promise, a known limit."""
    share = 100 * statistics.median(seen.shares)
    told = f"{share:.0f} % ({_range(seen)}); refused {_refused(every, seen)}"
    score.told(PART, f"the same on {MANY} connections", told)
    refusals = _refusals(every)
    if len(refusals) > 1:
        p99 = _beyond_lag(refusals, lag)
        score.told(PART, f"refused there within, p99 of {len(refusals)}", f"{p99 * 1000:.0f} ms")


def _refused(every: Sequence[Storm], seen: Weather) -> str:
    beyond = sum(storm.resets for storm in every)
    refused = len(_refusals(every)) - beyond
    told = f"{refused} by the service, {beyond} as streams too many"
    return f"{told}; {seen.waiting} waited at the end"


def _report_refusals(
    score: Score, slack: float, every: Sequence[Storm], lag: Lag, seen: Weather
) -> None:
    """Who keeps to a connection's streams is refused by the service; others by gRPC's core."""
    refusals = _refusals(every)
    refused, lost = len(refusals), sum(storm.broken for storm in every)
    score.told(PART, f"refused at {TIMES} times", _refused(every, seen))
    score.judged(PART, "connections lost", f"{lost}", "0", kept=not lost)
    if refused > 1:
        bound = REFUSED_WITHIN * slack
        whole = _p99(taken for _, taken in refusals)
        p99 = _beyond_lag(refusals, lag)
        name, promise = f"refused within, p99 of {refused}", f"<= {bound * 1000:.0f} ms"
        score.judged(PART, name, f"{p99 * 1000:.0f} ms", promise, kept=p99 <= bound)
        score.told(PART, "the same with the bench's own lag", f"{whole * 1000:.0f} ms")


def _refusals(every: Sequence[Storm]) -> list[tuple[float, float]]:
    """When each call was refused on any connection, and how long that took."""
    return [refusal for storm in every for refusal in storm.refusals]


def _beyond_lag(refusals: Iterable[tuple[float, float]], lag: Lag) -> float:
    """The slowest hundredth, less what the bench itself was late."""
    return _p99(max(0.0, taken - lag.around(at)) for at, taken in refusals)


def _p99(seconds: Iterable[float]) -> float:
    return statistics.quantiles(seconds, n=100)[-1]
