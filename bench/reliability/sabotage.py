"""Safeguards taken away, one at a time, to show that the bench notices.

Each is a patch that is applied in a process of the harness's own before the service starts there;
none of it is in the product.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from msgspec.structs import replace
from sqlalchemy import update

from decision_service.casework import review_steps as steps
from decision_service.decide.flow import Waiter
from decision_service.domain.errors import ServiceError
from decision_service.domain.reviews import Review, ReviewState
from decision_service.rules.language import yaml as composer
from decision_service.rules.language.yaml import MapEntry
from decision_service.smile import applicant as kind_read
from decision_service.smile import client as http
from decision_service.smile import events as webhooks
from decision_service.smile import fetch as lists
from decision_service.smile import limits as retries
from decision_service.store import commit as writer
from decision_service.store import decisions, erasure, snapshots
from decision_service.store import reviews as rows
from decision_service.store.keys import PLAIN
from decision_service.store.reviews import Reviews

LATE = 0.05


def commit_after_reply() -> None:
    """Answer at once and commit a little later."""
    commit = writer.Commits.commit
    late: set[asyncio.Task[Any]] = set()

    async def afterwards(self: writer.Commits, entry: Any) -> None:
        await asyncio.sleep(LATE)
        await commit(self, entry)

    async def early(self: writer.Commits, entry: Any) -> Any:
        task = asyncio.create_task(afterwards(self, entry))
        late.add(task)
        task.add_done_callback(late.discard)
        return decisions.stored(entry)

    writer.Commits.commit = early  # type: ignore[method-assign]  # the sabotage


def skip_the_shield() -> None:
    """Let whoever leaves take the shared work down with it."""

    async def result(self: Waiter[Any, Any], seconds: float, *_: object) -> Any:
        async with asyncio.timeout(max(seconds, 0)):
            return await self._flight.task

    Waiter.result = result  # type: ignore[method-assign]  # the sabotage


def missing_as_zero() -> None:
    """Take a kind that could not be read for one that is empty."""
    lists.failed_kind = lambda *_: kind_read.KindRead()  # type: ignore[assignment]  # the sabotage


def follow_redirects() -> None:
    """Go wherever an answer points."""
    begin = http.HttpClient.__init__

    def trusting(self: http.HttpClient, *args: Any, **kwargs: Any) -> None:
        begin(self, *args, **kwargs)
        self._http.follow_redirects = True

    http.HttpClient.__init__ = trusting  # type: ignore[method-assign]  # the sabotage


def last_key_wins() -> None:
    """Let a repeated key of a rule file replace the first, as YAML libraries do."""

    def add_entry(_: Any, top: Any, key: Any, value: Any) -> None:
        top.entries[key.text] = MapEntry(key.text, key.place, value)

    composer.Composer._add_entry = add_entry  # type: ignore[method-assign]  # noqa: SLF001


def retry_without_budget() -> None:
    """Retry as often as each request may, however many there are."""
    retries.RetryBudget.take = lambda _: True  # type: ignore[method-assign]  # the sabotage


def take_any_signature() -> None:
    """Take whoever sends an event for the vendor."""
    webhooks.signing_key = lambda *_: 0  # type: ignore[assignment]  # the sabotage


def keep_the_keys() -> None:
    """Delete a user's rows and leave the key that opens what the files still hold."""
    erase = erasure.erase

    def forgetful(connection: Any, user_id: str, *arguments: Any, **options: Any) -> Any:
        key = snapshots.user_keys(connection, {user_id}, PLAIN)[user_id]
        erased = erase(connection, user_id, *arguments, **options)
        back = update(snapshots.consents).where(snapshots.consents.c.user_id == user_id)
        connection.execute(back.values(key=key))
        return erased

    erasure.erase = forgetful  # the sabotage


def open_reviews_later() -> None:
    """Record a referral, and its review a little later in a transaction of its own."""
    commit = writer.Commits.commit
    late: set[asyncio.Task[Any]] = set()

    async def afterwards(self: writer.Commits, opened: Any) -> None:
        await asyncio.sleep(LATE)
        await self._database.write(partial(rows.open_all, opened=[opened]))

    async def bare(self: writer.Commits, entry: Any) -> Any:
        told = await commit(self, replace(entry, review=None))
        if entry.review is not None:
            task = asyncio.create_task(afterwards(self, entry.review))
            late.add(task)
            task.add_done_callback(late.discard)
        return told

    writer.Commits.commit = bare  # type: ignore[method-assign]  # the sabotage


def claim_what_is_claimed() -> None:
    """Give a review to whoever claims it."""
    claim = steps.claim

    def regardless(review: Review, *arguments: Any, **named: Any) -> Any:
        free = replace(review, state=ReviewState.OPEN, claimed_by="", claimed_until=None)
        return claim(free if review.state is ReviewState.CLAIMED else review, *arguments, **named)

    steps.claim = regardless  # the sabotage


def step_after_reply() -> None:
    """Answer a step of a review at once and store it a little later."""
    step = Reviews.step
    late: set[asyncio.Task[Any]] = set()

    async def afterwards(self: Reviews, review_id: str, *more: Any, **named: Any) -> None:
        await asyncio.sleep(LATE)
        with suppress(ServiceError):
            await step(self, review_id, *more, **named)

    async def early(self: Reviews, review_id: str, move: Any, *more: Any, **named: Any) -> Any:
        found = await self.get(review_id)
        taken = found and move(found.review, found.events)
        task = asyncio.create_task(afterwards(self, review_id, move, *more, **named))
        late.add(task)
        task.add_done_callback(late.discard)
        return taken.review if taken else found and found.review

    Reviews.step = early  # type: ignore[method-assign]  # the sabotage


@dataclass(frozen=True, slots=True)
class Sabotage:
    """A safeguard to take away, and the part of the bench that must notice."""

    patch: Callable[[], None]
    noticed_by: str


SABOTAGES = {
    "commit-after-reply": Sabotage(commit_after_reply, "kills"),
    "skip-the-shield": Sabotage(skip_the_shield, "once"),
    "missing-as-zero": Sabotage(missing_as_zero, "evidence"),
    "follow-redirects": Sabotage(follow_redirects, "faults"),
    "last-key-wins": Sabotage(last_key_wins, "faults"),
    "retry-without-budget": Sabotage(retry_without_budget, "faults"),
    "take-any-signature": Sabotage(take_any_signature, "webhooks"),
    "keep-the-keys": Sabotage(keep_the_keys, "erasure"),
    "open-reviews-later": Sabotage(open_reviews_later, "reviews"),
    "claim-what-is-claimed": Sabotage(claim_what_is_claimed, "reviews"),
    "step-after-reply": Sabotage(step_after_reply, "reviews"),
}
"""By the names of `--sabotage`."""


def apply(name: str | None) -> None:
    """Take one safeguard away in this process."""
    if name:
        SABOTAGES[name].patch()
