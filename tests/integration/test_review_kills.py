"""A process that is killed around a result that is not final leaves one state and one event."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import pytest

from decision_service.casework.review_steps import Move, ReviewStep
from decision_service.domain.reviews import Review, ReviewAction, ReviewEvent, ReviewState
from decision_service.outbox.events import EventFilter
from decision_service.runtime.failpoints import Point, arm
from decision_service.store.store import Store
from tests.kits.decision_log import NOON
from tests.kits.review_log import claimed, referred, thinking_by, withdrawn_by
from tests.kits.stores import opened_as_it_is

pytestmark = pytest.mark.long

KILLED = 9
DUE = NOON + timedelta(minutes=11)
_SPAWNING = multiprocessing.get_context("forkserver")


def once(move: Move, action: ReviewAction, request_id: str) -> Move:
    """The step, and nothing where its request was taken already, as the service repeats it."""

    def taken(review: Review, events: Sequence[ReviewEvent]) -> ReviewStep | None:
        if any((one.action, one.request_id) == (action, request_id) for one in events):
            return None
        return move(review, events)

    return taken


COMPLETE = once(thinking_by("ana"), ReviewAction.COMPLETED, "r-1")
WITHDRAW = once(withdrawn_by("ana"), ReviewAction.WITHDRAWN, "w-1")


async def take(store: Store, review_id: str, step: str) -> None:
    """One step; taken again it changes nothing."""
    if step == "complete":
        await store.reviews.step(review_id, COMPLETE)
    elif step == "withdraw":
        await store.reviews.step(review_id, WITHDRAW)
    else:
        await store.reviews.make_final(DUE, 10)


def take_and_die(url: str, review_id: str, step: str, point: Point) -> None:
    """A process of its own, which ends at a point of its step as a crash ends it."""

    async def run() -> None:
        async with opened_as_it_is(url) as store:
            arm(point, partial(os._exit, KILLED))
            await take(store, review_id, step)

    asyncio.run(run())


WAYS = {
    "complete": (["make_final"], ReviewState.COMPLETED, [ReviewAction.MADE_FINAL]),
    "withdraw": (["make_final"], ReviewState.CLAIMED, [ReviewAction.WITHDRAWN]),
    "make_final": (["make_final"], ReviewState.COMPLETED, [ReviewAction.MADE_FINAL]),
}
"""By the step that is killed: what follows when it was taken again, and how the review ends."""


@pytest.mark.parametrize("step", WAYS)
@pytest.mark.parametrize("point", [Point.IN_STEP, Point.AFTER_STEP])
async def test_a_kill_before_the_release_of_a_result(url: str, step: str, point: Point) -> None:
    """Taken or not at all; the same step again ends it the same way, with one event at most."""
    async with opened_as_it_is(url) as store:
        review_id = await claimed(store, referred(1), "ana")
        if step != "complete":
            await take(store, review_id, "complete")
    dying = _SPAWNING.Process(target=take_and_die, args=(url, review_id, step, point))
    dying.start()
    await asyncio.to_thread(dying.join, 120)
    assert dying.exitcode == KILLED
    following, ends, actions = WAYS[step]
    async with opened_as_it_is(url) as store:
        for each in (step, *following):
            await take(store, review_id, each)
        found = await store.reviews.get(review_id)
        assert found is not None
        end = await store.outbox.end()
        page = await store.outbox.page(0, end, EventFilter(), 100)
    assert found.review.state is ends
    taken = [one.action for one in found.events]
    assert taken[-1:] == actions
    assert len(set(taken)) == len(taken)
    told = [one for one in page.events if one.type == "review.completed"]
    assert len(told) == (ends is ReviewState.COMPLETED)
