"""Three times the load that can be carried: as much is decided as ever, and refusals are quick.

Callers come at a pace of their own and do not wait for one another. Everybody was read once before
and the vendor's events keep that good: what is short is the service's own time.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from itertools import count

from tests.reliability import storm as storms
from tests.reliability.bench import Bench, bench
from tests.reliability.client import loan
from tests.reliability.lag import Lag, lag_measured
from tests.reliability.score import Score
from tests.reliability.sender import SECRETS
from tests.reliability.setting import Setting
from tests.reliability.storm import Storm
from tests.reliability.vendor import person

PART = "overload"
METHOD = "/decision_service.api.v1.DecisionService/CreateDecision"
PEOPLE = 100
ONE, MANY = 1, 8
"""Connections: how many a client that floods has, and how many clients that do so together."""

AT_A_TIME = 64
"""Callers who wait for their answer before they ask again: how much can be carried."""

TIMES = 3
WARM, CALM, STORM = 120.0, 5.0, 15.0
"""Seconds: at most until everybody was decided, and, of a run of five minutes, of each pace."""

GOODPUT = 0.8
REFUSED_WITHIN = 0.05
MEGABYTES = 48
"""How much more memory may be held for the calls that wait: about a thousand of them."""


async def run(setting: Setting, score: Score, seconds: float) -> None:
    """Find out how much can be carried, then come three times as often."""
    del seconds  # its own times bound this part
    scale = max(0.2, setting.options.share)
    warm = {"webhook_secrets": SECRETS[0].decode(), "accounts_max_age": "1h"}
    async with bench(setting, PART, PEOPLE, **warm) as on, lag_measured() as lag:
        made = _requests()
        client = [Storm(METHOD, made) for _ in range(ONE)]
        async with storms.connected(on.server.address, client):
            await storms.warmed(client, AT_A_TIME, 5 * PEOPLE, WARM)
            await storms.carried(client, AT_A_TIME, CALM * scale)
            carried = await storms.carried(client, AT_A_TIME, CALM * scale)
            grown, goodput = await _stormed(on, client, TIMES * carried, STORM * scale)
        _report(score, setting.options.slack, carried, goodput)
        _report_refusals(score, setting.options.slack, client, lag)
        clients = [Storm(METHOD, made) for _ in range(MANY)]
        async with storms.connected(on.server.address, clients):
            more, less = await _stormed(on, clients, TIMES * carried, STORM * scale)
        _tell_of_many(score, less / carried, clients, lag)
        grown = max(grown, more)
    score.judged(PART, "more memory", f"{grown} MB", f"<= {MEGABYTES} MB", kept=grown <= MEGABYTES)


def _requests() -> Callable[[], bytes]:
    """Applications of everybody in turn, each new."""
    numbers = count()

    def made() -> bytes:
        number = next(numbers)
        request = loan(f"load-{number}", person("George", number % PEOPLE))
        return request.SerializeToString()

    return made


async def _stormed(
    on: Bench, every: Sequence[Storm], pace: float, seconds: float
) -> tuple[int, float]:
    """Megabytes that a storm took, and decisions a second in it."""
    before, decided = on.server.process.memory_info().rss, storms.decided(every)
    for storm in every:
        storm.refusals.clear()
    await storms.blow(every, pace, seconds)
    grown = (on.server.process.memory_info().rss - before) >> 20
    return grown, (storms.decided(every) - decided) / seconds


def _report(score: Score, slack: float, carried: float, goodput: float) -> None:
    least = GOODPUT / slack
    share = goodput / carried
    score.told(PART, f"carried, then decided at {TIMES} times", f"{carried:.0f}, {goodput:.0f} / s")
    name, promise = "of what can be carried", f">= {100 * least:.0f} %"
    score.judged(PART, name, f"{100 * share:.0f} %", promise, kept=share >= least)
    score.row("C15", "" if share >= least else f"{100 * share:.0f} % of what can be carried")


def _tell_of_many(score: Score, share: float, every: Sequence[Storm], lag: Lag) -> None:
    """What the service has to refuse call by call: no promise, a known limit."""
    score.told(
        PART, f"the same on {MANY} connections", f"{100 * share:.0f} %; refused {_refused(every)}"
    )
    refusals = [refusal for storm in every for refusal in storm.refusals]
    if len(refusals) > 1:
        p99 = _p99(max(0.0, taken - lag.around(at)) for at, taken in refusals)
        score.told(PART, f"refused there within, p99 of {len(refusals)}", f"{p99 * 1000:.0f} ms")


def _refused(every: Sequence[Storm]) -> str:
    beyond = sum(storm.resets for storm in every)
    refused = sum(len(storm.refusals) for storm in every) - beyond
    waited = sum(len(storm.open) for storm in every)
    told = f"{refused} by the service, {beyond} as streams too many"
    return f"{told}; {waited} waited at the end"


def _report_refusals(score: Score, slack: float, every: Sequence[Storm], lag: Lag) -> None:
    """Who keeps to a connection's streams is refused by the service; others by gRPC's core."""
    refusals = [refusal for storm in every for refusal in storm.refusals]
    refused, lost = len(refusals), sum(storm.broken for storm in every)
    score.told(PART, f"refused at {TIMES} times", _refused(every))
    score.judged(PART, "connections lost", f"{lost}", "0", kept=not lost)
    if refused > 1:
        bound = REFUSED_WITHIN * slack
        whole = _p99(taken for _, taken in refusals)
        p99 = _p99(max(0.0, taken - lag.around(at)) for at, taken in refusals)
        name, promise = f"refused within, p99 of {refused}", f"<= {bound * 1000:.0f} ms"
        score.judged(PART, name, f"{p99 * 1000:.0f} ms", promise, kept=p99 <= bound)
        score.told(PART, "the same with the bench's own lag", f"{whole * 1000:.0f} ms")


def _p99(seconds: Iterable[float]) -> float:
    return statistics.quantiles(seconds, n=100)[-1]
