"""A cache of users' entries, all of which go when a user's data is erased."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar

from cachetools import LRUCache

Value = TypeVar("Value")

UserKey: TypeAlias = tuple[str, ...]
"""The user's id, then the rest of the key."""


class UserCache(LRUCache[UserKey, Value]):
    """A least-recently-used cache of at most `most` entries, or of that total `size`.

    An entry that is larger than the whole cache is kept alone. For use on one thread.
    """

    def __init__(self, most: int, size: Callable[[Value], int] = lambda _: 1) -> None:
        super().__init__(most, getsizeof=lambda value: min(size(value), most))
        self.forgotten = 0
        self._of_user: dict[str, set[UserKey]] = {}

    def __setitem__(self, key: UserKey, value: Value) -> None:
        """Store a value, evicting the least recently used."""
        super().__setitem__(key, value)
        self._of_user.setdefault(key[0], set()).add(key)

    def __delitem__(self, key: UserKey) -> None:
        """Drop one value; raises KeyError."""
        super().__delitem__(key)
        keys = self._of_user[key[0]]
        keys.discard(key)
        if not keys:
            del self._of_user[key[0]]

    def keep(self, key: UserKey, value: Value, since: int) -> None:
        """Store a value read while `forgotten` was `since`, unless it has risen since."""
        if self.forgotten == since:
            self[key] = value

    def forget(self, user_id: str) -> None:
        """Drop a user's values, and refuse those being read now."""
        self.forgotten += 1
        for key in tuple(self._of_user.get(user_id, ())):
            del self[key]
