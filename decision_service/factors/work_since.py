"""employment.*: jobs that began or ended, by the employments besides the income."""

from __future__ import annotations

from collections.abc import Callable

from decision_service.domain.factor import Better, ValueType
from decision_service.domain.kinds import INCOME_KINDS, Kind
from decision_service.domain.months import Month
from decision_service.domain.snapshot import Employment
from decision_service.factors.answer import Answer, answer, in_order
from decision_service.factors.backing import last_backed, proof_taints, unbacked_span
from decision_service.factors.context import FactorContext
from decision_service.factors.employers import named_employer
from decision_service.factors.employment import is_open, jobs
from decision_service.factors.income import INCOME_CAUSES
from decision_service.factors.income_trust import platform_taints
from decision_service.factors.monthly_income import income, income_presence
from decision_service.factors.registry import Family

WORK_KINDS = INCOME_KINDS | {Kind.EMPLOYMENTS}
WORK = Family("employment", WORK_KINDS, INCOME_CAUSES)
NAMED = " Words such as voluntary and self-employed name no employer."


@WORK.factor(
    "started_since_backed",
    ValueType.FLAG,
    "",
    "Whether a job began since income was backed last.",
    "True when an open employment with a named employer began in the last backed month or later;"
    " false otherwise, and without a backed month." + NAMED,
    kinds=frozenset({Kind.CONTRIBUTIONS}),
    better=Better.UP,
)
def started_since_backed(context: FactorContext) -> Answer:
    """Whether a new job explains that the old proof is silent."""
    book, span = income(context), unbacked_span(context)
    missing = (*book.missing, *jobs(context).missing)
    tainted = [m for m in missing if m.cause.tainted]
    flaws = () if book.missing else book.judged((span,))[0]
    found = in_order([*tainted, *flaws, *proof_taints(context, span)])
    if tainted:  # what is absent says nothing beside it
        found = tuple(m for m in found if m.cause.tainted)
    return Answer(None, found) if found else _on_income(context, lambda: _started(context))


@WORK.factor(
    "ended_without_income",
    ValueType.FLAG,
    "",
    "Whether a job ended and no income has come since.",
    "True when an employment ended, none with a named employer is open, and no month after that of"
    " the latest end has income; false otherwise. NOT_YET_POSTED where one of these months is open;"
    " a month after the horizon has no income yet." + NAMED,
    better=Better.DOWN,
)
def ended_without_income(context: FactorContext) -> Answer:
    """Whether the applicant may be out of work."""
    ended = _last_end(context)
    if ended is None:
        return _on_income(context, lambda: False)
    book = income_presence(context)
    since = (ended + 1, book.horizon)
    after = any(month > ended for month in book.with_income)
    waiting = None if after else book.waiting((since,))
    found = _on_income(context, lambda: not after)
    flaws = () if book.missing else book.judged((since,))[0]
    doubts = () if after else tuple(platform_taints(context))
    causes = in_order([*flaws, *doubts]) or ((waiting,) if waiting else ())
    return found if found.missing or not causes else Answer(None, causes, found.evidence)


def _on_income(context: FactorContext, work: Callable[[], bool]) -> Answer:
    """Work on employments and income; tainted where either is."""
    known = jobs(context)
    for missing in (known.missing, income_presence(context).missing):
        taints = tuple(m for m in missing if m.cause.tainted)
        if taints:
            return Answer(None, taints)
    return answer(work(), Kind.EMPLOYMENTS, known.evidence)


def _started(context: FactorContext) -> bool:
    backed = last_backed(context)
    return backed is not None and any(
        Month.of(record.start).index >= backed for record in _open_named(context)
    )


def _last_end(context: FactorContext) -> int | None:
    """The month in which the latest employment ended; None where one with an employer is open."""
    ends = [r.end for r in jobs(context).records if r.end and not is_open(r, context.as_of.date)]
    return None if not ends or _open_named(context) else Month.of(max(ends)).index


def _open_named(context: FactorContext) -> list[Employment]:
    return [
        record
        for record in jobs(context).records
        if is_open(record, context.as_of.date) and named_employer(record.employer, context.policy)
    ]
