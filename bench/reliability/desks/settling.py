"""After the kills: what the stores hold, and every end asked for once more."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field

from bench.reliability.desks.check import Wrongs, checked, not_once_again
from bench.reliability.desks.desk import Desk
from bench.reliability.desks.records import recorded_reviews
from bench.reliability.stores import reviews_missing

SETTLED = 60.0
"""Seconds for applications to be decided again by a server that lives."""


@dataclass(slots=True)
class Found:
    """What the stores held: before anything was asked again, and after."""

    wrongs: Wrongs = field(default_factory=Wrongs)
    missing: Counter[str] = field(default_factory=Counter)
    unsettled: int = 0
    steps: int = 0
    again: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, other: Found) -> None:
        """Take another store's findings in."""
        self.wrongs.add(other.wrongs)
        self.missing += other.missing
        self.unsettled += other.unsettled
        self.steps += other.steps
        self.again += other.again
        self.notes += other.notes


async def settled(desk: Desk) -> Found:
    """What is wrong at one store, with every end asked for once more."""
    lane, account, found = desk.lanes[0], desk.account, Found()
    url = lane.store_url
    found.wrongs.add(checked(account, await recorded_reviews(url)))
    await lane.server.start(cold=True)
    alone = Desk([lane], desk.shown, desk.script, desk.dice, desk.name, account)
    await _decided_again(desk)
    for end in account.ends:
        told = await alone.asked(end.who, end.method, end.request)
        known = (end.request.review_id, end.request.request_id) in account.answered
        found.unsettled += known and told is None
    await lane.server.kill()
    recorded = await recorded_reviews(url)
    found.wrongs.add(checked(account, recorded))
    found.wrongs.not_once_again = not_once_again(account, recorded)
    names = ("referrals", "unreviewed", "alone")
    found.missing.update(dict(zip(names, await reviews_missing(url), strict=True)))
    found.notes = found.wrongs.described(recorded)
    found.steps = sum(map(len, recorded.events.values()))
    found.again = [
        ended.timestamp() - case.arrived
        for review_id, case in account.cases.items()
        if case.arrived
        and (review := recorded.reviews.get(review_id)) is not None
        and (ended := review.ended) is not None
    ]
    return found


async def _decided_again(desk: Desk) -> None:
    """Wait until every application is decided again whose data arrived, or for a minute."""
    began = time.monotonic()
    while time.monotonic() - began < SETTLED:
        recorded = await recorded_reviews(desk.lanes[0].store_url)
        if not not_once_again(desk.account, recorded):
            return
        await asyncio.sleep(0.5)
