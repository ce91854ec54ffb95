"""Sessions: who is signed in, for how long, and with which credentials."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import TTLCache

# Browsers take a `__Host-` cookie from a secure origin alone, and send it to no other host.
COOKIE = "__Host-session"
LONGEST = 8 * 3600.0
IDLE = 30 * 60.0
FRESH = 15 * 60.0
"""Seconds after a sign-in in which steps of weight do not ask for another one."""

MOST = 10_000


@dataclass(slots=True)
class Session:
    """One sign-in; instants are seconds of a clock that never goes back.

    `token` is what the service is called with, and ends at `token_ends`; `refresh` brings another.
    """

    name: str
    roles: frozenset[str]
    token: str
    began: float
    seen: float
    refresh: str = ""
    token_ends: float = float("inf")

    def may(self, *roles: str) -> bool:
        return not self.roles.isdisjoint(roles)


class Sessions:
    """Open sessions by the hash of their cookie; they end with this process."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._open: TTLCache[str, Session] = TTLCache(MOST, LONGEST, seconds)

    def begin(self, session: Session) -> str:
        """Keep a session, and return the value of its cookie: 256 random bits."""
        now = self._seconds()

        def is_idle(one: Session) -> bool:
            return now - one.seen > IDLE

        # The cache forgets by age alone: idle sessions would stay for hours.
        self._drop(is_idle)
        value = secrets.token_urlsafe(32)
        self._open[_hashed(value)] = session
        return value

    def of(self, value: str) -> Session | None:
        """The session of a cookie; None once it has ended or was idle for half an hour."""
        found = self._open.get(_hashed(value))
        now = self._seconds()
        if found is None or now - found.seen > IDLE:
            return None
        found.seen = now
        return found

    def is_fresh(self, session: Session) -> bool:
        return self._seconds() - session.began <= FRESH

    def end(self, session: Session, *, everywhere: bool = False) -> None:
        """End a session, or every one of its person."""

        def is_meant(one: Session) -> bool:
            return one is session or (everywhere and one.name == session.name)

        self._drop(is_meant)

    def _drop(self, is_over: Callable[[Session], bool]) -> None:
        # A copy, since entries go while it is read, some of them by their age.
        for key, one in [*self._open.items()]:
            if is_over(one):
                self._open.pop(key, None)


def _hashed(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
