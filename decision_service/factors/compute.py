"""From a ruleset's factors to their data, and from an applicant's data to their values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from decision_service.domain.accounts import (
    DISCONNECTED,
    INCOME_KINDS,
    MATTERS_FOR,
    PENDS_WITHIN,
    SYNCS_WITHIN,
    Kind,
)
from decision_service.domain.factor import Factors, FactorValue, Input, KindStatus, Value, ValueType
from decision_service.domain.needs import DataPolicy, FetchPlan, Needs, WhenTransactions
from decision_service.domain.person import NO_OWN_FACTS, OwnFacts
from decision_service.domain.schemes import country_of, employer_kind
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.values import AsOf, Money
from decision_service.factors.answer import Figure, decimal_of
from decision_service.factors.horizons import stand_in_from
from decision_service.factors.income_months import platforms_or_partial
from decision_service.factors.quality import EXPIRED_AFTER, account_taints
from decision_service.factors.registry import (
    FactorContext,
    compares_people,
    depends_on_term,
    own_names,
    registered,
)
from decision_service.factors.usage import (
    FETCHED_KINDS,
    FeederState,
    counted,
    feeders,
    feeding,
    partial_feeding,
    reading,
    source_use,
    sync_tasks,
)

_NO_DATA = Snapshot("")
MOMENT = timedelta(microseconds=1)
"""An age that is reached on the instant turns values then, not after it."""


def needs_with(needs: Needs, inputs: Mapping[str, Input]) -> Needs:
    """A ruleset's needs for an application: with its term, where a factor asks for one."""
    term = inputs.get("requested_term_months")
    # The same needs for all terms, where none matters: the cached factors serve them all.
    if not isinstance(term, int) or not depends_on_term(needs.factors):
        return needs
    return replace(needs, term_months=term)


def own_values(own: OwnFacts, needs: Needs, as_of: AsOf) -> Mapping[str, FactorValue]:
    """The values of those factors of `needs` that rest on own facts, as `compute` gives them."""
    names = own_names(needs.factors)
    if not names:
        return {}
    context = FactorContext(_NO_DATA, needs, as_of, own=own)
    return {name: _value(context, name) for name in names}


def with_values(factors: Factors, more: Mapping[str, FactorValue]) -> Factors:
    return replace(factors, values={**factors.values, **more}) if more else factors


def compute(snapshot: Snapshot, needs: Needs, as_of: AsOf, own: OwnFacts = NO_OWN_FACTS) -> Factors:
    """The values of the factors that `needs` names, and the quality of what they rest on.

    Pure: equal arguments give equal results; the order of records means nothing. Raises KeyError
    for a name that the catalogue does not have.
    """
    context = FactorContext(snapshot, needs, as_of, own=own)
    values = {name: _value(context, name) for name in needs.factors}
    needed = _needed(context, needs.factors)
    read = {kind for kind in FETCHED_KINDS if reading(snapshot, kind) is not None}
    kinds = {Kind.ACCOUNTS} | read | needed
    return Factors(
        values=values,
        kinds={k: _status(context, k) for k in (Kind.ACCOUNTS, *FETCHED_KINDS) if k in kinds},
        sources=tuple(source_use(context, f) for f in feeders(context)),
        oldest_used_sync=_oldest_sync(context, needed),
        employer=employer_kind(snapshot, country_of(needs.policy.currency), as_of.date),
    )


def _value(context: FactorContext, name: str) -> FactorValue:
    factor = registered(name)
    found = factor.work(context)
    if found.figure is None:
        return FactorValue(name, None, found.missing, evidence=found.evidence)
    value = _presented(found.figure, factor.spec.type, context.currency)
    return FactorValue(name, value, (), evidence=found.evidence)


def _presented(figure: Figure | date, type_: ValueType, currency: str) -> Value:
    """The figure as a value of the rule language; money is rounded half-even to the minor unit."""
    if isinstance(figure, (bool, str, date)):
        return figure
    if type_ is ValueType.MONEY:
        return Money(currency, round(figure))
    if type_ is ValueType.INTEGER:
        return int(figure)
    return decimal_of(figure)


def _needed(context: FactorContext, names: Iterable[str]) -> set[Kind]:
    kinds = set[Kind]().union(*[registered(name).spec.kinds for name in names])
    if Kind.EINCOMES in kinds and platforms_or_partial(context):
        kinds.add(Kind.TRANSACTIONS)
    return kinds


def _status(context: FactorContext, kind: Kind) -> KindStatus:
    if kind is Kind.ACCOUNTS:
        return KindStatus.MISSING if account_taints(context) else KindStatus.COMPLETE
    read = reading(context.snapshot, kind)
    if read is None or (read.faults and not read.records):
        return KindStatus.MISSING
    partial = read.faults or any(
        f.id not in counted(context) for f in partial_feeding(context, kind)
    )
    return KindStatus.PARTIAL if partial else KindStatus.COMPLETE


def _oldest_sync(context: FactorContext, needed: Iterable[Kind]) -> datetime | None:
    kinds = [kind for kind in needed if kind is not Kind.ACCOUNTS]
    found = [f for kind in kinds for f in feeding(context, kind)]
    syncs = [f.synced for f in found if f.state is not FeederState.ENDED]
    return min((s for s in syncs if s is not None), default=None)


def fetch_plan(needs: Needs, as_of: AsOf) -> FetchPlan:
    """The kinds that the named factors rest on, and from when transactions are needed.

    Accounts are always read first and are in no plan. Raises KeyError for an unknown factor.
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
    if not INCOME_KINDS & kinds:
        return FetchPlan(kinds, people=people)
    stand_in = stand_in_from(day)
    return FetchPlan(kinds, WhenTransactions.IF_STANDING_IN, stand_in_from=stand_in, people=people)


class _Asked(msgspec.Struct, frozen=True):
    """`reaches` are of those that look at transactions; `people`: some compare persons."""

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


def validity_boundaries(snapshot: Snapshot, policy: DataPolicy) -> tuple[datetime, ...]:
    """The instants, in order, until which values hold (and after which they may differ).

    Between two of them `compute` depends on the civil date alone, whatever the instant: a sync is
    stale, and a kind without records expired, only after one of these. There may be more of them
    than matter, never fewer.
    """
    updates = [
        moment
        for a in snapshot.accounts
        for moment in (a.connection_updated_at, a.monitor_updated_at)
    ]
    items = [source.newest_created_at for source in snapshot.sources]
    created = [account.created_at for account in snapshot.accounts]
    tasks = list(sync_tasks(snapshot))
    gone = [a for a in snapshot.accounts if a.connection_status == DISCONNECTED]
    syncs = (*updates, *items, *(task.finished for task in tasks))
    points = {
        *_after(syncs, policy.max_age),
        *_after(created, EXPIRED_AFTER),
        *_after([task.started for task in tasks if task.runs], SYNCS_WITHIN - MOMENT),
        *_after(created if snapshot.tasks else (), SYNCS_WITHIN - MOMENT),
        *_after(created if snapshot.tasks else (), PENDS_WITHIN - MOMENT),
        *_after([account.connection_updated_at for account in gone], MATTERS_FOR),
    }
    return tuple(sorted(points))


def _after(moments: Iterable[datetime | None], span: timedelta) -> Iterable[datetime]:
    for moment in moments:
        if moment is not None and moment <= datetime.max.replace(tzinfo=moment.tzinfo) - span:
            yield moment + span
