"""Forged events among the vendor's own while one secret replaces another: told apart, each time."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from random import Random

from sqlalchemy import Connection, func, select

from bench.reliability.bench import bench
from bench.reliability.forgeries import forgeries
from bench.reliability.score import Score
from bench.reliability.sender import SECRETS, Post, event, post_all, signed
from bench.reliability.server import free_port
from bench.reliability.setting import Setting
from bench.reliability.stores import looked
from decision_service.store.events import events

PART = "webhooks"
FORGED = 10_000
GENUINE = 400
"""Half of them signed by the older of the two secrets."""

AGAIN = 3
"""So often each genuine event is sent."""


async def run(setting: Setting, score: Score, seconds: float) -> None:
    """Send all of it shuffled, then count what was taken and what the store has of it."""
    del seconds  # counts bound this part
    dice = Random(f"{setting.options.seed}-webhooks")
    address = f"127.0.0.1:{free_port()}"
    settings = {"webhook_secrets": b",".join(SECRETS).decode(), "http_address": address}
    forged = _forged(setting.options.scaled(FORGED, 500), dice)
    genuine = _genuine(setting.options.scaled(GENUINE, 40))
    async with bench(setting, PART, 1, **settings) as on:
        posts = [(post, False) for post in forged] + [(post, True) for post in genuine * AGAIN]
        dice.shuffle(posts)
        statuses = await post_all(address, [post for post, _ in posts])
        answers = Counter(zip((good for _, good in posts), statuses, strict=True))
        kept = await looked(on.store_url, _kept)
    _report(score, answers, kept - len(genuine))


def _forged(count: int, dice: Random) -> list[Post]:
    body = event("forged", "ACCOUNT_DISCONNECTED", "u-1", sourceId="a-1")
    return list(islice(forgeries(body, SECRETS, dice), count))


def _genuine(count: int) -> list[Post]:
    bodies = (event(f"good-{number}", "SOMETHING_ELSE", "u-1") for number in range(count))
    return [signed(body, SECRETS[number % 2]) for number, body in enumerate(bodies)]


def _kept(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(events)).scalar_one()


def _report(score: Score, answers: Counter[tuple[bool, int]], too_many: int) -> None:
    sent = Counter[bool]()
    for (good, _), count in answers.items():
        sent[good] += count
    taken = sent[False] - answers[False, 401]
    refused = sent[True] - answers[True, 200]
    score.none(PART, f"forged events not refused, of {sent[False]}", taken)
    score.none(PART, f"genuine events refused, of {sent[True]} by two secrets", refused)
    score.none(PART, "events recorded beyond the genuine, or less", abs(too_many))
    score.row("W1", f"{taken} taken" if taken else "")
    score.row("W3", f"{too_many} more or less" if too_many else "")
    score.row("W12", f"{refused} refused" if refused else "")
