"""How far the data of the monthly income can be trusted."""

from __future__ import annotations

from collections.abc import Sequence

from decision_service.domain.accounts import MATTERS_FOR
from decision_service.domain.kinds import INCOME_KINDS, Kind
from decision_service.domain.missing import Cause, DataReason, Missing
from decision_service.domain.months import Month
from decision_service.factors.answer import in_order
from decision_service.factors.case import Case
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


def income_feed(case: Case) -> Feed:
    """Whether the monthly income can be computed, and why not."""
    return case.once("income feed", _feed)


def platforms_or_partial(case: Case) -> tuple[Feeder, ...]:
    """The gig accounts whose transactions may be income, those in error included."""
    partial = [f for f in partial_feeding(case, Kind.TRANSACTIONS) if f.gig]
    return (*platforms(case), *(f for f in partial if f not in platforms(case)))


def platform_taints(case: Case) -> Sequence[Missing]:
    """What is wrong with the transactions of gig accounts, wherever they stand in as income."""
    return case.once("platform taints", _platform_taints)


def _feed(case: Case) -> Feed:
    held = bool(eincomes(case).records or incomes(case).records) or any(
        earned(case, feeder) for feeder in platforms(case)
    )
    taints = [*eincomes(case).taints, *incomes(case).taints, *_just_revoked(case)]
    taints += employment_taints(case, matter=income_settlement(case).rests_on_employments)
    if not held and platforms_or_partial(case):
        taints += [*_of_transactions(case), *_unreadable(case)]
    gig = _judged_by_month(case) if held else _gig(case)
    supplies = (supply(case, Kind.EINCOMES), supply(case, Kind.INCOMES), gig)
    return feed(case, supplies, taints, held=held)


def _unreadable(case: Case) -> Sequence[Missing]:
    """That transactions without a class alone may be income."""
    tallies = [s.tally for f in platforms(case) for s in months_of_earnings(case, f.id).values()]
    unmapped, turnover = sum(t.unmapped for t in tallies), sum(t.turnover for t in tallies)
    found = Missing(Cause.UNCLASSIFIED, kind=Kind.TRANSACTIONS)
    return [found] if unclassified(unmapped, turnover) else []


def employment_taints(case: Case, *, matter: bool) -> Sequence[Missing]:
    """What went wrong with employments where they matter; where they were not read, always."""
    if not matter and case.snapshot.employments is not None:
        return ()
    return [*supply_taints(case, (supply(case, Kind.EMPLOYMENTS),)), *employments(case).taints]


def _gig(case: Case) -> Supply:
    """The gig accounts that may feed the income by their transactions."""
    several = supply(case, Kind.TRANSACTIONS)
    return Supply(
        Kind.TRANSACTIONS,
        counted=platforms(case),
        partial=tuple(f for f in several.partial if f.gig),
        revoked=tuple(f for f in several.revoked if f.gig),
        before=tuple(f for f in several.before if f in platforms(case)),
        judged=platforms(case),
        needed=bool(platforms_or_partial(case)),
    )


def _judged_by_month(case: Case) -> Supply:
    """The same where what taints them is judged by the months in which they stand in."""
    gig = _gig(case)
    return Supply(Kind.TRANSACTIONS, gig.counted, (), gig.revoked, (), (), needed=False)


def _platform_taints(case: Case) -> Sequence[Missing]:
    ids = {feeder.id for feeder in platforms_or_partial(case)}
    if not ids:
        return ()
    found = [*supply_taints(case, (_gig(case),)), *_of_transactions(case)]
    return in_order([taint for taint in found if taint.source is None or taint.source in ids])


def _of_transactions(case: Case) -> Sequence[Missing]:
    """Contradictions and impossible dates among the transactions, and what was not asked for."""
    unread = unread_from(case.snapshot, stand_in_from(case.as_of.date))
    return [*ledger(case).taints, *unread]


def _just_revoked(case: Case) -> Sequence[Missing]:
    """Accounts that fed the income and were disconnected lately: that hides a lost job."""
    gone = [f for f in feeders(case) if f.state is FeederState.REVOKED and _lately(case, f)]
    code = DataReason.CONSENT_REVOKED
    return [
        Missing(Cause.EXPIRED, code, known.kind, f.id)
        for f in gone
        for known in case.snapshot.known
        if known.source == f.id and _earns(f, known.kind) and _was_live(case, f, known.newest)
    ]


def _earns(feeder: Feeder, kind: Kind) -> bool:
    """Whether an account's records of a kind make up income."""
    return feeder.known and (kind in INCOME_KINDS or (kind is Kind.TRANSACTIONS and feeder.gig))


def _lately(case: Case, feeder: Feeder) -> bool:
    return feeder.revoked is None or case.as_of.instant - feeder.revoked <= MATTERS_FOR


def _was_live(case: Case, feeder: Feeder, newest: int | None) -> bool:
    """Whether its newest income was at most 3 months and its lag before the disconnection."""
    if newest is None:
        return False
    gone = (feeder.revoked or case.as_of.instant).astimezone(case.as_of.zone)
    lag = case.policy.lag_months(feeder.provider_id)
    return newest >= Month.of(gone.date()).index - LIVE_MONTHS - lag - 1
