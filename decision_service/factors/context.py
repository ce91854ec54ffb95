"""One computation: its arguments, and each shared intermediate result computed once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from decision_service.domain.needs import DataPolicy, Needs
from decision_service.domain.own_facts import NO_OWN_FACTS, OwnFacts
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.time import AsOf

T = TypeVar("T")


class FactorContext:
    """The snapshot, the own facts, the ruleset's data policy and the instant, for one `compute`."""

    def __init__(
        self, snapshot: Snapshot, needs: Needs, as_of: AsOf, own: OwnFacts = NO_OWN_FACTS
    ) -> None:
        self.snapshot = snapshot
        self.own = own
        self.policy: DataPolicy = needs.policy
        self.currency = needs.policy.currency
        self.term_months = needs.term_months
        self.as_of = as_of
        self._done: dict[Hashable, Any] = {}

    def once(self, key: Hashable, build: Callable[[FactorContext], T]) -> T:
        """The result of `build` in this context, built at the first call with this key."""
        found: T
        if key in self._done:
            found = self._done[key]
        else:
            found = self._done[key] = build(self)
        return found
