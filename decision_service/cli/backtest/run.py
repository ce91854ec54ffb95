"""A backtest from a question to its report, in processes of low priority."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from decision_service.build import engine_version
from decision_service.cli.backtest.progress import progress
from decision_service.cli.backtest.rules import ComparedRules
from decision_service.cli.backtest.sources import Source, SourceNames, opened
from decision_service.cli.errors import CommandError, Exit
from decision_service.domain.errors import StoreError
from decision_service.impact.figures import ImpactReport, Subject
from decision_service.impact.report import report_of
from decision_service.impact.sums import ImpactSums, TooManyCells
from decision_service.pipeline.backtest.cells import DimensionUnknown, require_dimensions
from decision_service.pipeline.backtest.ports import KeyRange
from decision_service.pipeline.backtest.range import WHOLE
from decision_service.pipeline.backtest.rules import BacktestOrder
from decision_service.pipeline.backtest.run import divided, summed
from decision_service.wiring.backtest import ProcessPartitions, WorkerOrder, WorkersKilled

MOST_LEFT_OUT = 0.5
"""The share that cannot be compared from which a report would mislead."""

MARGIN_APPLICANTS = 20_000
"""About so many applicants are judged at the values near to a set figure."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is compared, whom for, and by how many processes; `sample` 0 stands for everybody."""

    compared: ComparedRules
    order: BacktestOrder
    window: KeyRange
    sample: int = 0
    jobs: int = 2


def require_possible(order: BacktestOrder, compared: ComparedRules) -> None:
    """Raise CommandError where nothing is compared, or a dimension does not exist."""
    same = compared.changed.digest == compared.champion.digest
    if same and not order.points and order.params_as_of is None:
        raise CommandError(
            f"both sides are v{compared.changed.version} as it stands: change something with "
            "--with, --set, --sweep or --params-as-of",
            Exit.USAGE,
        )
    try:
        require_dimensions(order.by, compared.champion)
    except DimensionUnknown as error:
        raise CommandError(str(error), Exit.USAGE) from None


def left_out(report: ImpactReport) -> Iterator[str]:
    """A sentence where too many cannot be compared."""
    told = report.coverage
    share = sum(told.left_out.values()) / max(told.applicants, 1)
    if share > MOST_LEFT_OUT:
        yield (
            f"{share:.0%} of the applicants cannot be compared, so the report tells of the others "
            "alone"
        )


def answered(question: Question, names: SourceNames) -> ImpactReport:
    """The report; raises CommandError."""
    order, compared = question.order, question.compared
    try:
        with opened(names, order.product, compared.texts) as source:
            return _report(question, source, *_summed(question, source))
    except (StoreError, TooManyCells, WorkersKilled) as error:
        raise CommandError(str(error), Exit.USAGE) from None


def _summed(question: Question, source: Source) -> tuple[ImpactSums, datetime, datetime, float]:
    """The sums with the first and the last decision and the share of the sample."""
    order = question.order
    looked = asyncio.run(source.looked(order.product, question.window))
    if looked is None:
        raise CommandError(
            f"there are no decisions of {order.product} in this window: widen --from and --to, or "
            "name another --store or --cases",
            Exit.USAGE,
        )
    first, last, decided = looked
    share = min(1.0, question.sample / decided) if question.sample else 1.0
    order.share = int(share * WHOLE)
    order.margin_share = int(min(1.0, MARGIN_APPLICANTS / decided) * WHOLE)
    told = WorkerOrder(source.url, first, order, source.keys, source.cases, source.loans)
    with progress() as show:
        sums = summed(divided(first, last), ProcessPartitions(told, question.jobs), show)
    return sums, first, last, share


def _report(
    question: Question,
    source: Source,
    sums: ImpactSums,
    first: datetime,
    last: datetime,
    share: float,
) -> ImpactReport:
    compared, order = question.compared, question.order
    base, other = compared.champion, compared.changed
    since, until = (
        edge.astimezone(base.zone).isoformat(timespec="seconds") for edge in (first, last)
    )
    subject = Subject(
        order.product,
        base.currency,
        f"v{base.version}",
        base.digest,
        compared.name,
        other.digest,
        tuple((one.at, one.before, one.after) for one in compared.figures),
        since,
        until,
        engine_version=engine_version(),
        params_as_of=str(order.params_as_of or ""),
        by=order.by,
        sample=share,
        seed=order.seed,
        swept=tuple(order.points[0]) if order.points else (),
        points=tuple(tuple(point.values()) for point in order.points),
        present=compared.present,
        margins=compared.margins,
        broken=source.broken,
        broken_lines=source.broken_lines,
        strange_loans=source.strange_loans,
    )
    return report_of(subject, sums)
