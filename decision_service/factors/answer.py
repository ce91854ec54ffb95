"""What one factor's computation gives before it becomes a value."""

from __future__ import annotations

from datetime import date

import msgspec

from decision_service.domain.factor import NO_EVIDENCE, Evidence
from decision_service.domain.kinds import Kind
from decision_service.domain.missing import Cause, Missing
from decision_service.factors.figures import Figure


class Answer(msgspec.Struct, frozen=True, gc=False):
    """Either a `figure`, or None with at least one cause; `evidence` in both cases."""

    figure: Figure | date | None
    missing: tuple[Missing, ...] = ()
    evidence: Evidence = NO_EVIDENCE


def answer(figure: Figure | Cause, kind: Kind, evidence: Evidence = NO_EVIDENCE) -> Answer:
    """The figure with its evidence; a cause in its place becomes a missing answer of this kind."""
    if isinstance(figure, Cause):
        return Answer(None, (Missing(figure, kind=kind),), evidence)
    return Answer(figure, (), evidence)


def in_order(causes: set[Missing] | list[Missing] | tuple[Missing, ...]) -> tuple[Missing, ...]:
    """The distinct causes in a fixed order."""
    return tuple(sorted(set(causes), key=_order))


def _order(cause: Missing) -> tuple[str, ...]:
    return (
        cause.cause.value,
        cause.kind.value if cause.kind else "",
        cause.source or "",
        cause.code.value if cause.code else "",
        cause.account_error or "",
        cause.detail or "",
    )
