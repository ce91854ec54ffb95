"""What challengers are deciding on in this process and may yet approve.

A day's limit is judged by what is recorded. Requests that come together would each find room for
themselves alone, were what is in progress not counted with it.
"""

from __future__ import annotations

from collections.abc import Mapping

from decision_service.domain.money import Money

RequestKey = tuple[str, str]
"""Caller and request id: of two alike only one is ever in progress."""


class InFlightAmounts:
    """Requested amounts of decisions in progress."""

    def __init__(self) -> None:
        self._amounts: dict[RequestKey, tuple[str, int]] = {}

    def of(self, product: str) -> Mapping[RequestKey, int]:
        """What is in progress for a product now, in minor units."""
        return {key: minor for key, (name, minor) in self._amounts.items() if name == product}

    def begin(self, key: RequestKey, product: str, amount: Money) -> None:
        """Count a request until it ends."""
        self._amounts[key] = (product, amount.minor)

    def end(self, key: RequestKey) -> None:
        """The request has ended, or was never counted."""
        self._amounts.pop(key, None)
