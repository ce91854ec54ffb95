"""Failpoints: named places in a decision at which tests end the process, fail or wait."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

FailAction = Callable[[], None]


class Point(StrEnum):
    """The points in the order in which a decision passes them, then those of other steps."""

    GATHERED = "gathered"
    """The applicant's data has been read; no rule has run."""

    BEFORE_COMMIT = "before-commit"
    """A group of decisions is about to be written."""

    IN_COMMIT = "in-commit"
    """Every row of the group is written, in a transaction that is still open."""

    AFTER_COMMIT = "after-commit"
    """The group is durable; no caller has its result."""

    BEFORE_REPLY = "before-reply"
    """The caller's own answer is about to leave."""

    IN_STEP = "in-step"
    """Every row of a step of a review or a release is written, in an open transaction."""

    AFTER_STEP = "after-step"
    """The step is durable; no caller has its result."""


_armed: dict[Point, FailAction] = {}


def reach(point: Point) -> None:
    """Run the point's action, if it is armed; raises what the action raises."""
    # In service nothing is armed: a point costs a look at an empty dictionary.
    if _armed and (action := _armed.get(point)) is not None:
        action()


def arm(point: Point, action: FailAction) -> None:
    _armed[point] = action


def disarm() -> None:
    _armed.clear()


def armed() -> tuple[Point, ...]:
    return tuple(point for point in Point if point in _armed)
