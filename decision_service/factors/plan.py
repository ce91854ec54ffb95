"""The fetch plan: the data that a ruleset's factors need, and no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache

import msgspec

from decision_service.domain.kinds import INCOME_KINDS, Kind
from decision_service.domain.needs import DataPolicy, FetchPlan, Needs, WhenTransactions
from decision_service.domain.time import AsOf
from decision_service.factors.horizons import stand_in_from
from decision_service.factors.registry import compares_people, registered


def fetch_plan(needs: Needs, as_of: AsOf) -> FetchPlan:
    """The kinds that the named factors rest on, and from when transactions are needed.

    Accounts are always read first and stand in no plan. Raises KeyError for an unknown factor.
    """
    asked = _asked(needs.factors)
    if not asked.reaches:
        return _without_named(asked.kinds, as_of.date, people=asked.people)
    income = bool(INCOME_KINDS & asked.kinds)
    return FetchPlan(
        kinds=asked.kinds,
        transactions=WhenTransactions.ALWAYS,
        transactions_from=min(reach(needs.policy, as_of) for reach in asked.reaches),
        stand_in_from=stand_in_from(as_of.date) if income else None,
        people=asked.people,
    )


@lru_cache(256)
def _without_named(kinds: frozenset[Kind], day: date, *, people: bool) -> FetchPlan:
    """The plan of a civil day where no factor names transactions."""
    if not INCOME_KINDS & kinds:
        return FetchPlan(kinds, people=people)
    stand_in = stand_in_from(day)
    return FetchPlan(kinds, WhenTransactions.IF_STANDING_IN, stand_in_from=stand_in, people=people)


class _Asked(msgspec.Struct, frozen=True):
    """What factors ask for on any day; `reaches` are those of transactions that they look at.

    `people` says that they compare persons.
    """

    kinds: frozenset[Kind]
    reaches: tuple[Callable[[DataPolicy, AsOf], date], ...]
    people: bool


@lru_cache(256)
def _asked(names: tuple[str, ...]) -> _Asked:
    factors = [registered(name) for name in names]
    kinds = {kind for factor in factors for kind in factor.spec.kinds}
    reaches = (factor.reach for factor in factors if factor.reach is not None)
    people = compares_people(names)
    return _Asked(frozenset(kinds - {Kind.ACCOUNTS, Kind.TRANSACTIONS}), tuple(reaches), people)
