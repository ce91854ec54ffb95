"""An applicant's accounts at a vendor: the kinds of data they hold, their states and errors.

States, classes of providers, tasks and error codes are the service's words: they are stored, and
rules' data names them. An adapter says in them what its vendor says in others.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

import msgspec

from decision_service.build import packaged

CONNECTED = "CONNECTED"
DISCONNECTED = "DISCONNECTED"
ERROR = "ERROR"
PENDING = "PENDING"
AWAITING_MFA = "AWAITING_MFA"

BEING_LINKED = frozenset({PENDING, AWAITING_MFA})
LINK_TASK = "LINK_ACCOUNT"
"""The task that is an account's first sync."""
UPDATE_TASK = "UPDATE_ACCOUNT"
"""The task that is a later one."""

GOVERNMENT = "GOVERNMENT"
"""A class of providers: schemes of social security and offices."""
SYSTEM = "SYSTEM"
"""Systems that do the payroll of many employers."""
EMPLOYER = "EMPLOYER"
GIG = "GIG"
"""Platforms that pay for trips, deliveries or tasks."""

PENDS_WITHIN = timedelta(minutes=10)
"""For so long an account may be pending before it is an abandoned attempt."""
SYNCS_WITHIN = timedelta(days=1)
"""How long a first sync may run before its account counts as failed."""
MATTERS_FOR = timedelta(days=90)
"""For so long after its end an account that fed the income makes it EXPIRED."""


class AccountRemedy(StrEnum):
    """What mends an account in error: time, a new login, its own site, or another account."""

    WAIT = "wait"
    LOGIN = "login"
    SITE = "site"
    OTHER = "other"


class AccountError(msgspec.Struct, frozen=True):
    """Why an account could not be connected or read, and what helps, each one sentence."""

    happened: str
    advice: str
    remedy: AccountRemedy = AccountRemedy.LOGIN


ACCOUNT_ERRORS = packaged(__package__, "account_errors.yaml", dict[str, AccountError])
"""Advice by error code."""

_AWAY = ("UNAVAILABLE", "MAINTENANCE")
"""Words of codes by which a provider cannot be reached for a while."""

_UNKNOWN = AccountError("The account could not be read.", "Connect the account again.")


def explained(code: str) -> AccountError:
    """The advice for a code; general advice for an unknown code."""
    return ACCOUNT_ERRORS.get(code, _UNKNOWN)


def remedy_of(code: str) -> AccountRemedy:
    """What mends it; a code that is new with the vendor is read by its words."""
    if code not in ACCOUNT_ERRORS and any(word in code for word in _AWAY):
        return AccountRemedy.WAIT
    return explained(code).remedy


class Kind(StrEnum):
    """A kind of data; the value is the endpoint's name, the upper-case form is in `supported[]`."""

    ACCOUNTS = "accounts"
    EINCOMES = "eincomes"
    INCOMES = "incomes"
    CONTRIBUTIONS = "contributions"
    EMPLOYMENTS = "employments"
    LIABILITIES = "liabilities"
    TRANSACTIONS = "transactions"
    IDENTITIES = "identities"
    LINKS = "links"

    # An enum's own hash is a call of Python: kinds are keys everywhere, and hash as their text.
    __hash__ = str.__hash__


# Always fetched whole, so that a value never depends on which other factors a ruleset names.
MONTHLY_KINDS = frozenset(
    {Kind.EINCOMES, Kind.INCOMES, Kind.CONTRIBUTIONS, Kind.EMPLOYMENTS, Kind.LIABILITIES}
)

INCOME_KINDS = frozenset({Kind.EINCOMES, Kind.INCOMES})
"""What monthly income is made of; transactions of gig accounts join where both are empty."""

PROVIDER_TYPES: Mapping[Kind, tuple[str, ...]] = {
    Kind.EINCOMES: (GOVERNMENT, SYSTEM, EMPLOYER, GIG),
    Kind.INCOMES: (SYSTEM, EMPLOYER),
    Kind.CONTRIBUTIONS: (GOVERNMENT,),
    Kind.EMPLOYMENTS: (GOVERNMENT, SYSTEM, EMPLOYER),
    Kind.LIABILITIES: (GOVERNMENT,),
    Kind.TRANSACTIONS: (GIG,),
}
"""The classes of providers that hold a kind, the fullest source first.

Missing income has the kind EINCOMES, whatever it is made of. Kinds that are left out are no reason
to connect a provider of a certain type.
"""
