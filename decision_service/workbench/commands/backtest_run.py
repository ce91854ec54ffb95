"""A backtest from a question to its report, in processes of low priority."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from msgspec.structs import replace

from decision_service.build import engine_version
from decision_service.cli.output import CommandError, Exit
from decision_service.domain.errors import ProductUnknown, StoreError
from decision_service.rollout.impact import TooManyCells
from decision_service.steering.compare import without_value
from decision_service.workbench.backtest.judge import DimensionUnknown, require_dimensions
from decision_service.workbench.backtest.report import ImpactReport, report_of
from decision_service.workbench.backtest.rules import (
    BacktestOrder,
    ComparedRules,
    compared,
)
from decision_service.workbench.backtest.run import (
    ClusterUnfit,
    KeyRange,
    WorkersKilled,
    changes_nothing,
    dated_figures,
    divided,
    draw,
    subject_of,
    summed,
)
from decision_service.workbench.backtest.workers import WorkerOrder
from decision_service.workbench.commands.backtest_sources import (
    DecisionSource,
    SourceNames,
    Workers,
    opened,
    partitions,
    require_reach,
)
from decision_service.workbench.commands.folder import find_version, loaded, select_rules
from decision_service.workbench.constants import FiguresUnfit


@contextmanager
def progress() -> Iterator[Callable[[int, int, int], None]]:
    if not sys.stderr.isatty():
        yield lambda _, __, ___: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("judging"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    began = monotonic()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("judging", total=None, rate="")

        def show(done: int, every: int, decisions: int) -> None:
            rate = rate_text(decisions, monotonic() - began)
            bar.update(task, completed=done, total=every, rate=rate)

        yield show


def rate_text(decisions: int, seconds: float) -> str:
    """`12,400 decisions, 1,530 a second`; empty where none were counted."""
    if not decisions or seconds <= 0:
        return ""
    return f"{decisions:,} decisions, {decisions / seconds:,.0f} a second"


@dataclass(frozen=True, slots=True)
class LocalBacktest:
    """What is compared, of which applicants, and by how many workers; `sample` 0 means all."""

    compared: ComparedRules
    order: BacktestOrder
    window: KeyRange
    sample: int = 0
    jobs: int | None = None
    on: Workers = Workers.PROCESSES


def require_possible(order: BacktestOrder, compared: ComparedRules) -> None:
    if changes_nothing(order, compared):
        raise CommandError(
            f"both sides are v{compared.changed.version} as it stands: change something with "
            "--with, --set, --sweep or --params-as-of",
            Exit.USAGE,
        )
    if order.params_as_of and (words := without_value([compared.changed], order.params_as_of)):
        raise CommandError(f"--params-as-of {words}", Exit.USAGE)
    try:
        require_dimensions(order.by, compared.product.champion, compared.changed)
    except DimensionUnknown as error:
        raise CommandError(str(error), Exit.USAGE) from None


def answered(question: LocalBacktest, names: SourceNames) -> ImpactReport:
    order, compared = question.order, question.compared
    try:
        require_reach(question.on, names)
        with opened(names, order.product, compared.texts) as source:
            return _report(question, source)
    except (StoreError, TooManyCells, WorkersKilled, ClusterUnfit) as error:
        raise CommandError(str(error), Exit.USAGE) from None


def _report(question: LocalBacktest, source: DecisionSource) -> ImpactReport:
    order, version = question.order, engine_version()
    looked = asyncio.run(source.looked(order.product, question.window))
    if looked is None:
        raise CommandError(
            f"there are no decisions of {order.product} in this window: widen --from and --to, or "
            "name another --store or --cases",
            Exit.USAGE,
        )
    share, changed = draw(order, question.sample, looked.decided), question.compared.changed
    order.dated = dated_figures(order, changed, datetime.now(UTC).astimezone(changed.zone).date())
    asked = WorkerOrder(version, source.url, looked.first, order, source.keys, source.cases)
    workers = partitions(question.on, question.jobs, asked)
    with progress() as show:
        sums = summed(divided(looked.first, looked.last), workers, show)
    edges = (looked.first, looked.last)
    subject = subject_of(question.compared, order, edges, share, version)
    return report_of(replace(subject, broken=source.broken), sums)


def compared_rules(
    folder: Path,
    name: str,
    other: str,
    figures: Mapping[str, str],
    points: Sequence[Mapping[str, str]],
) -> ComparedRules:
    loading = loaded(select_rules(folder))
    rulebook = loading.rulebook
    assert rulebook is not None  # noqa: S101  `loaded` raises otherwise
    try:
        product = rulebook.product(name)
    except ProductUnknown as error:
        raise CommandError(str(error), Exit.USAGE) from None
    base = find_version(f"{name}@{product.champion.version}", folder)
    changed = find_version(other, folder) if other else base
    if changed.ruleset.ruleset != name:
        raise CommandError(
            f"{other} is a version of {changed.ruleset.ruleset}, not of {name}: compare like with "
            "like",
            Exit.USAGE,
        )
    try:
        both = compared(product, base, changed, figures, points)
    except FiguresUnfit as error:
        raise CommandError(str(error), Exit.USAGE) from None
    return replace(both, texts={text.digest: text.body for text in loading.texts})
