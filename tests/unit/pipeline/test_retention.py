"""How long decisions are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from decision_service.runtime.clock import ClockGuard
from decision_service.store.erasure import BATCH, Retention, months_before
from tests.fakes.world import SetClock


@dataclass
class Old:
    """A store with so many old decisions."""

    left: int
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)
    forgotten: list[datetime] = field(default_factory=list)

    async def forget_ended(self, now: datetime) -> None:
        self.forgotten.append(now)

    async def expire(self, before: datetime, most: int, *, closed_before: datetime) -> int:
        self.asked.append((before, closed_before))
        taken = min(self.left, most)
        self.left -= taken
        return taken


async def test_everything_that_is_due_goes_in_bounded_batches() -> None:
    """Batch after batch until nothing is left, all by the same instants, 25 and 60 months back."""
    store = Old(2 * BATCH + 1)
    assert (
        await Retention(store.expire, store.forget_ended, SetClock(), 25, 60, lambda: True).once(
            pause=0
        )
        == 2 * BATCH + 1
    )
    assert store.left == 0
    kept = datetime(2024, 10, 24, 4, tzinfo=UTC), datetime(2021, 11, 24, 4, tzinfo=UTC)
    assert store.asked == [kept] * 4


async def test_what_was_lent_is_kept_no_shorter_than_what_was_not() -> None:
    """The longer of two settings counts for decisions with loans."""
    store = Old(1)
    await Retention(store.expire, store.forget_ended, SetClock(), 25, 12, lambda: True).once(0)
    assert {before == closed for before, closed in store.asked} == {True}


async def test_nothing_goes_while_the_clock_is_not_confirmed() -> None:
    """Before any date of the vendor, after a step of years, and while no date comes."""
    store, clock = Old(3), SetClock()
    guard = ClockGuard(clock.now, clock.monotonic)
    retention = Retention(store.expire, store.forget_ended, clock, 25, 60, lambda: guard.agrees)
    assert await retention.once(pause=0) == 0
    guard.answered(clock.now())
    clock.wall += timedelta(days=3650)
    assert await retention.once(pause=0) == 0
    clock.wall -= timedelta(days=3650)
    clock.seconds += 601
    clock.wall += timedelta(seconds=601)
    assert await retention.once(pause=0) == 0
    assert (store.left, store.forgotten) == (3, [])
    guard.answered(clock.now())
    assert await retention.once(pause=0) == 3


async def test_what_is_left_of_disconnected_accounts_goes_in_time() -> None:
    """Every run names the time that it is."""
    store, clock = Old(0), SetClock()
    await Retention(store.expire, store.forget_ended, clock, 25, 60, lambda: True).once(pause=0)
    assert store.forgotten == [clock.now()]


@pytest.mark.parametrize(
    ("months", "expected"),
    [(1, (2026, 2, 28)), (3, (2025, 12, 31)), (13, (2025, 2, 28)), (25, (2024, 2, 29))],
)
def test_months_end_with_their_last_day(months: int, expected: tuple[int, int, int]) -> None:
    """The same day of an earlier month, or its last."""
    found = months_before(datetime(2026, 3, 31, 12, tzinfo=UTC), months)
    assert (found.year, found.month, found.day) == expected
