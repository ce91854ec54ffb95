"""What a backtest is asked: the days, the sample, and what its report says of them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import msgspec

from decision_service.impact.figures import DatedFigure, ReportSubject
from decision_service.pipeline.backtest.compared import ComparedRules
from decision_service.pipeline.backtest.range import WHOLE
from decision_service.pipeline.backtest.rules import BacktestOrder
from decision_service.ruleset.program.model import CompiledRuleset

MARGIN_APPLICANTS = 20_000
"""About so many applicants are judged at the values near to a set figure."""

SOON = timedelta(days=60)
"""Dated figures that change until then are tried."""


class DecidedWindow(msgspec.Struct, frozen=True):
    """The first and the last decision of a window, and how many there are."""

    first: datetime
    last: datetime
    decided: int


def changes_nothing(order: BacktestOrder, compared: ComparedRules) -> bool:
    """Whether both sides are the same rules as they stand."""
    same = compared.changed.digest == compared.product.champion.digest
    return same and not order.points and order.params_as_of is None


def draw(order: BacktestOrder, sample: int, decided: int) -> float:
    """Set the shares of an order, of applicants and of those for margins; the first is returned.

    A `sample` of 0 means all applicants.
    """
    share = min(1.0, sample / decided) if sample else 1.0
    order.share = int(share * WHOLE)
    order.margin_share = int(min(1.0, MARGIN_APPLICANTS / decided) * WHOLE)
    return share


def dated_figures(
    order: BacktestOrder, ruleset: CompiledRuleset, today: date
) -> tuple[DatedFigure, ...]:
    """What changes within 60 days of today, or of the day whose parameters are taken."""
    since, shown = order.params_as_of or today, ruleset.program.wording.value
    found = [
        DatedFigure(
            later.start,
            ".".join(("params", param.name, *([values.label or "other"] if param.by else ()))),
            shown(step.value, param.type),
            shown(later.value, param.type),
        )
        for param in ruleset.params.values()
        for values in param.series
        for step, later in pairwise(values.steps)
        if later.start is not None and since < later.start <= since + SOON
    ]
    return tuple(sorted(found, key=lambda one: (one.day, one.at)))


def subject_of(
    compared: ComparedRules,
    order: BacktestOrder,
    edges: tuple[datetime, datetime],
    share: float,
    version: str,
) -> ReportSubject:
    """What the report is about; `edges` are the first and the last decision, `version` ours."""
    base, other = compared.product.champion, compared.changed
    since, until = (edge.astimezone(base.zone).isoformat(timespec="seconds") for edge in edges)
    return ReportSubject(
        order.product,
        base.currency,
        f"v{base.version}",
        base.digest,
        compared.name,
        other.digest,
        tuple((one.at, one.before, one.after) for one in compared.figures),
        since,
        until,
        engine_version=version,
        params_as_of=str(order.params_as_of or ""),
        by=order.by,
        sample=share,
        seed=order.seed,
        swept=tuple(order.points[0]) if order.points else (),
        points=tuple(tuple(point.values()) for point in order.points),
        present=compared.present,
        margins=compared.margins,
        dated=order.dated,
    )
