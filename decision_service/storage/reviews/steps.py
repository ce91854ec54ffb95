"""Steps of reviews, each in one transaction with what it means for the person's history."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from decision_service.domain.kinds import Kind
from decision_service.domain.verdict import Outcome
from decision_service.pipeline.history.keys import IdentityKey
from decision_service.pipeline.reviews.granted import require_nothing_granted
from decision_service.pipeline.reviews.ports import Move
from decision_service.reviewing.model import Review, ReviewAction, ReviewEvent, ReviewState
from decision_service.reviewing.opening import ReviewCase, opened_by_contest
from decision_service.reviewing.policy import ReviewPolicy
from decision_service.reviewing.standing import result_of
from decision_service.reviewing.steps import (
    By,
    ReviewStep,
    contested,
    data_arrived,
    data_never_whole,
    erased,
    is_repeated,
    refuse_contest,
)
from decision_service.rollout.allowances import DayLimits
from decision_service.storage.reviews import lists, rows
from decision_service.storage.reviews.charging import charged
from decision_service.storage.reviews.standing import on_record, stand
from decision_service.storage.schema.tables import decisions

_DECISION = (
    select(decisions.c.decision_id)
    .where(decisions.c.decision_id == bindparam("decision_id"))
    .with_for_update()
)
"""The lock lets one contest of a decision at a time look for its reviews; a deletion is awaited."""


def step(
    connection: Connection,
    review_id: str,
    move: Move,
    limits: DayLimits | None = None,
    secrets: Sequence[IdentityKey] = (),
) -> Review | None:
    """As `ReviewLog.step`."""
    review = rows.by_id(connection, review_id, held=True)
    if review is None:
        return None
    taken = move(review, rows.events(connection, review_id))
    return review if taken is None else _taken(connection, taken, limits, secrets)


def contest(
    connection: Connection, case: ReviewCase, by: By, text: str, policy: ReviewPolicy
) -> Review | None:
    """As `ReviewLog.contest`."""
    if connection.execute(_DECISION, {"decision_id": case.decision_id}).first() is None:
        return None
    every = rows.of_decision(connection, case.decision_id)
    found = [(review, rows.events(connection, review.review_id)) for review in every]
    for review, events in found:
        if is_repeated(events, by, {ReviewAction.CONTESTED}, text=text):
            return review
    refuse_contest(case.decision_id, (event for _, events in found for event in events))
    unfinished = next((one for one in every if one.is_unfinished), None)
    if unfinished is not None:
        held = rows.by_id(connection, unfinished.review_id, held=True)
        if held is not None and held.is_unfinished:
            return _taken(connection, contested(held, by, text, policy))
    event = ReviewEvent(1, by.at, by.who, ReviewAction.CONTESTED, by.request_id, text)
    opened = opened_by_contest(case, event, policy, [one.review_id for one in every])
    rows.open_all(connection, [opened])
    return opened.review


def arrived(connection: Connection, user_id: str, kinds: Collection[Kind], now: datetime) -> int:
    """As `ReviewLog.arrived`."""
    by, due = By("", "", now), 0
    for review in lists.unfinished_of(connection, user_id):
        taken = data_arrived(review, by, kinds)
        if taken is not None:
            rows.take(connection, taken)
            due += taken.review.state is ReviewState.DECIDING_AGAIN
    return due


def never_whole(
    connection: Connection, user_id: str, kinds: Collection[Kind], now: datetime, why: str
) -> None:
    """As `ReviewLog.never_whole`."""
    by = By("", "", now)
    for review in lists.unfinished_of(connection, user_id):
        last = rows.events(connection, review.review_id)[-1]
        taken = data_never_whole(review, last, by, kinds, why)
        if taken is not None:
            rows.take(connection, taken)


def erase(connection: Connection, user_id: str, now: datetime) -> bool:
    """End the unfinished reviews of a user whose data is erased; whether there were any."""
    unfinished = lists.unfinished_of(connection, user_id)
    for review in unfinished:
        rows.take(connection, erased(review, By("", "", now)))
    return bool(unfinished)


def _taken(
    connection: Connection,
    taken: ReviewStep,
    limits: DayLimits | None = None,
    secrets: Sequence[IdentityKey] = (),
) -> Review:
    if taken.event.action not in {ReviewAction.COMPLETED, ReviewAction.CONFIRMED}:
        rows.take(connection, taken)
        return taken.review
    taken = charged(connection, taken, limits)
    with connection.begin_nested():  # a refusal leaves nothing behind
        rows.take(connection, taken)
        if taken.review.state is ReviewState.COMPLETED:
            _stand(connection, taken.review, taken.event.at, secrets)
    return taken.review


def _stand(
    connection: Connection, review: Review, at: datetime, secrets: Sequence[IdentityKey]
) -> None:
    """Have a completed review's result stand; raises ReviewRefused as `require_nothing_granted`.

    Whoever else approves for the person at the same time waits since `stand`, or is seen after it.
    """
    result = result_of(review)
    approved = result.amount if result.outcome is Outcome.APPROVE else None
    instalment = review.terms.instalment if approved else None
    stand(
        connection,
        review.decision_id,
        result.outcome,
        at,
        approved=approved.minor if approved else None,
        instalment=instalment.minor if instalment else None,
        expires=review.expires if approved else None,
    )
    if approved:
        require_nothing_granted(review, on_record(connection, review.decision_id, secrets))
