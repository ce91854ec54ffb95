"""Which data the factors of a ruleset need, so that nothing else is fetched."""

from __future__ import annotations

from datetime import date

from decision_service.domain.kinds import INCOME_KINDS, Kind
from decision_service.domain.needs import FetchPlan, Needs, WhenTransactions
from decision_service.domain.time import AsOf
from decision_service.factors.horizons import stand_in_from
from decision_service.factors.registry import registered


def fetch_plan(needs: Needs, as_of: AsOf) -> FetchPlan:
    """The kinds that the named factors rest on, and from when transactions are needed.

    Accounts are always read first and stand in no plan. Raises KeyError for an unknown factor.
    """
    kinds = {kind for name in needs.factors for kind in registered(name).spec.kinds}
    named_from = _transactions_from(needs, as_of)
    income = bool(INCOME_KINDS & kinds)
    return FetchPlan(
        kinds=frozenset(kinds - {Kind.ACCOUNTS, Kind.TRANSACTIONS}),
        transactions=_when(named=named_from is not None, income=income),
        transactions_from=named_from,
        stand_in_from=stand_in_from(as_of) if income else None,
    )


def _when(*, named: bool, income: bool) -> WhenTransactions:
    if named:
        return WhenTransactions.ALWAYS
    return WhenTransactions.IF_STANDING_IN if income else WhenTransactions.NEVER


def _transactions_from(needs: Needs, as_of: AsOf) -> date | None:
    """The earliest date that a named transactions factor may look at."""
    reaches = [factor.reach for factor in map(registered, needs.factors) if factor.reach]
    return min((reach(needs.policy, as_of) for reach in reaches), default=None)
