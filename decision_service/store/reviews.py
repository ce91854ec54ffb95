"""Steps of reviews: what a person decided, contests, data that has come, and erasures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from msgspec.structs import asdict, replace

from decision_service.casework.review_log import RecordedReview
from decision_service.casework.review_results import (
    day_charge,
    require_answered,
    require_nothing_granted,
    require_room,
    result_of,
)
from decision_service.casework.review_steps import (
    By,
    Move,
    ReviewStep,
    contested,
    data_arrived,
    data_never_whole,
    erased,
    is_repeated,
    make_final,
    refuse_contest,
)
from decision_service.decide.application import (
    ACCOUNT,
    PERSON,
    IdentityKey,
    owed_customer,
    owed_key,
    user_key,
)
from decision_service.domain.accounts import Kind
from decision_service.domain.decision import Outcome
from decision_service.domain.errors import ServiceError
from decision_service.domain.ports import DayLimits
from decision_service.domain.reviews import (
    HistoryBefore,
    Review,
    ReviewAction,
    ReviewCase,
    ReviewEvent,
    ReviewPolicy,
    ReviewState,
    opened_by_contest,
)
from decision_service.runtime.failpoints import Point, reach
from decision_service.store import arms
from decision_service.store.arms import hold_days
from decision_service.store.columns import microseconds
from decision_service.store.decisions import (
    count_as_before,
    count_from_review,
    counted_until,
    decisions,
)
from decision_service.store.engine import Database, Method, Subject, reads, writes
from decision_service.store.history import history, take_next, under, unpacked
from decision_service.store.review_rows import (
    by_id,
    deciding_again,
    due_to_release,
    erase_words,
    events_of,
    of_decision,
    of_decisions,
    of_persons,
    open_all,
    page,
    queues,
    take,
    unfinished_of,
)

P = ParamSpec("P")
T = TypeVar("T")
_PLACE = sa.select(
    history.c.outcome,
    history.c.approved,
    history.c.instalment,
    history.c.expires,
    history.c.reviewed,
    history.c.replaced,
).where(history.c.decision_id == sa.bindparam("decision_id"))
_WHOSE = sa.select(history.c.found_by, history.c.caller, history.c.customer_ref).where(
    history.c.decision_id == sa.bindparam("decision_id")
)
# The lock lets one contest of a decision at a time look for its reviews; a deletion is awaited.
_DECISION = (
    sa.select(decisions.c.decision_id)
    .where(decisions.c.decision_id == sa.bindparam("decision_id"))
    .with_for_update()
)


def _charged(connection: sa.Connection, taken: ReviewStep, limits: DayLimits | None) -> ReviewStep:
    """The step with its charge; raises ReviewRefused where the day has no room for it."""
    review = taken.review
    charge = day_charge(review, of_decision(connection, review.decision_id))
    if charge is None:
        return taken
    # Held before the totals are read: two approvals at once must not both find room.
    hold_days(connection, {review.product})
    review = replace(review, charge=charge)
    if limits is not None:
        require_room(limits, arms.day_totals(connection, review.product, limits.midnight), review)
    return replace(taken, review=review)


def step(
    connection: sa.Connection,
    review_id: str,
    move: Move,
    limits: DayLimits | None = None,
    secrets: Sequence[IdentityKey] = (),
    *,
    dry_run: bool = False,
) -> Review | None:
    review = by_id(connection, review_id, held=True)
    if review is None:
        return None
    taken = move(review, events_of(connection, review_id))
    if taken is None:
        return review
    # Done whole and undone, so that a dry run is refused by just what would refuse the step.
    with connection.begin_nested() if dry_run else nullcontext() as undone:
        moved = _taken(connection, taken, limits, secrets=secrets)
        if undone is not None:
            undone.rollback()
    return moved


def contest(
    connection: sa.Connection, case: ReviewCase, by: By, text: str, policy: ReviewPolicy
) -> Review | None:
    if connection.execute(_DECISION, {"decision_id": case.decision_id}).first() is None:
        return None
    every = of_decision(connection, case.decision_id)
    found = [(review, events_of(connection, review.review_id)) for review in every]
    for review, events in found:
        if is_repeated(events, by, {ReviewAction.CONTESTED}, text=text):
            return review
    refuse_contest(case.decision_id, (event for _, events in found for event in events))
    unfinished = next((one for one in every if one.is_unfinished), None)
    if unfinished is not None:
        # Read again under its lock: a colleague may have ended it since.
        held = by_id(connection, unfinished.review_id, held=True)
        if held is not None and held.is_unfinished:
            return _taken(connection, contested(held, by, text, policy=policy))
    event = ReviewEvent(
        1, by.at, by.who, action=ReviewAction.CONTESTED, request_id=by.request_id, text=text
    )
    opened = opened_by_contest(case, event, policy, earlier=[one.review_id for one in every])
    open_all(connection, [opened])
    return opened.review


def arrived(connection: sa.Connection, user_id: str, kinds: Collection[Kind], now: datetime) -> int:
    by = By("", "", now)
    due = 0
    for review in unfinished_of(connection, user_id):
        taken = data_arrived(review, by, kinds)
        if taken is not None:
            take(connection, taken)
            due += taken.review.state is ReviewState.DECIDING_AGAIN
    return due


def never_whole(
    connection: sa.Connection, user_id: str, kinds: Collection[Kind], now: datetime, why: str
) -> None:
    by = By("", "", now)
    for review in unfinished_of(connection, user_id):
        last = events_of(connection, review.review_id)[-1]
        taken = data_never_whole(review, last, by, kinds=kinds, why=why)
        if taken is not None:
            take(connection, taken)


def make_final_due(connection: sa.Connection, now: datetime, limit: int) -> Sequence[ReviewStep]:
    taken: list[ReviewStep] = []
    for review in due_to_release(connection, now, limit):
        step = make_final(review, By("", "", now))
        take(connection, step)
        taken.append(step)
    return taken


def erase(connection: sa.Connection, user_id: str, now: datetime) -> bool:
    """End the unfinished reviews of a user whose data is erased, and erase the words of all.

    Returns whether there was anything to end or to erase.
    """
    unfinished = unfinished_of(connection, user_id)
    for review in unfinished:
        # An open loan keeps its place in the history, and no result that never became final.
        _restore(connection, review)
        take(connection, erased(review, By("", "", now)))
    worded = erase_words(connection, user_id)
    return worded or bool(unfinished)


def _taken(
    connection: sa.Connection,
    taken: ReviewStep,
    limits: DayLimits | None = None,
    secrets: Sequence[IdentityKey] = (),
) -> Review:
    if taken.event.action is ReviewAction.PROPOSED:
        # What could not be confirmed is refused now, and not to the second person.
        with connection.begin_nested() as tried:
            _take_effect(connection, taken.review, taken.event.at, secrets=secrets)
            tried.rollback()
    if taken.event.action is ReviewAction.WITHDRAWN:
        held = by_id(connection, taken.review.review_id)
        if held is not None:
            _restore(connection, held)
    if taken.event.action not in {ReviewAction.COMPLETED, ReviewAction.CONFIRMED}:
        take(connection, taken)
        return taken.review
    taken = _charged(connection, taken, limits)
    # A refusal is an answer and no error of the transaction: what was written by then is undone.
    with connection.begin_nested():
        if taken.review.state is ReviewState.AWAITING_RELEASE:
            before = _before(connection, taken.review.decision_id)
            taken = replace(taken, review=replace(taken.review, before=before))
        take(connection, taken)
        _take_effect(connection, taken.review, taken.event.at, secrets=secrets)
    return taken.review


def _before(connection: sa.Connection, decision_id: str) -> HistoryBefore | None:
    """What the history holds of a decision; None where it has no place in it."""
    of = {"decision_id": decision_id}
    found = connection.execute(_PLACE, of).mappings().one_or_none()
    if found is None:
        return None
    return HistoryBefore(**found, counts_until=counted_until(connection, decision_id))


def _restore(connection: sa.Connection, review: Review) -> None:
    """Have the history as it was before a result that is withdrawn, or erased with its person."""
    if review.before is None:
        return
    decision_id = review.decision_id
    found = connection.execute(_WHOSE, {"decision_id": decision_id}).one_or_none()
    if found is None:
        return
    # A further place under each key, as for a result: whoever decides just now reads it again.
    for key in sorted(unpacked(bytes(found.found_by))):
        take_next(connection, key, decision_id)
    values = asdict(review.before)
    until = values.pop("counts_until")
    chosen = sa.update(history).where(history.c.decision_id == decision_id)
    connection.execute(chosen.values(values))
    if until is not None:
        count_as_before(connection, decision_id, until)


def _take_effect(
    connection: sa.Connection, review: Review, at: datetime, secrets: Sequence[IdentityKey]
) -> None:
    """Make a completed review's result that of its decision from `at` on.

    The decision takes a further place under each of its keys: whoever decides on the person or
    approves for it at the same time waits and reads again, or is seen here. One that was made again
    counts anew. Raises ReviewRefused as `require_nothing_granted`, by what is found under the
    decision's keys but a name, which two people may share, and by what an erasure has left of a
    loan on one of the accounts, or of the customer. One that was overtaken by another application
    leaves the history as it is; raises ReviewRefused as `require_answered`.
    """
    count_from_review(connection, review.decision_id, at)
    of = {"decision_id": review.decision_id}
    found = connection.execute(_WHOSE, of).one_or_none()
    if found is None:
        return
    # In order, so that two results for one person never wait for each other.
    for key in sorted(unpacked(bytes(found.found_by))):
        take_next(connection, key, review.decision_id)
    if review.overtaken:
        # In the history it stays a referral: a person who applied twice was not declined.
        require_answered(review, under(connection, [user_key(review.user_id)]).values())
        return
    result = result_of(review)
    approved = result.amount if result.outcome is Outcome.APPROVE else None
    instalment = review.terms.instalment if approved else None
    expires = review.expires if approved else None
    chosen = sa.update(history).where(history.c.decision_id == review.decision_id)
    connection.execute(
        chosen.values(
            outcome=result.outcome.value,
            approved=approved.minor if approved else None,
            instalment=instalment.minor if instalment else None,
            expires=microseconds(expires or at),
            reviewed=microseconds(at),
            replaced=None,
        )
    )
    if approved:
        # Read again: an erasure may have been waited for.
        now = connection.execute(_WHOSE, of).one()
        keys = unpacked(bytes(now.found_by))
        # Not by a name, which two people may share.
        wanted = [key for key in keys if key[:1] != PERSON]
        wanted += [owed_key(key) for key in keys if key[:1] == ACCOUNT]
        wanted += owed_customer(now.caller, now.customer_ref, secrets)
        require_nothing_granted(review, under(connection, wanted).values())


def _recorded(
    connection: sa.Connection, review_id: str, after: int = 0, limit: int | None = None
) -> RecordedReview | None:
    review = by_id(connection, review_id)
    if review is None:
        return None
    return RecordedReview(review, events_of(connection, review_id, after, limit=limit))


def _step_of(work: Callable[Concatenate[sa.Connection, P], T]) -> Method[P, T]:
    """A method that writes by this work, which counts once if its connection is lost."""

    def guarded(
        connection: sa.Connection, /, *given: P.args, **named: P.kwargs
    ) -> T | ServiceError:
        try:
            done = work(connection, *given, **named)
        # As a value, since a refusal is no fault of the store.
        except ServiceError as refused:
            return refused
        reach(Point.IN_STEP)
        return done

    write = writes(guarded, repeatable=True)

    async def take_step(self: Subject, /, *given: P.args, **named: P.kwargs) -> T:
        done = await write(self, *given, **named)
        reach(Point.AFTER_STEP)
        if isinstance(done, ServiceError):
            raise done
        return done

    return take_step


class Reviews(Subject):
    def __init__(self, database: Database, secrets: tuple[IdentityKey, ...] = ()) -> None:
        super().__init__(database)
        self._secrets = secrets

    get = reads(_recorded)
    of_decision = reads(of_decision)
    of_decisions = reads(of_decisions)
    of_persons = reads(of_persons)
    list = reads(page)
    contest = _step_of(contest)
    arrived = _step_of(arrived)
    never_whole = _step_of(never_whole)
    make_final = _step_of(make_final_due)
    deciding_again = reads(deciding_again)
    queues = reads(queues)
    _step = _step_of(step)

    async def step(
        self, review_id: str, move: Move, limits: DayLimits | None = None, *, dry_run: bool = False
    ) -> Review | None:
        return await self._step(review_id, move, limits, self._secrets, dry_run=dry_run)
