"""What the bench reads in a store past the service."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from bench.reliability.stores import reviews_missing
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
