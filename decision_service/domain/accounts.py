"""An applicant's accounts at the vendor: the kinds of data they hold, their states and errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

import msgspec

CONNECTED = "CONNECTED"
DISCONNECTED = "DISCONNECTED"
ERROR = "ERROR"
PENDING = "PENDING"
AWAITING_MFA = "AWAITING_MFA"

BEING_LINKED = frozenset({PENDING, AWAITING_MFA})
LINK_TASK = "LINK_ACCOUNT"
"""The vendor's word for the task that is an account's first sync."""

PENDS_WITHIN = timedelta(minutes=10)
"""For so long an account may be pending before it is an abandoned attempt."""
SYNCS_WITHIN = timedelta(days=1)
"""How long a first sync may run before its account counts as failed."""
MATTERS_FOR = timedelta(days=90)
"""For so long after its end an account that fed the income makes it EXPIRED."""


class AccountError(msgspec.Struct, frozen=True):
    """Why an account could not be connected or read, and what helps, each one sentence."""

    happened: str
    advice: str


_ERRORS = """
ACCOUNT_DISABLED: The provider has disabled this account.
    Ask the provider to enable it, then connect it again.
ACCOUNT_INACCESSIBLE: The account exists, but the provider does not let it be read.
    Log in at the provider's own site to see what it asks for, then connect it again.
ACCOUNT_INCOMPLETE: The account is not fully set up at the provider.
    Finish setting it up at the provider's own site, then connect it again.
ACCOUNT_LOCKED: The provider has locked this account after too many attempts.
    Unlock it at the provider's own site, then connect it again.
AUTH_REQUIRED: The provider asks for a new login.
    Connect the account again.
EXPIRED_CREDENTIALS: The password has expired.
    Choose a new one at the provider's own site, then connect the account again.
INVALID_ACCOUNT_TYPE: This kind of account holds no income data.
    Connect a worker's or member's account instead.
INVALID_AUTH: The provider did not accept the login.
    Connect the account again.
INVALID_CREDENTIALS: The user name or password is wrong.
    Check both and try again; several wrong attempts lock the account.
INVALID_MFA: The confirmation code is wrong.
    Ask for a new code and enter it.
MFA_TIMEOUT: The confirmation code was not entered in time.
    Connect the account again and enter the code as soon as it arrives.
SERVICE_UNAVAILABLE: The provider's site is not available now.
    Try again in a few minutes.
SYSTEM_ERROR: Something failed while the account was being read.
    Try again in a few minutes.
TOS_REQUIRED: The provider asks for its terms of service to be accepted.
    Log in at the provider's own site and accept them, then connect the account again.
UNSUPPORTED_AUTH_TYPE: This way of logging in is not supported.
    Choose to log in with a user name and password, or connect another account.
UNSUPPORTED_MFA_METHOD: This way of confirming the login is not supported.
    Choose a code by text message at the provider, or connect another account.
"""

ACCOUNT_ERRORS: Mapping[str, AccountError] = {
    code: AccountError(*texts.split("\n    "))
    for code, _, texts in (row.partition(": ") for row in re.split(r"\n(?=[A-Z])", _ERRORS.strip()))
}
"""Advice by the vendor's error code."""

_UNKNOWN = AccountError("The account could not be read.", "Connect the account again.")


def explained(code: str) -> AccountError:
    """The advice for a code; general advice for an unknown code."""
    return ACCOUNT_ERRORS.get(code, _UNKNOWN)


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

    __hash__ = str.__hash__


MONTHLY_KINDS = frozenset(
    {Kind.EINCOMES, Kind.INCOMES, Kind.CONTRIBUTIONS, Kind.EMPLOYMENTS, Kind.LIABILITIES}
)
"""Always fetched whole, so that a value never depends on which other factors a ruleset names."""

INCOME_KINDS = frozenset({Kind.EINCOMES, Kind.INCOMES})
"""What monthly income is made of; transactions of gig accounts join where both are empty."""

PROVIDER_TYPES: Mapping[Kind, tuple[str, ...]] = {
    Kind.EINCOMES: ("GOVERNMENT", "SYSTEM", "EMPLOYER", "GIG"),
    Kind.INCOMES: ("SYSTEM", "EMPLOYER"),
    Kind.CONTRIBUTIONS: ("GOVERNMENT",),
    Kind.EMPLOYMENTS: ("GOVERNMENT", "SYSTEM", "EMPLOYER"),
    Kind.LIABILITIES: ("GOVERNMENT",),
    Kind.TRANSACTIONS: ("GIG",),
}
"""The vendor's types of providers that hold a kind, the fullest source first.

Missing income has the kind EINCOMES, whatever it is made of. Kinds that are left out are no reason
to connect a provider of a certain type.
"""
