"""The stand-in's people of a seed and day, read as the service reads them, and kept for later.

A reading is kept in bench/results/people under a digest of the code that makes and reads people, so
that bands and limits are tried in minutes.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import httpx2
import msgspec

from bench.figures import RESULTS
from bench.people.population import population
from decision_service.decide.codec import read_snapshot, snapshot_body
from decision_service.domain.accounts import Kind
from decision_service.domain.errors import DataNotReady
from decision_service.domain.needs import FetchPlan, Needs, WhenTransactions
from decision_service.domain.snapshot import Snapshot
from decision_service.factors.usage import FETCHED_KINDS
from decision_service.smile.limits import SmileLimits
from decision_service.smile.source import SmileSource
from decision_service.standin.formats import start_of
from decision_service.standin.server import build_app

_HERE = Path(__file__).parent
_ROOT = _HERE.parent.parent / "decision_service"
_KEPT = RESULTS / "people"
_HISTORY_DAYS = 800
"""Days of transactions that are read: more than the longest window of a factor, and its staleness."""
_REQUESTS_PER_SECOND = 2_000
_PATIENCE = 600.0


def noon_of(day: date) -> datetime:
    """Noon of a day in Manila: the instant of its decisions."""
    return start_of(day) + timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class _Noon:
    """Noon of a day, while deadlines go by the loop's time."""

    day: date

    def now(self) -> datetime:
        return noon_of(self.day)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


def read_people(
    seed: int, profiles: Sequence[str], day: date, needs: Needs
) -> list[Snapshot | None]:
    """The data of a seed's people on a day, read from the stand-in or kept; None: not ready."""
    file = _KEPT / f"{_made_by(tuple(profiles))}-{seed}-{day}.msgpack"
    if not file.exists():
        bodies = asyncio.run(_read(seed, profiles, day, needs))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.msgpack.encode(bodies))
    kept = msgspec.msgpack.decode(file.read_bytes(), type=list[bytes])
    return [read_snapshot(body) if body else None for body in kept]


async def _read(seed: int, profiles: Sequence[str], day: date, needs: Needs) -> list[bytes]:
    """The stored form of each reading, empty of data that is not ready."""
    clock = _Noon(day)
    world = population(seed, len(profiles), day, profiles)
    app = build_app(
        world, api_key="key", api_secret="secret", clock=clock.now, requests_per_second=1_000_000
    )
    source = SmileSource(
        "http://vendor.test/v1",
        "key",
        "secret",
        clock,
        limits=SmileLimits(requests_per_second=_REQUESTS_PER_SECOND, backoff_seconds=0.001),
        transport=httpx2.ASGITransport(app),
    )
    begins = day - timedelta(days=_HISTORY_DAYS)
    kinds = frozenset(FETCHED_KINDS) - {Kind.TRANSACTIONS}
    plan = FetchPlan(kinds, WhenTransactions.ALWAYS, begins, begins, people=True)
    bodies = []
    try:
        assert await source.refresh_providers()
        for user_id in world.builders:
            try:
                found = await source.gather(
                    user_id,
                    plan,
                    as_of=clock.now(),
                    stop_at=clock.monotonic() + _PATIENCE,
                    wait_until=clock.monotonic(),
                    known=(),
                    fallback=needs.policy.provider_types,
                )
            except DataNotReady:
                bodies.append(b"")
            else:
                bodies.append(snapshot_body(found.snapshot).body)
    finally:
        await source.aclose()
    return bodies


@cache
def _made_by(profiles: tuple[str, ...]) -> str:
    """A digest of the profiles and of the code and data that a reading follows from."""
    digest = hashlib.sha256("\n".join(profiles).encode())
    files = [_HERE / f"{name}.py" for name in _MAKERS]
    files += [_ROOT / "domain" / f"{name}.py" for name in ("accounts", "snapshot", "values")]
    for folder in ("standin", "smile"):
        files += sorted([*(_ROOT / folder).glob("*.py"), *(_ROOT / folder).glob("*.yaml")])
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


_MAKERS = ("in_motion", "members", "ordinary", "population", "readings")
