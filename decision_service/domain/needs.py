"""A ruleset's needs: its factors, its data policy, and the resulting fetch plan."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase

import msgspec
from msgspec.structs import replace

from decision_service.domain.accounts import Kind
from decision_service.domain.snapshot import Provider


class TransactionClass(StrEnum):
    """The class of a gig account's transaction, so that cash-outs are no expenses."""

    EARNING = "EARNING"
    FEE = "FEE"
    REVERSAL = "REVERSAL"
    WITHDRAWAL = "WITHDRAWAL"
    TOP_UP = "TOP_UP"
    LOAN = "LOAN"
    OTHER = "OTHER"


class ClassRule(msgspec.Struct, frozen=True):
    """One line of `_data/transaction_classes.yaml`; the first that matches gives the class.

    `provider` is a glob over provider ids, `words` case-folded words of which one must be in the
    description (empty: any description), `sign` is 1, -1 or 0 for either.
    """

    provider: str
    words: tuple[str, ...]
    sign: int
    gives: TransactionClass


class SchemeCeiling(msgspec.Struct, frozen=True):
    """The largest monthly income that a scheme records, from a civil date on.

    `provider` is a glob over provider ids, `amount` minor units of `currency`; of several that fit
    a month the one with the latest `since` on or before the month's first day counts.
    """

    provider: str
    currency: str
    since: date
    amount: int


class DataPolicy(msgspec.Struct, frozen=True):
    """A ruleset's `max_age` with the `_data` files that are part of its content.

    `max_age` is the longest time since an account's sync; `posting_lag` pairs a provider glob with
    months, first match wins, `default_lag` otherwise. Where the months are 0, `posting_lag_days`
    pairs a provider glob with days in the same way, `default_lag_days` otherwise. The defaults are
    not for payroll: where no line names its provider, it has the account's own delay (see
    `factors/paydays.py`). `provider_types` is the fallback where the vendor's provider list could
    not be read. `not_employers` are words that name no employer, `legal_forms` words that do not
    separate employers; both are folded ("selfemployed", "inc"). Providers in `document_providers`
    pass on what people upload, those in `fee_providers` charge fees.
    `fee_shares` are what providers usually keep of an earning, by provider id; None: not written.
    """

    currency: str
    max_age: timedelta = timedelta(days=35)
    posting_lag: tuple[tuple[str, int], ...] = ()
    default_lag: int = 0
    transaction_classes: tuple[ClassRule, ...] = ()
    provider_types: Mapping[str, Provider] = msgspec.field(default_factory=dict)
    posting_lag_days: tuple[tuple[str, int], ...] = ()
    # Counts for nothing, and stays: it is in the digests of versions that have decided.
    payroll_lag_days: int = 10
    default_lag_days: int = 0
    ceilings: tuple[SchemeCeiling, ...] = ()
    not_employers: tuple[str, ...] = ()
    legal_forms: tuple[str, ...] = ()
    document_providers: frozenset[str] = frozenset()
    fee_providers: frozenset[str] = frozenset()
    fee_shares: Mapping[str, Decimal] | None = None

    def lag_months(self, provider_id: str) -> int:
        """Months after a month's end before this provider has posted it."""
        for pattern, months in self.posting_lag:
            if fnmatchcase(provider_id, pattern):
                return months
        return self.default_lag

    def lag_days(self, provider_id: str) -> int:
        """Days after a month's end before this provider has posted it, where it has no months."""
        for pattern, days in self.posting_lag_days:
            if fnmatchcase(provider_id, pattern):
                return days
        return self.default_lag_days

    def named_lag(self, provider_id: str) -> tuple[int, int] | None:
        """Months and days by the first line that names this provider; None where none does."""
        for pattern, months in self.posting_lag:
            if fnmatchcase(provider_id, pattern):
                if months:
                    return months, 0
                break
        for pattern, days in self.posting_lag_days:
            if fnmatchcase(provider_id, pattern):
                return 0, days
        return None


class Needs(msgspec.Struct, frozen=True):
    """What a ruleset asks of `compute`; `term_months` is the requested term, None where unsent."""

    factors: tuple[str, ...]
    policy: DataPolicy
    term_months: int | None = None

    def computes_as(self, other: Needs) -> bool:
        """Whether a factor comes to the same by both: names of providers change no value."""
        one = replace(self, factors=())
        two = replace(other, factors=())
        return one == two or _unnamed(one) == _unnamed(two)


def _unnamed(needs: Needs) -> Needs:
    providers = needs.policy.provider_types.items()
    unnamed = {key: replace(one, name="") for key, one in providers}
    policy = replace(needs.policy, provider_types=unnamed)
    return replace(needs, policy=policy)


class WhenTransactions(StrEnum):
    """IF_STANDING_IN: where there is a GIG account, whose earnings are income in months that have
    neither payroll nor an estimate.
    """

    NEVER = "never"
    IF_STANDING_IN = "if_standing_in"
    ALWAYS = "always"


class FetchPlan(msgspec.Struct, frozen=True):
    """What to ask the vendor for; hashable, so that decisions with one plan share one reading.

    `kinds` are read whole, side by side, after the accounts. `transactions_from` is the first day
    asked for when factors name transactions, `stand_in_from` when they are income (always
    the first day of the 13th month before as_of); with ALWAYS the earlier one
    counts. With `people` names and contacts are read with the identities.
    """

    kinds: frozenset[Kind]
    transactions: WhenTransactions = WhenTransactions.NEVER
    transactions_from: date | None = None
    stand_in_from: date | None = None
    people: bool = False

    @property
    def first_day(self) -> date | None:
        """The first day of transactions to ask for; None is all of them."""
        if self.transactions is WhenTransactions.IF_STANDING_IN:
            return self.stand_in_from
        named = (day for day in (self.transactions_from, self.stand_in_from) if day is not None)
        return min(named, default=None)
