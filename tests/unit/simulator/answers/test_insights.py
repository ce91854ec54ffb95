"""The counts of linked lenders, on figures worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from decision_service.standin.lists import NO_DATA, features
from decision_service.standin.world import Origin, link, source
from tests.unit.simulator.stand import GEORGE, Stand

CUTOFF = datetime(2026, 11, 24, 6, tzinfo=UTC)
ORIGIN = Origin("tenantId-" + "1" * 32, "sss_ph", CUTOFF - timedelta(days=90), CUTOFF)


def computed(provider: str = "sss_ph", **items: Any) -> dict[str, Any]:
    """The features of a source with these items."""
    origin = Origin(ORIGIN.user_id, provider, ORIGIN.connected, ORIGIN.synced)
    return features(source(origin, items), CUTOFF)


def test_links_are_counted_by_days() -> None:
    """Links within so many days count; first and last are days ago."""
    times = [CUTOFF - timedelta(days=days) for days in (200, 40, 5)]
    found = computed(links=[link(ORIGIN, times)])
    assert (found["link_days_since_first"], found["link_days_since_last"]) == (200, 5)
    assert computed()["link_day30_count"] == NO_DATA
    counts = [found[f"link_day{days}_count"] for days in (3, 7, 30, 90, 180, 365)]
    assert counts == [0, 1, 1, 2, 2, 3]


async def test_insights_are_served_for_each_account(stand: Stand) -> None:
    """The list has one insight for each account."""
    insights = await stand.items("/insights", userId=GEORGE.user_id)
    assert len({one["metadata"]["sourceId"] for one in insights}) == len(insights) == 3
