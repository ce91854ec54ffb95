"""Amounts that challengers are deciding on in this process and may yet approve.

A day's limit counts recorded approvals. Without the amounts in progress, concurrent requests could
each fit the limit alone and exceed it together.
"""

from __future__ import annotations

from collections.abc import Mapping

from decision_service.domain.money import Money

RequestKey = tuple[str, str]
"""Caller and request id; at most one decision of a key is in progress."""


class InFlightAmounts:
    """Requested amounts of decisions in progress."""

    def __init__(self) -> None:
        self._amounts: dict[RequestKey, tuple[str, int]] = {}

    def of(self, product: str) -> Mapping[RequestKey, int]:
        """The amounts in progress for a product, in minor units."""
        return {key: minor for key, (name, minor) in self._amounts.items() if name == product}

    def begin(self, key: RequestKey, product: str, amount: Money) -> None:
        """Count a request's amount until `end`."""
        self._amounts[key] = (product, amount.minor)

    def end(self, key: RequestKey) -> None:
        """Stop counting a request; harmless for one that was never counted."""
        self._amounts.pop(key, None)
