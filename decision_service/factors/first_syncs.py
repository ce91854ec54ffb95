"""Accounts whose first sync has not finished: that is not data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from decision_service.domain.accounts import PENDING, PENDS_WITHIN, SYNCS_WITHIN
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, Missing
from decision_service.domain.needs import PartialPolicy
from decision_service.factors.case import FactorContext
from decision_service.factors.usage import Feeder, FeederState, counted, feeders


def running(case: FactorContext, feeder: Feeder, kind: Kind) -> Sequence[Missing]:
    """That the account's first sync has not finished."""
    return [Missing(cause, kind=kind, source=feeder.id) for cause in _syncing(case, feeder)]


def _syncing(case: FactorContext, feeder: Feeder) -> Iterable[Cause]:
    """NOT_FETCHED while the first sync runs; PARTIAL when it has run for a day."""
    since = feeder.linking_since
    if since is None:
        return ()
    if case.as_of.instant - since < SYNCS_WITHIN:
        return (Cause.NOT_FETCHED,)
    return (Cause.PARTIAL,) if case.policy.partial is not PartialPolicy.USE else ()


def being_linked(case: FactorContext, kind: Kind) -> tuple[Feeder, ...]:
    """Accounts whose linking has begun within a day and may bring this kind."""
    return tuple(
        f
        for f in feeders(case)
        if f.id not in counted(case)
        and f.state is not FeederState.REVOKED
        and f.could_feed(kind)
        and f.may_tell(kind)
        and (Cause.NOT_FETCHED in _syncing(case, f) or _undecided(case, f, kind))
    )


def _undecided(case: FactorContext, feeder: Feeder, kind: Kind) -> bool:
    """Whether nobody could tell if a pending account is being linked."""
    return feeder.status == PENDING and bool(unclear(case, feeder, kind))


def unclear(case: FactorContext, feeder: Feeder, kind: Kind) -> Sequence[Missing]:
    """What went wrong while the vendor was asked whether the account's first sync has ended."""
    tasks = case.snapshot.tasks
    return [
        Missing(Cause.NOT_FETCHED, fault.code, kind, feeder.id, fault.account_error)
        for fault in (tasks.faults if tasks else ())
        if fault.source == feeder.id or (fault.source is None and _young(case, feeder))
    ]


def _young(case: FactorContext, feeder: Feeder) -> bool:
    """Whether the vendor is asked for its tasks; an account that tells no creation is young."""
    created, young = feeder.created, PENDS_WITHIN if feeder.status == PENDING else SYNCS_WITHIN
    return feeder.is_account and (created is None or case.as_of.instant - created < young)
