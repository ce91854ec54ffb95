"""Who calls, as far as it is known: the caller, and the person whom an ID token names."""

from __future__ import annotations

import msgspec

ANONYMOUS = "anonymous"
"""The name of each caller where no callers file says who calls."""


class TokenSubject(msgspec.Struct, frozen=True):
    """The person of an ID token; a subject means something to its issuer alone."""

    issuer: str
    subject: str


class Actor(msgspec.Struct, frozen=True):
    """A caller, and which person of it, None where nothing says so (a token, a certificate)."""

    caller: str
    person: TokenSubject | None = None

    def may_be(self, other: Actor) -> bool:
        """Whether both may be one person.

        Persons are compared where one issuer names both, else callers.
        """
        # One caller may be a group of persons, and a person may have moved to another caller.
        if self.is_comparable(other):
            return self.person == other.person
        # Nothing says who is behind the two, so that the same caller may be the same person.
        return self.caller == other.caller

    def is_comparable(self, other: Actor) -> bool:
        """Whether one issuer names the persons of both."""
        mine = self.person
        theirs = other.person
        return mine is not None and theirs is not None and mine.issuer == theirs.issuer
