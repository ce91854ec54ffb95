"""A person as a loan system and as the vendor describe her, and how far the two agree.

None of these structs shows a name, a birth date or a contact when it is printed.
"""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum

import msgspec

LONGEST_NAME = 200
"""Characters of the longest name that is read; a longer one is refused, and matches nothing."""
LONGEST_EMAIL = 254
"""Characters of the longest e-mail address (RFC 5321)."""
LONGEST_PHONE = 40
"""Characters of the longest phone number as it is typed, with spaces and brackets."""
TYPED_PHONE = re.compile(r"\(?[+＋]?[\d\s()./‐–—-]+")
"""Digits and what is typed between them."""


class GivenApplicant(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the loan system says of an applicant; empty and None where it says nothing."""

    name: str = ""
    birth_date: date | None = None
    phone: str = ""
    email: str = ""

    def __repr__(self) -> str:
        return "GivenApplicant(…)"


class FoundPerson(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one record of the vendor says of a person; `source` is its account or archive."""

    name: str = ""
    birth_date: date | None = None
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    source: str = ""

    def __repr__(self) -> str:
        return f"FoundPerson(source={self.source!r}, …)"


class MatchGrade(StrEnum):
    """How far two descriptions of one thing agree; UNKNOWN where either says too little."""

    EXACT = "EXACT"
    CLOSE = "CLOSE"
    DIFFERENT = "DIFFERENT"
    UNKNOWN = "UNKNOWN"


class MatchGrades(msgspec.Struct, frozen=True):
    """The grades of one applicant against everything the vendor's records say of her."""

    name: MatchGrade = MatchGrade.UNKNOWN
    birth_date: MatchGrade = MatchGrade.UNKNOWN
    phone: MatchGrade = MatchGrade.UNKNOWN
    email: MatchGrade = MatchGrade.UNKNOWN
