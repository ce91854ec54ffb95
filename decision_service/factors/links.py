"""links.*: how many lenders the applicant's accounts were linked to (loan shopping)."""

from __future__ import annotations

from decision_service.domain.factor import Evidence, ValueType
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, Missing
from decision_service.factors.answer import Answer, answer
from decision_service.factors.case import Case
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
)
def connected(case: Case, length: int) -> Answer:
    """How many lenders asked lately."""
    clean = links(case)
    told = [(r, count) for r in clean.records for day, count in r.counts if day == length]
    supplies = (supply(case, Kind.LINKS),)
    missing = feed(case, supplies, clean.taints, held=bool(clean.records)).missing
    if missing:
        return Answer(None, _unsubscribed(case) if _unconnected(missing) else missing)
    figure = max((count for _, count in told), default=Cause.NO_DATA)
    evidence = Evidence(
        records=len(told),
        horizon=case.as_of.date.isoformat(),
        top=tuple(sorted(r.id for r, _ in told)[:5]),
        sources=tuple(sorted({r.source for r, _ in told})),
    )
    return answer(figure, Kind.LINKS, evidence)


def _unconnected(missing: tuple[Missing, ...]) -> bool:
    return {m.cause for m in missing} == {Cause.NOT_CONNECTED}


def _unsubscribed(case: Case) -> tuple[Missing, ...]:
    """Any account may be linked, whatever its provider lists."""
    cause = Cause.NO_DATA if counted(case) else Cause.NOT_CONNECTED
    return (Missing(cause, kind=Kind.LINKS),)
