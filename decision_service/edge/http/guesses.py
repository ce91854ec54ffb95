"""How often one address may show link tokens that are refused."""

from __future__ import annotations

from collections.abc import Callable

from cachetools import LRUCache

from decision_service.edge.addresses import network_of

MOST_REFUSED = 30
"""Refused tokens of one address in a minute, after which it waits for the next minute."""

MINUTE = 60.0
ADDRESSES = 10_000
"""How many addresses are counted at once; the least recently refused is forgotten first."""


class GuessLimit:
    """Counts refused tokens by address and minute; `seconds` is a clock that never goes back."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._refused: LRUCache[tuple[str, int], int] = LRUCache(ADDRESSES)

    def wait(self, address: str) -> float:
        """Seconds until this address may show a token again; 0 where it may now."""
        now = self._seconds()
        if self._refused.get((network_of(address), int(now // MINUTE)), 0) < MOST_REFUSED:
            return 0.0
        return MINUTE - now % MINUTE

    def refused(self, address: str) -> None:
        """Count one refused token."""
        key = (network_of(address), int(self._seconds() // MINUTE))
        self._refused[key] = self._refused.get(key, 0) + 1
