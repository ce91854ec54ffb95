"""A person as the applicant, the vendor and the service's own records describe one."""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum

import msgspec

from decision_service.domain.values import Cause, Missing

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

    # Logs and tracebacks print it: nothing of a person may be in there.
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


DAYS = (1, 7, 30, 90)
"""The windows in which past applications are counted: civil days before the decision's."""

Counts = tuple[int, int, int, int]
"""One count for each of `DAYS`."""

NEVER: Counts = (0, 0, 0, 0)


class History(msgspec.Struct, frozen=True, array_like=True):
    """What is on record of a person before a decision, over every key that names the person.

    `exposure`, `instalments` and `linked` are minor units of `currency`, None with `unclear` where
    they cannot be known: what was granted to the user or customer, and to other users of the
    accounts. `last_decline` is of the same product. `open_approvals` and `open_loans` are how many
    decisions and loans make up the exposure. `unreported_days` is for how many days beyond its end
    an offer counted of which no loan was reported; None in a history that nothing was counted for.
    """

    currency: str
    applications: Counts = NEVER
    approvals: Counts = NEVER
    declines: Counts = NEVER
    last_decline: date | None = None
    exposure: int | None = 0
    instalments: int | None = 0
    unclear: Cause | None = None
    open_approvals: int = 0
    open_loans: int = 0
    overdue_loans: int = 0
    repaid_loans: int = 0
    linked: int | None = 0
    unreported_days: int | None = None


class Reuse(msgspec.Struct, frozen=True, array_like=True):
    """How many users and customers share an account, a user, a person or documents, with this one.

    Without a secret for the hashes (`keyed` False) only customers are compared. Else
    `users_of_person` is None where no name with a birth date is at hand, and where the records
    could not be read whole; `unread` then says why.
    """

    users_of_account: int | None = None
    customers_of_user: int = 1
    users_of_person: int | None = None
    keyed: bool = False
    unread: tuple[Missing, ...] = ()
    users_of_documents: int = 1


class Match(msgspec.Struct, frozen=True, array_like=True):
    """How far the applicant agrees with the vendor's records of the person; no name, no contact.

    `unread` says why the records could not be read; `compared` is how many there were. `given` are
    the fields of the applicant that were given.
    """

    grades: MatchGrades = MatchGrades()
    unread: tuple[Missing, ...] = ()
    compared: int = 0
    given: tuple[str, ...] = ()


class OwnFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """The facts of a decision besides its snapshot, recorded with it; a part not read is None."""

    history: History | None = None
    reuse: Reuse | None = None
    match: Match | None = None


NO_OWN_FACTS = OwnFacts()
