"""The kinds of data an applicant's accounts hold, named as Smile's `supported[]` names them."""

from __future__ import annotations

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
