"""A backtest from a question to its report, in processes of low priority."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from decision_service.build import engine_version
from decision_service.cli.backtest.local.sources import DecisionSource, SourceNames, opened
from decision_service.cli.backtest.local.workers import Workers, partitions, require_reach
from decision_service.cli.backtest.progress import progress
from decision_service.cli.errors import CommandError, Exit
from decision_service.domain.errors import StoreError
from decision_service.impact.figures import ImpactReport
from decision_service.impact.report import report_of
from decision_service.impact.sums import ImpactSums, TooManyCells
from decision_service.pipeline.backtest.cells import DimensionUnknown, require_dimensions
from decision_service.pipeline.backtest.compared import ComparedRules
from decision_service.pipeline.backtest.ports import ClusterUnfit, KeyRange, WorkersKilled
from decision_service.pipeline.backtest.question import (
    changes_nothing,
    dated_figures,
    draw,
    subject_of,
)
from decision_service.pipeline.backtest.rules import BacktestOrder
from decision_service.pipeline.backtest.run import divided, summed
from decision_service.pipeline.rollout.pairs.valueless import without_value
from decision_service.wiring.backtest.worker import WorkerOrder


@dataclass(frozen=True, slots=True)
class LocalBacktest:
    """What is compared, whom for, and by how many workers; `sample` 0 stands for everybody."""

    compared: ComparedRules
    order: BacktestOrder
    window: KeyRange
    sample: int = 0
    jobs: int | None = None
    on: Workers = Workers.PROCESSES


def require_possible(order: BacktestOrder, compared: ComparedRules) -> None:
    """Raise CommandError where nothing is compared, or a dimension does not exist."""
    if changes_nothing(order, compared):
        raise CommandError(
            f"both sides are v{compared.changed.version} as it stands: change something with "
            "--with, --set, --sweep or --params-as-of",
            Exit.USAGE,
        )
    if order.params_as_of and (told := without_value([compared.changed], order.params_as_of)):
        raise CommandError(f"--params-as-of {told}", Exit.USAGE)
    try:
        require_dimensions(order.by, compared.product.champion, compared.changed)
    except DimensionUnknown as error:
        raise CommandError(str(error), Exit.USAGE) from None


def answered(question: LocalBacktest, names: SourceNames) -> ImpactReport:
    """The report; raises CommandError."""
    order, compared = question.order, question.compared
    try:
        require_reach(question.on, names)
        with opened(names, order.product, compared.texts) as source:
            return _report(question, source, *_summed(question, source))
    except (StoreError, TooManyCells, WorkersKilled, ClusterUnfit) as error:
        raise CommandError(str(error), Exit.USAGE) from None


def _summed(
    question: LocalBacktest, source: DecisionSource
) -> tuple[ImpactSums, datetime, datetime, float]:
    """The sums with the first and the last decision and the share of the sample."""
    order = question.order
    looked = asyncio.run(source.looked(order.product, question.window))
    if looked is None:
        raise CommandError(
            f"there are no decisions of {order.product} in this window: widen --from and --to, or "
            "name another --store or --cases",
            Exit.USAGE,
        )
    share, changed = draw(order, question.sample, looked.decided), question.compared.changed
    order.dated = dated_figures(order, changed, datetime.now(UTC).astimezone(changed.zone).date())
    told = WorkerOrder(engine_version(), source.url, looked.first, order, source.keys, source.cases)
    workers = partitions(question.on, question.jobs, told)
    with progress() as show:
        sums = summed(divided(looked.first, looked.last), workers, show)
    return sums, looked.first, looked.last, share


def _report(
    question: LocalBacktest,
    source: DecisionSource,
    sums: ImpactSums,
    first: datetime,
    last: datetime,
    share: float,
) -> ImpactReport:
    edges, version = (first, last), engine_version()
    subject = replace(
        subject_of(question.compared, question.order, edges, share, version),
        broken=source.broken,
    )
    return report_of(subject, sums)
