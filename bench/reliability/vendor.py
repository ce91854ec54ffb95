"""The vendor of a run: the stand-in with people who live like the four, metered and scripted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from decision_service.standin.formats import object_id, user_id
from decision_service.standin.sandbox import person_like, sandbox_people
from decision_service.standin.server import Simulator, build_app, serve
from decision_service.standin.world import Person, World

KEY, SECRET = "canary-key-7f3a", "canary-secret-91bc"
FAST = 100_000
"""Requests a second where the vendor's limit is not what is measured."""

HOARD = 10_000


@dataclass(frozen=True, slots=True)
class RunningVendor:
    """A served stand-in; `settings` make a service ask it."""

    app: Simulator
    base_url: str

    @property
    def settings(self) -> dict[str, str]:
        """The service's settings for this vendor."""
        return vendor_settings(self.base_url)


def vendor_settings(base_url: str) -> dict[str, str]:
    """The service's settings for a vendor at a URL."""
    return {
        "smile_mode": "sandbox",
        "smile_base_url": base_url,
        "smile_api_key": KEY,
        "smile_api_secret": SECRET,
        "drain_delay": "0s",
    }


def person(name: str, number: int) -> str:
    """The user id of the so-manieth person who lives like one of the four."""
    return user_id("like", name, number)


def hoarder() -> str:
    """The user id of one who lives like George and has ten thousand contributions."""
    return user_id("hoarder")


def _hoard(today: date) -> Person:
    person = person_like("George", hoarder(), today)
    first, *others = person.sources
    pattern = first.of("contributions")
    kept = tuple(
        {**pattern[number % len(pattern)], "id": object_id("con", hoarder(), number)}
        for number in range(HOARD)
    )
    whole = replace(first, items={**first.items, "contributions": kept})
    return replace(person, sources=(whole, *others))


def crowd(size: int, today: date) -> World:
    """So many people like each of George, Ryan and Anisha, and one with very much."""
    names = ("George", "Ryan", "Anisha")
    builders = {
        person(name, number): partial(person_like, name, person(name, number), today)
        for name in names
        for number in range(size)
    }
    return World(today, {**builders, hoarder(): partial(_hoard, today)})


@asynccontextmanager
async def running_vendor(
    size: int, requests_per_second: int = FAST
) -> AsyncIterator[RunningVendor]:
    """Serve a crowd on loopback."""
    app = build_app(
        partial(crowd, size),
        api_key=KEY,
        api_secret=SECRET,
        requests_per_second=requests_per_second,
    )
    async with serve(app) as base_url:
        yield RunningVendor(app, base_url)


def names() -> tuple[str, ...]:
    """Words about people that must be in no log."""
    return tuple(one.name for one in sandbox_people())
