"""What the bench reads in a store past the service."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace
from sqlalchemy import delete

from bench.reliability.stores import events_wrong, reviews_missing
from decision_service.store.outbox import events_out
from tests.kits.decision_entries import numbered
from tests.kits.review_log import referred
from tests.kits.stores import opened


async def test_a_referral_without_its_review_is_found(tmp_path: Path) -> None:
    """Of three referrals one has no review, and one review has no decision."""
    url = f"sqlite:///{tmp_path}/decisions.db"
    other = referred(9, history=None)
    async with opened(url) as store:
        for entry in (
            numbered(1),
            referred(2, history=None),
            replace(referred(3, history=None), review=None),
            replace(referred(4, history=None), review=other.review),
        ):
            await store.commit(entry)
    assert await reviews_missing(url) == (3, 2, 1)


async def test_an_event_that_is_gone_is_found(tmp_path: Path) -> None:
    """By its decision that has none, and by who has seen what is no longer there."""
    url = f"sqlite:///{tmp_path}/decisions.db"
    entries = [numbered(one) for one in (1, 2)]
    seen = [entry.decision_id for entry in entries]
    async with opened(url) as store:
        for entry in entries:
            await store.commit(entry)
        assert await events_wrong(url, seen) == (0, 0)
        assert await events_wrong(url, seen[::-1]) == (0, 2)
        gone = delete(events_out).where(events_out.c.decision_id == seen[0])
        await store._database.write(lambda connection: connection.execute(gone).close())
    assert await events_wrong(url, seen) == (1, 2)
