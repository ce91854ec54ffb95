"""What is wrong with reviews: the recorded steps by themselves, and against what was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from bench.reliability.desks.account import Account, Step
from bench.reliability.desks.records import Recorded, Standing
from decision_service.domain.reviews import Review, ReviewAction, ReviewEvent, ReviewState

ENDS = frozenset({ReviewAction.COMPLETED, ReviewAction.CONFIRMED})
WITH_RESULT = frozenset({ReviewState.AWAITING_RELEASE, ReviewState.COMPLETED})
AFTERWARDS = frozenset({ReviewAction.NOTED, ReviewAction.CONTESTED, ReviewAction.MADE_FINAL})
"""What may follow an end."""

_KEEP_CLAIMS = AFTERWARDS | {ReviewAction.DATA_ARRIVED}

_WITH_ID = frozenset({*ENDS, ReviewAction.PROPOSED, ReviewAction.REJECTED})
Events = Mapping[str, Sequence[ReviewEvent]]


@dataclass(slots=True)
class Wrongs:
    """Reviews by what is wrong with them."""

    not_there: set[str] = field(default_factory=set)
    had_by_two: set[str] = field(default_factory=set)
    ended_twice: set[str] = field(default_factory=set)
    recorded_twice: set[str] = field(default_factory=set)
    not_recorded: set[str] = field(default_factory=set)
    not_standing: set[str] = field(default_factory=set)
    not_once_again: set[str] = field(default_factory=set)

    def add(self, other: Wrongs) -> None:
        """Take further findings in."""
        for name in self.__dataclass_fields__:
            getattr(self, name).update(getattr(other, name))

    def described(self, found: Recorded) -> list[str]:
        """Each review with something wrong: what, and its steps."""
        return [
            f"{review_id}: {name.replace('_', ' ')}: {_steps(found, review_id)}"
            for name in self.__dataclass_fields__
            for review_id in sorted(getattr(self, name))
        ]


def _steps(found: Recorded, review_id: str) -> str:
    events = found.events.get(review_id, ())
    steps = ", ".join(f"{one.action} {one.who} {one.at:%H:%M:%S.%f} {one.text}" for one in events)
    return steps or "no steps"


def checked(account: Account, found: Recorded) -> Wrongs:
    """What is wrong with one store's reviews, but for applications that are decided again."""
    every = found.events
    return Wrongs(
        not_there={one for one in account.cases if one not in found.reviews},
        had_by_two={one for one, events in every.items() if had_by_two(events)},
        ended_twice={one for one, events in every.items() if ended_twice(events)},
        recorded_twice={one for one, events in every.items() if recorded_twice(events)},
        not_recorded=not_recorded(account, every),
        not_standing={
            one for one, review in found.reviews.items() if not stands(review, found.standing)
        },
    )


def had_by_two(events: Iterable[ReviewEvent]) -> bool:
    """Whether somebody claimed what another one had, or ended what that one had not claimed."""
    holder: ReviewEvent | None = None
    for event in events:
        has = holder is not None and holder.until is not None and event.at < holder.until
        if event.action is ReviewAction.CLAIMED:
            if has and holder is not None and holder.who != event.who:
                return True
            holder = event
        elif event.action is ReviewAction.HANDED_OVER:
            if not has or holder is None or holder.who != event.who:
                return True
            holder = replace(event, who=event.text)
        elif event.action in {ReviewAction.COMPLETED, ReviewAction.PROPOSED}:
            if not has or holder is None or holder.who != event.who:
                return True
            holder = None
        elif event.action not in _KEEP_CLAIMS:
            holder = None
    return False


def ended_twice(events: Sequence[ReviewEvent]) -> bool:
    """Whether anything but words follows the end."""
    ended = next((n for n, event in enumerate(events) if event.action in ENDS), len(events))
    return any(event.action not in AFTERWARDS for event in events[ended + 1 :])


def recorded_twice(events: Iterable[ReviewEvent]) -> bool:
    """Whether two steps have one request id."""
    ids = Counter(event.request_id for event in events if event.request_id)
    return any(count > 1 for count in ids.values())


def not_recorded(account: Account, every: Events) -> set[str]:
    """Reviews that lack a claim or an end that its person was told of."""
    steps = Counter(
        Step(review_id, event.who, event.action.value)
        for review_id, events in every.items()
        for event in events
    )
    ids = {
        (review_id, event.request_id)
        for review_id, events in every.items()
        for event in events
        if event.action in _WITH_ID
    }
    lost = {review_id for review_id, _ in account.answered - ids}
    return lost | {step.review_id for step in account.told - steps}


def stands(review: Review, standing: Mapping[str, Standing]) -> bool:
    """Whether the history has the outcome and amount of a review with a result, final or not."""
    result = review.result
    if review.state not in WITH_RESULT or result is None:
        return True
    amount = None if result.amount is None else result.amount.minor
    return standing.get(review.decision_id) == Standing(result.outcome.value, amount)


def not_once_again(account: Account, found: Recorded) -> set[str]:
    """Reviews whose data arrived, and whose application was not decided again exactly once."""
    wrong = set()
    for review_id, case in account.cases.items():
        if case.arrived is None or review_id not in found.reviews:
            continue
        again = found.again.get(case.decision_id, ())
        ended = found.reviews[review_id].decided_again_as
        if len(again) != 1 or ended != again[0]:
            wrong.add(review_id)
    return wrong
