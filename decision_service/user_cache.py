"""What is kept in memory of users, and how all of it goes when a user's data is erased."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar

from cachetools import LRUCache

Value = TypeVar("Value")

Key: TypeAlias = tuple[str, ...]
"""The user's id, and what tells the user's entries apart."""


class UserCache(LRUCache[Key, Value]):
    """The entries that were asked for last: at most `most` of them, or of what `size` gives.

    An entry that is larger than the whole cache is kept alone. For use on one thread.
    """

    def __init__(self, most: int, size: Callable[[Value], int] = lambda _: 1) -> None:
        super().__init__(most, getsizeof=lambda value: min(size(value), most))
        self.forgotten = 0
        self._of_user: dict[str, set[Key]] = {}

    def __setitem__(self, key: Key, value: Value) -> None:
        """Keep a value in the place of those that were asked for longest ago."""
        super().__setitem__(key, value)
        self._of_user.setdefault(key[0], set()).add(key)

    def __delitem__(self, key: Key) -> None:
        """Drop one value; raises KeyError."""
        super().__delitem__(key)
        keys = self._of_user[key[0]]
        keys.discard(key)
        if not keys:
            del self._of_user[key[0]]

    def keep(self, key: Key, value: Value, since: int) -> None:
        """Keep a value that was read while `forgotten` was `since`, unless it has risen by now."""
        if self.forgotten == since:
            self[key] = value

    def forget(self, user_id: str) -> None:
        """Drop all of a user's values, and keep none that is being read."""
        self.forgotten += 1
        for key in tuple(self._of_user.get(user_id, ())):
            del self[key]
