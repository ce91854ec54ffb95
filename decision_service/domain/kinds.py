"""The kinds of data an applicant's accounts hold, named as Smile's `supported[]` names them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


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
