"""Accounts whose first sync has not finished: that is not data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from decision_service.domain.accounts import CONNECTED, PENDING, PENDS_WITHIN, SYNCS_WITHIN
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, DataReason, Missing
from decision_service.domain.needs import PartialPolicy
from decision_service.factors.context import FactorContext
from decision_service.factors.reading import sources_naming
from decision_service.factors.usage import Feeder, FeederState, counted, feeders

_ASKED = {CONNECTED: SYNCS_WITHIN, PENDING: PENDS_WITHIN}
"""How old accounts may be that the vendor is asked about, by their status."""
_CODES = {Cause.NOT_FETCHED: DataReason.DATA_ARRIVING}


def running(context: FactorContext, feeder: Feeder, kind: Kind) -> Sequence[Missing]:
    """That the account's first sync has not finished."""
    return [
        Missing(cause, _CODES.get(cause), kind, feeder.id) for cause in _syncing(context, feeder)
    ]


def _syncing(context: FactorContext, feeder: Feeder) -> Iterable[Cause]:
    """NOT_FETCHED while the first sync runs; PARTIAL when it has run for a day."""
    since = feeder.linking_since
    if since is None:
        return ()
    if context.as_of.instant - since < SYNCS_WITHIN:
        return (Cause.NOT_FETCHED,)
    return (Cause.PARTIAL,) if context.policy.partial is not PartialPolicy.USE else ()


def being_linked(context: FactorContext, kind: Kind) -> tuple[Feeder, ...]:
    """Accounts whose linking has begun within a day and may bring this kind."""
    return tuple(
        f
        for f in feeders(context)
        if f.id not in counted(context)
        and f.state is not FeederState.REVOKED
        and (f.could_feed(kind) or f.id in sources_naming(context, kind))
        and f.may_tell(kind)
        and (Cause.NOT_FETCHED in _syncing(context, f) or _undecided(context, f, kind))
    )


def _undecided(context: FactorContext, feeder: Feeder, kind: Kind) -> bool:
    """Whether nobody could tell if a pending account is being linked."""
    return feeder.status == PENDING and bool(unclear(context, feeder, kind))


def unclear(context: FactorContext, feeder: Feeder, kind: Kind) -> Sequence[Missing]:
    """What went wrong while the vendor was asked whether the account's first sync has ended."""
    tasks = context.snapshot.tasks
    return [
        Missing(Cause.NOT_FETCHED, fault.code, kind, feeder.id, fault.account_error)
        for fault in (tasks.faults if tasks else ())
        if fault.source == feeder.id or (fault.source is None and _young(context, feeder))
    ]


def _young(context: FactorContext, feeder: Feeder) -> bool:
    """Whether the vendor is asked for its tasks; an account that tells no creation is young."""
    created, young = feeder.created, _ASKED.get(feeder.status)
    return young is not None and (created is None or context.as_of.instant - created < young)
