"""What every `DecisionLog` must do when it lists."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from decision_service.decide import replay
from decision_service.decide.replay import ReadDecisions
from decision_service.domain.decision import Outcome
from decision_service.domain.ports import DecisionLog, Filter, PagePosition, StoredEntry
from tests.fakes.examples import examples
from tests.kits.decision_entries import NOON, numbered


async def walk(log: DecisionLog, chosen: Filter, size: int) -> list[StoredEntry]:
    """All pages of a list, one after another."""
    found: list[StoredEntry] = []
    after = None
    while page := await log.list(chosen, after, size):
        assert len(page) <= size
        found.extend(page)
        after = PagePosition(page[-1].created, page[-1].decision_id)
    return found


_OUTCOMES = tuple(Outcome)
_APPLICATIONS = {4: "user-3", 8: "ref-1", 13: "user-3"}
"""Ids that are somebody's too."""
LISTED = tuple(
    numbered(
        number * 7 % 60,  # ids in another order than instants
        user_id=f"user-{number % 5}",
        product=f"product-{number % 2}",
        application_id=_APPLICATIONS.get(number, f"APP-{number % 7}" if number % 3 else ""),
        customer_ref=f"ref-{number % 4}" if number % 2 else "",
        outcome=_OUTCOMES[number % 4],
        created=NOON + timedelta(microseconds=number // 3),  # three of every instant
    )
    for number in range(60)
)
INSTANTS = st.integers(-1, 21).map(lambda n: NOON + timedelta(microseconds=n))
VALUES = {
    "user_id": st.sampled_from(["user-0", "user-3", "user-9"]),
    "application_id": st.sampled_from(["APP-1", "APP-2"]),
    "customer_ref": st.sampled_from(["ref-1", "ref-3"]),
    "product": st.sampled_from(["product-0", "product-1"]),
    "outcome": st.sampled_from(_OUTCOMES),
    "any_id": st.sampled_from(["user-3", "APP-2", "ref-1", numbered(7).decision_id, "rev_9"]),
    "created_from": INSTANTS,
    "created_before": INSTANTS,
}


@st.composite
def filters(draw: st.DrawFn) -> Filter:
    """Filters of few conditions, so that most of them find something."""
    names = draw(st.sets(st.sampled_from(sorted(VALUES)), max_size=3))
    return Filter(**{name: draw(VALUES[name]) for name in sorted(names)})


def expected(chosen: Filter) -> list[str]:
    """The ids a filter must give, by the plainest reading of its words."""
    texts = ("user_id", "application_id", "customer_ref", "product")
    ids = ("decision_id", *texts[:3])
    found = [
        entry
        for entry in LISTED
        if all(getattr(chosen, name) in ("", getattr(entry, name)) for name in texts)
        and chosen.any_id in ("", *(getattr(entry, name) for name in ids))
        and chosen.outcome in (None, entry.outcome)
        and (chosen.created_from is None or chosen.created_from <= entry.created)
        and (chosen.created_before is None or entry.created < chosen.created_before)
    ]
    found.sort(key=lambda entry: (entry.created, entry.decision_id))
    return [entry.decision_id for entry in reversed(found)]


class ListingKit:
    """The suite; `log` is an empty log."""

    async def test_a_page_holds_no_more_than_asked(self, log: DecisionLog) -> None:
        """The limit counts rows, and the position itself is not shown again."""
        for n in range(5):
            await log.commit(numbered(n))
        first = await log.list(Filter(), None, 2)
        assert [row.decision_id for row in first] == [numbered(n).decision_id for n in (4, 3)]
        after = PagePosition(first[1].created, first[1].decision_id)
        rest = await log.list(Filter(), after, 500)
        assert [row.decision_id for row in rest] == [numbered(n).decision_id for n in (2, 1, 0)]

    async def test_a_time_range_is_half_open(self, log: DecisionLog) -> None:
        """A decision of the first instant is in the range, one of the last is not."""
        for n in range(3):
            await log.commit(numbered(n, created=NOON + timedelta(microseconds=n)))
        chosen = Filter(created_from=NOON, created_before=NOON + timedelta(microseconds=2))
        found = [row.decision_id for row in await log.list(chosen, None, 10)]
        assert found == [numbered(1).decision_id, numbered(0).decision_id]

    @settings(
        max_examples=examples(100),
        deadline=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,  # the rows are the same for every example
            HealthCheck.differing_executors,  # every implementation is held to the one law
        ],
    )
    @given(chosen=filters(), size=st.integers(1, 70))
    async def test_pages_of_a_filter_are_the_sorted_list(
        self, log: DecisionLog, chosen: Filter, size: int
    ) -> None:
        """Whatever the filter and the page size, the pages make up the plain sorted list."""
        if not await log.list(Filter(), None, 1):
            await asyncio.gather(*(log.commit(entry) for entry in LISTED))
        found = await walk(log, chosen, size)
        assert [row.decision_id for row in found] == expected(chosen)

    async def test_pages_of_what_fits_go_on_after_the_last_that_was_looked_at(
        self, log: DecisionLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A page ends when it is full or enough was looked at; none is shown twice or left out."""
        monkeypatch.setattr(replay, "LOOKED_AT_TOGETHER", 5)
        monkeypatch.setattr(replay, "MOST_LOOKED_AT", 10)
        for entry in LISTED:
            await log.commit(entry)
        reading, chosen = ReadDecisions(log, cast("Any", None)), Filter(product="product-1")
        every = expected(chosen)
        for size, wanted, looked_at in (
            (3, every[:4] + every[25:26], [3, 10, 10, 7]),
            (1, every[4:6], [5, 1, 10, 10, 4]),
            (50, [], [10, 10, 10]),
        ):
            found, looked, after, more = list[str](), list[int](), None, True
            while more:
                looked.append(0)

                def fits(entry: StoredEntry) -> bool:
                    looked[-1] += 1  # noqa: B023 - asked within the turn
                    return entry.decision_id in wanted  # noqa: B023

                page = await reading.list(chosen, after, size, fits)
                found += [entry.decision_id for entry in page.entries]
                after, more = page.next, page.next is not None
            assert (found, looked) == (wanted, looked_at)
