"""The stores that the service under test keeps its decisions in, and what they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, NullPool, create_engine, func, select

from decision_service.store.decisions import decisions
from decision_service.store.engine import SqliteFile, parse_store_url
from decision_service.store.outbox import events_out
from decision_service.store.review_rows import reviews
from decision_service.store.store import open_database

T = TypeVar("T")
DECIDED = ("decision.recorded", "decision.again")


async def recorded(url: str) -> Mapping[str, list[bytes]]:
    """The recorded replies by request id, read past the service; more than one is a duplicate."""
    return await looked(url, _replies)


async def looked(url: str, work: Callable[[Connection], T]) -> T:
    """Run work that only reads, past the service and beside it."""
    address = parse_store_url(url)
    if isinstance(address, SqliteFile):
        engine = create_engine(
            f"sqlite:///file:{address.path}?mode=ro&uri=true", poolclass=NullPool
        )
        with engine.connect() as connection:
            return work(connection)
    database = await open_database(url)
    try:
        return await database.read(work)
    finally:
        await database.aclose()


def files(url: str) -> list[Path]:
    """The files of a SQLite store with its log; none of a server's."""
    address = parse_store_url(url)
    if not isinstance(address, SqliteFile):
        return []
    return [file for file in (address.path, Path(f"{address.path}-wal")) if file.exists()]


async def reviews_missing(url: str) -> tuple[int, int, int]:
    """How many referrals there are, how many have no review, and reviews without a decision."""
    return await looked(url, _reviews_missing)


def _reviews_missing(connection: Connection) -> tuple[int, int, int]:
    referred, review = decisions.c.outcome == "REFER", reviews.c.review_id
    opened = decisions.outerjoin(reviews, reviews.c.decision_id == decisions.c.decision_id)
    orphans = reviews.outerjoin(decisions, reviews.c.decision_id == decisions.c.decision_id)
    asked = (
        select(func.count()).select_from(decisions).where(referred),
        select(func.count()).select_from(opened).where(referred, review.is_(None)),
        select(func.count()).select_from(orphans).where(decisions.c.decision_id.is_(None)),
    )
    total, missing, left = (int(connection.execute(one).scalar_one()) for one in asked)
    return total, missing, left


async def events_wrong(url: str, seen: Sequence[str]) -> tuple[int, int]:
    """Of how many decisions there is not one event, or more; and how many a follower saw wrong."""
    decided, events = await looked(url, _decided)
    odd = Counter(events)
    odd.subtract(decided)
    places = sum(one != other for one, other in zip(events, seen, strict=False))
    return sum(map(abs, odd.values())), places + abs(len(events) - len(seen))


def _decided(connection: Connection) -> tuple[Sequence[str], Sequence[str]]:
    of = events_out.c.type.in_(DECIDED)
    events = select(events_out.c.decision_id).where(of).order_by(events_out.c.sequence)
    every = select(decisions.c.decision_id)
    return connection.scalars(every).all(), connection.scalars(events).all()


def _replies(connection: Connection) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for request_id, reply in connection.execute(select(decisions.c.request_id, decisions.c.reply)):
        found.setdefault(request_id, []).append(reply)
    return found
