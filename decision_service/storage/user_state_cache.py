"""What the store remembers of users that it saw lately, so that they are not read again."""

from __future__ import annotations

from collections import OrderedDict

from decision_service.pipeline.ports import Held

USERS = 8192
"""How many users are remembered; one takes one or two kilobytes."""


class UserStateCache:
    """What was last read of each user, the latest asked for last; every change forgets it.

    Another process may have changed it since, which only the commit can tell.
    """

    def __init__(self, most: int = USERS) -> None:
        self._most = most
        self._held: OrderedDict[str, Held] = OrderedDict()

    def of(self, user_id: str) -> Held | None:
        """What is remembered of a user."""
        held = self._held.get(user_id)
        if held is not None:
            self._held.move_to_end(user_id)
        return held

    def keep(self, user_id: str, held: Held) -> None:
        """Remember what was read, in place of what was remembered longest ago."""
        self._held[user_id] = held
        self._held.move_to_end(user_id)
        if len(self._held) > self._most:
            self._held.popitem(last=False)

    def forget(self, user_id: str) -> None:
        """What is stored of a user has changed, or is about to."""
        self._held.pop(user_id, None)
