"""The pure function from an applicant's data to factor values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec.structs import replace

from decision_service.domain.factor import Factors, FactorValue, KindStatus
from decision_service.domain.kinds import Kind
from decision_service.domain.needs import Needs
from decision_service.domain.own_facts import NO_OWN_FACTS, OwnFacts
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.time import AsOf
from decision_service.factors.context import FactorContext
from decision_service.factors.figures import present
from decision_service.factors.income_trust import platforms_or_partial
from decision_service.factors.quality import account_taints
from decision_service.factors.reading import FETCHED_KINDS, reading
from decision_service.factors.registry import own_names, registered
from decision_service.factors.usage import (
    FeederState,
    counted,
    feeders,
    feeding,
    partial_feeding,
    source_use,
)

_NO_DATA = Snapshot("")


def own_values(own: OwnFacts, needs: Needs, as_of: AsOf) -> Mapping[str, FactorValue]:
    """The values of those factors of `needs` that rest on own facts, as `compute` gives them."""
    names = own_names(needs.factors)
    if not names:
        return {}
    context = FactorContext(_NO_DATA, needs, as_of, own)
    return {name: _value(context, name) for name in names}


def with_values(factors: Factors, more: Mapping[str, FactorValue]) -> Factors:
    """The factors with further values."""
    return replace(factors, values={**factors.values, **more}) if more else factors


def compute(snapshot: Snapshot, needs: Needs, as_of: AsOf, own: OwnFacts = NO_OWN_FACTS) -> Factors:
    """The values of the factors that `needs` names, and the quality of what they rest on.

    Pure: equal arguments give equal results; the order of records means nothing. Raises KeyError
    for a name that the catalogue does not have.
    """
    context = FactorContext(snapshot, needs, as_of, own)
    values = {name: _value(context, name) for name in needs.factors}
    needed = _needed(context, needs.factors)
    read = {kind for kind in FETCHED_KINDS if reading(snapshot, kind) is not None}
    kinds = {Kind.ACCOUNTS} | read | needed
    return Factors(
        values=values,
        kinds={k: _status(context, k) for k in (Kind.ACCOUNTS, *FETCHED_KINDS) if k in kinds},
        sources=tuple(source_use(context, f) for f in feeders(context)),
        oldest_used_sync=_oldest_sync(context, needed),
    )


def _value(context: FactorContext, name: str) -> FactorValue:
    factor = registered(name)
    found = factor.work(context)
    if found.figure is None:
        return FactorValue(name, None, found.missing, found.evidence)
    value = present(found.figure, factor.spec.type, context.currency)
    return FactorValue(name, value, (), found.evidence)


def _needed(context: FactorContext, names: Iterable[str]) -> set[Kind]:
    """The kinds that the factors rest on; transactions also where they may stand in as income."""
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
