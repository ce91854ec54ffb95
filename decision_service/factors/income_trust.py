"""How far the data of the monthly income can be trusted."""

from __future__ import annotations

from collections.abc import Sequence

from decision_service.domain.accounts import MATTERS_FOR
from decision_service.domain.kinds import INCOME_KINDS, Kind
from decision_service.domain.missing import Cause, DataReason, Missing
from decision_service.domain.months import Month
from decision_service.factors.answer import in_order
from decision_service.factors.context import FactorContext
from decision_service.factors.horizons import LIVE_MONTHS, stand_in_from
from decision_service.factors.income_sources import (
    earned,
    income_settlement,
    months_of_earnings,
    platforms,
)
from decision_service.factors.ledger import ledger
from decision_service.factors.quality import (
    Feed,
    Supply,
    feed,
    supply,
    supply_taints,
)
from decision_service.factors.reading import unread_from
from decision_service.factors.records import eincomes, employments, incomes
from decision_service.factors.tally import unclassified
from decision_service.factors.usage import (
    Feeder,
    FeederState,
    feeders,
    partial_feeding,
)


def income_feed(context: FactorContext) -> Feed:
    """Whether the monthly income can be computed, and why not."""
    return context.once("income feed", _feed)


def platforms_or_partial(context: FactorContext) -> tuple[Feeder, ...]:
    """The gig accounts whose transactions may be income, those in error included."""
    partial = [f for f in partial_feeding(context, Kind.TRANSACTIONS) if f.gig]
    return (*platforms(context), *(f for f in partial if f not in platforms(context)))


def platform_taints(context: FactorContext) -> Sequence[Missing]:
    """What is wrong with the transactions of gig accounts, wherever they stand in as income."""
    return context.once("platform taints", _platform_taints)


def _feed(context: FactorContext) -> Feed:
    held = bool(eincomes(context).records or incomes(context).records) or any(
        earned(context, feeder) for feeder in platforms(context)
    )
    taints = [*eincomes(context).taints, *incomes(context).taints, *_just_revoked(context)]
    taints += employment_taints(context, matter=income_settlement(context).rests_on_employments)
    if not held and platforms_or_partial(context):
        taints += [*_of_transactions(context), *_unreadable(context)]
    gig = _judged_by_month(context) if held else _gig(context)
    supplies = (supply(context, Kind.EINCOMES), supply(context, Kind.INCOMES), gig)
    return feed(context, supplies, taints, held=held)


def _unreadable(context: FactorContext) -> Sequence[Missing]:
    """That transactions without a class alone may be income."""
    tallies = [
        s.tally for f in platforms(context) for s in months_of_earnings(context, f.id).values()
    ]
    unmapped, turnover = sum(t.unmapped for t in tallies), sum(t.turnover for t in tallies)
    found = Missing(Cause.UNCLASSIFIED, kind=Kind.TRANSACTIONS)
    return [found] if unclassified(unmapped, turnover) else []


def employment_taints(context: FactorContext, *, matter: bool) -> Sequence[Missing]:
    """What went wrong with employments where they matter; where they were not read, always."""
    if not matter and context.snapshot.employments is not None:
        return ()
    return [
        *supply_taints(context, (supply(context, Kind.EMPLOYMENTS),)),
        *employments(context).taints,
    ]


def _gig(context: FactorContext) -> Supply:
    """The gig accounts that may feed the income by their transactions."""
    several = supply(context, Kind.TRANSACTIONS)
    return Supply(
        Kind.TRANSACTIONS,
        counted=platforms(context),
        partial=tuple(f for f in several.partial if f.gig),
        revoked=tuple(f for f in several.revoked if f.gig),
        before=tuple(f for f in several.before if f in platforms(context)),
        judged=platforms(context),
        needed=bool(platforms_or_partial(context)),
    )


def _judged_by_month(context: FactorContext) -> Supply:
    """The same where what taints them is judged by the months in which they stand in."""
    gig = _gig(context)
    return Supply(Kind.TRANSACTIONS, gig.counted, (), gig.revoked, (), (), needed=False)


def _platform_taints(context: FactorContext) -> Sequence[Missing]:
    ids = {feeder.id for feeder in platforms_or_partial(context)}
    if not ids:
        return ()
    found = [*supply_taints(context, (_gig(context),)), *_of_transactions(context)]
    return in_order([taint for taint in found if taint.source is None or taint.source in ids])


def _of_transactions(context: FactorContext) -> Sequence[Missing]:
    """Contradictions and impossible dates among the transactions, and what was not asked for."""
    unread = unread_from(context.snapshot, stand_in_from(context.as_of.date))
    return [*ledger(context).taints, *unread]


def _just_revoked(context: FactorContext) -> Sequence[Missing]:
    """Accounts that fed the income and were disconnected lately: that hides a lost job."""
    gone = [f for f in feeders(context) if f.state is FeederState.REVOKED and _lately(context, f)]
    code = DataReason.CONSENT_REVOKED
    return [
        Missing(Cause.EXPIRED, code, known.kind, f.id)
        for f in gone
        for known in context.snapshot.known
        if known.source == f.id and _earns(f, known.kind) and _was_live(context, f, known.newest)
    ]


def _earns(feeder: Feeder, kind: Kind) -> bool:
    """Whether an account's records of a kind make up income."""
    return feeder.known and (kind in INCOME_KINDS or (kind is Kind.TRANSACTIONS and feeder.gig))


def _lately(context: FactorContext, feeder: Feeder) -> bool:
    return feeder.revoked is None or context.as_of.instant - feeder.revoked <= MATTERS_FOR


def _was_live(context: FactorContext, feeder: Feeder, newest: int | None) -> bool:
    """Whether its newest income was at most 3 months and its lag before the disconnection."""
    if newest is None:
        return False
    gone = (feeder.revoked or context.as_of.instant).astimezone(context.as_of.zone)
    lag = context.policy.lag_months(feeder.provider_id)
    return newest >= Month.of(gone.date()).index - LIVE_MONTHS - lag - 1
