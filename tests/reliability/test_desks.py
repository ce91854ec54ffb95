"""What the bench finds wrong with reviews: every kind of wrong is found, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bench.reliability.desks.account import Account, Case, Step
from bench.reliability.desks.check import checked, ended_twice, had_by_two, not_once_again
from bench.reliability.desks.records import Recorded, Standing
from decision_service.domain.decision import Outcome
from decision_service.domain.reviews import (
    Review,
    ReviewAction,
    ReviewEvent,
    ReviewOrigin,
    ReviewResult,
    ReviewState,
)

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
LEASE = timedelta(minutes=30)
OPENED, CLAIMED, RELEASED = ReviewAction.OPENED, ReviewAction.CLAIMED, ReviewAction.RELEASED
HANDED_OVER = ReviewAction.HANDED_OVER
COMPLETED, PROPOSED = ReviewAction.COMPLETED, ReviewAction.PROPOSED
REJECTED, NOTED = ReviewAction.REJECTED, ReviewAction.NOTED
_CLAIMS = {CLAIMED, HANDED_OVER}
CASE = Case("dec_1", "u-1", waits=False)
REVIEW = Review(
    CASE.decision_id,
    "los",
    CASE.user_id,
    "loan",
    Outcome.REFER,
    review_id=CASE.review_id,
    origin=ReviewOrigin.REFERRED,
    queue="default",
    opened=NOON,
    due=NOON + LEASE,
)
DECLINED = ReviewResult(Outcome.DECLINE, "NOT_AFFORDABLE", "Too heavy.")


def steps(*told: tuple[ReviewAction, str, int]) -> list[ReviewEvent]:
    """Steps by who, so many minutes after noon; a claim lasts half an hour."""
    return [
        ReviewEvent(
            position,
            NOON + timedelta(minutes=minute),
            who,
            action,
            request_id=f"r-{position}",
            text="ben" if action is HANDED_OVER else "",
            until=NOON + timedelta(minutes=minute) + LEASE if action in _CLAIMS else None,
        )
        for position, (action, who, minute) in enumerate(told, 1)
    ]


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ([(CLAIMED, "ana", 0), (CLAIMED, "ana", 5), (COMPLETED, "ana", 6)], False),
        ([(CLAIMED, "ana", 0), (NOTED, "ben", 1), (COMPLETED, "ana", 6)], False),
        ([(CLAIMED, "ana", 0), (CLAIMED, "ben", 31), (COMPLETED, "ben", 32)], False),
        ([(CLAIMED, "ana", 0), (RELEASED, "ana", 1), (CLAIMED, "ben", 2)], False),
        ([(CLAIMED, "ana", 0), (PROPOSED, "ana", 1), (REJECTED, "ben", 2)], False),
        ([(CLAIMED, "ana", 0), (HANDED_OVER, "ana", 1), (COMPLETED, "ben", 30)], False),
        ([(CLAIMED, "ana", 0), (HANDED_OVER, "ana", 1), (COMPLETED, "ana", 2)], True),
        ([(CLAIMED, "ana", 0), (HANDED_OVER, "ben", 1), (COMPLETED, "ben", 2)], True),
        ([(CLAIMED, "ana", 0), (CLAIMED, "ben", 29)], True),
        ([(CLAIMED, "ana", 0), (COMPLETED, "ben", 1)], True),
        ([(CLAIMED, "ana", 0), (COMPLETED, "ana", 31)], True),
        ([(CLAIMED, "ana", 0), (RELEASED, "ana", 1), (COMPLETED, "ana", 2)], True),
    ],
)
def test_a_review_is_had_by_one_at_a_time(
    told: list[tuple[ReviewAction, str, int]], *, wrong: bool
) -> None:
    """Who claims what another one has, or ends what nobody gave them, is found."""
    assert had_by_two(steps((OPENED, "", 0), *told)) is wrong


@pytest.mark.parametrize(("then", "wrong"), [(NOTED, False), (CLAIMED, True), (COMPLETED, True)])
def test_nothing_but_words_follows_an_end(then: ReviewAction, *, wrong: bool) -> None:
    """A note may follow; a claim or a second end is found."""
    assert ended_twice(steps((CLAIMED, "ana", 0), (COMPLETED, "ana", 1), (then, "ana", 2))) is wrong


def recorded(events: list[ReviewEvent], **changes: Any) -> Recorded:
    """A store with one review, whose result the history has."""
    review = replace(REVIEW, **changes)
    standing = {CASE.decision_id: Standing("DECLINE", None)}
    return Recorded({CASE.review_id: review}, {CASE.review_id: events}, standing, {})


def account() -> Account:
    """Of a case that was claimed and ended, as its reviewer was told."""
    told = Account()
    told.referred(CASE)
    told.told[Step(CASE.review_id, "ana", "CLAIMED")] += 1
    told.answered.add((CASE.review_id, "r-2"))
    return told


WHOLE = steps((CLAIMED, "ana", 0), (COMPLETED, "ana", 1))
ENDED = {"state": ReviewState.COMPLETED, "result": DECLINED, "ended": NOON}


def wrongs(found: Recorded) -> list[str]:
    """The kinds of wrong that are found."""
    every = checked(account(), found)
    return [name for name in every.__dataclass_fields__ if getattr(every, name)]


def test_what_was_told_is_held_against_the_steps() -> None:
    """Lost, doubled and contradicted steps each have their name."""
    assert wrongs(recorded(WHOLE, **ENDED)) == []
    assert wrongs(Recorded({}, {}, {}, {})) == ["not_there", "not_recorded"]
    assert wrongs(recorded(WHOLE[:1])) == ["not_recorded"]
    assert wrongs(recorded(WHOLE[1:], **ENDED)) == ["had_by_two", "not_recorded"]
    twice = [*WHOLE, replace(WHOLE[1], position=3, action=NOTED)]
    assert wrongs(recorded(twice, **ENDED)) == ["recorded_twice"]
    other = replace(DECLINED, outcome=Outcome.APPROVE)
    assert wrongs(recorded(WHOLE, **ENDED | {"result": other})) == ["not_standing"]


@pytest.mark.parametrize(
    ("again", "ended_as", "wrong"),
    [(["dec_2"], "dec_2", 0), ([], "", 1), (["dec_2", "dec_3"], "dec_2", 1), (["dec_2"], "", 1)],
)
def test_who_waited_for_data_is_decided_again_once(
    again: list[str], ended_as: str, wrong: int
) -> None:
    """No decision made again, two of them, or a review that does not name it are found."""
    told = Account()
    told.referred(Case(CASE.decision_id, CASE.user_id, waits=True, arrived=1.0))
    review = replace(REVIEW, decided_again_as=ended_as)
    found = Recorded({CASE.review_id: review}, {}, {}, {CASE.decision_id: again})
    assert len(not_once_again(told, found)) == wrong
