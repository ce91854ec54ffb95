"""A stand-in in the process itself, asked through real HTTP requests without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from decision_service.standin.sandbox import sandbox_people
from decision_service.standin.server import Simulator, build_app

NOW = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
GEORGE, RYAN, CHRISTINA, ANISHA = sandbox_people()


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass
class Stand:
    """A stand-in, its clock, and a client with the right keys."""

    app: Simulator
    clock: Clock
    client: httpx2.AsyncClient

    async def get(self, path: str, **query: Any) -> httpx2.Response:
        return await self.client.get(path.lstrip("/"), params=query)

    async def data(self, path: str, **query: Any) -> Any:
        """An answer's data, where it is a good one."""
        answer = await self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def account(self, user_id: str, provider: str = "sss_ph") -> dict[str, Any]:
        """A user's account at a provider."""
        accounts = await self.items("/accounts", userId=user_id)
        return next(one for one in accounts if one["providerId"] == provider)

    async def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """All items of a list, page after page."""
        query, found = {"size": 150, **query}, []
        while True:
            data = await self.data(path, **query)
            found += data["items"]
            if "nextCursor" not in data:
                return found
            query["cursor"] = data["nextCursor"]


@asynccontextmanager
async def open_stand(*worlds: Any, **settings: Any) -> AsyncIterator[Stand]:
    """A stand-in that does not limit, unless told to."""
    clock = Clock()
    given = {"api_key": "key", "api_secret": "secret", "requests_per_second": 10_000}
    app = build_app(*worlds, **{**given, "clock": clock, **settings})
    at = {"base_url": "http://simulator/v1", "auth": ("key", "secret")}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), **at) as client:
        yield Stand(app, clock, client)


def ids(items: Iterable[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in items]
