"""The port through which each decision is counted and compared, without delaying it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from decision_service.domain.decision import Assignment
from decision_service.pipeline.decide.admission import Admission
from decision_service.pipeline.decide.application import Application
from decision_service.pipeline.decide.concluding.conclude import ConcludedDecision
from decision_service.pipeline.ports import DecisionEntry, FetchResult
from decision_service.pipeline.rules.rulebook import Product


class Attempt(msgspec.Struct):
    """One decision in progress; it is counted by the values it holds when the decision ends.

    `timed` is false where the caller asked to wait for data. `started` is monotonic, in seconds.
    `position` is the entry of the rollout's journal by which the assignment was made.
    """

    product: str
    timed: bool = True
    started: float = 0.0
    assignment: Assignment | None = None
    position: int = 0
    entry: DecisionEntry | None = None


class DecisionObserver(Protocol):
    """Receives attempts and recorded decisions; no decision waits for it, and no method raises."""

    def position(self, product: str) -> int:
        """The entry of its journal at which a product's rollout stands."""

    def attempt(self, application: Application) -> AbstractContextManager[Attempt]:
        """Entered when a decision begins, left with its error or once it is recorded."""

    def recorded(
        self,
        attempt: Attempt,
        product: Product,
        admission: Admission,
        fetch_result: FetchResult | None,
        concluded: ConcludedDecision,
    ) -> None:
        """Take a decision that became durable; never called for one that was recorded before."""
