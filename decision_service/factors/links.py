"""links.*: to how many lenders, and when, the accounts were linked (loan shopping)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from decision_service.domain.factor import Better, Evidence, ValueType
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, Missing
from decision_service.domain.snapshot import LinkCounts
from decision_service.factors.answer import Answer, answer
from decision_service.factors.context import FactorContext
from decision_service.factors.evidence import MOST_SHOWN
from decision_service.factors.quality import feed, supply
from decision_service.factors.records import links
from decision_service.factors.registry import READ_CAUSES, Family
from decision_service.factors.usage import counted
from decision_service.factors.window import days

LINKS = Family("links", frozenset({Kind.LINKS}), READ_CAUSES)


@LINKS.factor(
    "connected_{w}",
    ValueType.INTEGER,
    "lenders",
    "Lenders that the applicant's accounts were linked to in the {period}.",
    "The vendor's link_day{n}_count, the highest among the accounts; NO_DATA when no account tells"
    " it, as without a subscription.",
    windows=days(3, 7, 30, 90, 180, 365, 730),
    lower=0,
    better=Better.DOWN,
)
def connected(context: FactorContext, length: int) -> Answer:
    """How many lenders asked lately."""
    return _over_links(context, lambda r: dict(r.counts).get(length), max)


@LINKS.factor(
    "days_since_first",
    ValueType.INTEGER,
    "days",
    "Days since one of the applicant's accounts was linked to a lender for the first time.",
    "The vendor's link_days_since_first as it was at its cutoff, the highest among the accounts;"
    " NO_DATA when no account tells it, as without a subscription.",
    lower=0,
)
def days_since_first(context: FactorContext) -> Answer:
    """How long lenders have asked."""
    return _over_links(context, lambda r: r.first_days, max)


@LINKS.factor(
    "days_since_last",
    ValueType.INTEGER,
    "days",
    "Days since one of the applicant's accounts was linked to a lender last.",
    "The vendor's link_days_since_last as it was at its cutoff, the lowest among the accounts;"
    " NO_DATA when no account tells it, as without a subscription.",
    lower=0,
    better=Better.UP,
)
def days_since_last(context: FactorContext) -> Answer:
    """How long ago a lender asked."""
    return _over_links(context, lambda r: r.last_days, min)


def _over_links(
    context: FactorContext,
    tell: Callable[[LinkCounts], int | None],
    choose: Callable[[Sequence[int]], int],
) -> Answer:
    clean = links(context)
    reported = [(r, days) for r in clean.records if (days := tell(r)) is not None]
    supplies = (supply(context, Kind.LINKS),)
    missing = feed(context, supplies, clean.taints, held=bool(clean.records)).missing
    if missing:
        return Answer(None, _unsubscribed(context) if _unconnected(missing) else missing)
    figure = choose([days for _, days in reported]) if reported else Cause.NO_DATA
    return answer(figure, Kind.LINKS, _proof(context, [r for r, _ in reported]))


def _proof(context: FactorContext, reported: Sequence[LinkCounts]) -> Evidence:
    return Evidence(
        records=len(reported),
        horizon=context.as_of.date.isoformat(),
        top=tuple(sorted(r.id for r in reported)[:MOST_SHOWN]),
        sources=tuple(sorted({r.source for r in reported})),
    )


def _unconnected(missing: tuple[Missing, ...]) -> bool:
    return {m.cause for m in missing} == {Cause.NOT_CONNECTED}


def _unsubscribed(context: FactorContext) -> tuple[Missing, ...]:
    """Any account may be linked, whatever its provider lists."""
    cause = Cause.NO_DATA if counted(context) else Cause.NOT_CONNECTED
    return (Missing(cause, kind=Kind.LINKS),)
