"""A backtest from a question to its report: where decisions are read, and who judges them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from time import monotonic

from msgspec.structs import replace

from decision_service.author.backtest.case_files import CaseFile
from decision_service.author.backtest.judge import require_dimensions
from decision_service.author.backtest.replica import KeyRange, RangeCounts
from decision_service.author.backtest.report import BrokenLines, ImpactReport, report_of
from decision_service.author.backtest.rules import (
    BacktestOrder,
    ComparedRules,
    DecisionSource,
    changes_nothing,
    compared,
    dated_figures,
    draw,
    subject_of,
)
from decision_service.author.backtest.run import (
    MapPartitions,
    divided,
    in_processes,
    opened,
    summed,
)
from decision_service.author.folder import LoadedRules, find_version
from decision_service.build import engine_version
from decision_service.cli.keys import keys_to_read_with
from decision_service.cli.output import CommandError, Exit, require_extra
from decision_service.domain.errors import ProductUnknown, StoreError, visible
from decision_service.rollout_running.compare import without_value
from decision_service.rules.program import CompiledRuleset
from decision_service.runtime.config import load
from decision_service.store.engine import SqliteFile, parse_store_url

SHOWN = 10
"""Broken lines that are shown one by one."""

MOST_BROKEN = 5
"""Percent of a file's lines."""


class Workers(StrEnum):
    PROCESSES = "processes"
    RAY = "ray"


@dataclass(frozen=True, slots=True)
class Applicants:
    """Applicants of a store or of a file; `sample` 0 means all."""

    window: KeyRange
    store: str = ""
    cases: Path | None = None
    sample: int = 0


def require_possible(order: BacktestOrder, compared: ComparedRules) -> None:
    if changes_nothing(order, compared):
        raise CommandError(
            f"both sides are v{compared.changed.version} as it is: change something with "
            "--with, --set, --sweep or --params-as-of"
        )
    if order.params_as_of and (words := without_value([compared.changed], order.params_as_of)):
        raise CommandError(f"--params-as-of {words}")
    require_dimensions(order.by, compared.product.champion, compared.changed)


def answered(
    compared: ComparedRules,
    order: BacktestOrder,
    asked: Applicants,
    on: Workers = Workers.PROCESSES,
    jobs: int | None = None,
) -> ImpactReport:
    """The report, by `jobs` workers at a time; raises CommandError."""
    try:
        if on is Workers.RAY:
            _require_reach(asked)
        source, broken = named(asked, order.product, compared.texts)
        edges, share = _prepare(order, source, asked, changed=compared.changed)
        with progress("judging") as show:
            sums = summed(_workers(on), order, divided(*edges), jobs=jobs, on_progress=show)
    except StoreError as error:
        raise CommandError(str(error)) from None
    subject = subject_of(compared, order, edges, share=share)
    return report_of(replace(subject, broken=broken), sums)


def _prepare(
    order: BacktestOrder, source: DecisionSource, asked: Applicants, changed: CompiledRuleset
) -> tuple[tuple[datetime, datetime], float]:
    """Complete the order; the instants of the first and the last decision, and the share drawn."""
    counts = asyncio.run(_counts(source, order.product, asked.window))
    if not counts.decided or counts.first is None or counts.last is None:
        raise CommandError(
            f"there are no decisions of {order.product} in this window: widen --from and --to, or "
            "name another --store or --cases"
        )
    order.source = source
    order.window = counts.first
    order.engine_version = engine_version()
    today = datetime.now(UTC).astimezone(changed.zone).date()
    order.dated = dated_figures(order, changed, today)
    return (counts.first, counts.last), draw(order, asked.sample, counts.decided)


async def _counts(source: DecisionSource, product: str, window: KeyRange) -> RangeCounts:
    reader = await opened(source, product)
    try:
        return await reader.counts(product, window)
    finally:
        await reader.aclose()


def _workers(on: Workers) -> MapPartitions:
    if on is Workers.PROCESSES:
        return in_processes
    from decision_service.author.backtest.ray_tasks import on_ray

    return on_ray


def named(
    asked: Applicants, product: str, texts: Mapping[str, bytes]
) -> tuple[DecisionSource, tuple[BrokenLines, ...]]:
    """What was named; raises CommandError."""
    if asked.store and asked.cases is not None:
        raise CommandError("give --store or --cases, not both")
    if asked.cases is not None:
        return _cases(asked.cases, product, texts)
    settings = load()
    url = asked.store or settings.store_url
    return DecisionSource(url, str(keys_to_read_with(settings, url) or "")), ()


def _cases(
    file: Path, product: str, texts: Mapping[str, bytes]
) -> tuple[DecisionSource, tuple[BrokenLines, ...]]:
    try:
        cases = CaseFile(file, product)
    except OSError as error:
        raise CommandError(f"{file} cannot be read ({error.strerror})") from None
    broken = _few_broken(file, cases)
    if cases.others:
        sys.stderr.write(f"{file}: decisions of other products, not looked at: {cases.others:,}\n")
    if not cases.positions:
        raise CommandError(
            f"{file} has no decision of {product}: write one with "
            f"`decisions cases --format jsonl --product {product}`"
        )
    return DecisionSource(cases=str(file), texts=texts), broken


def _few_broken(file: Path, cases: CaseFile) -> tuple[BrokenLines, ...]:
    broken = len(cases.broken)
    every = broken + len(cases.positions) + cases.others
    for one in cases.broken[:SHOWN]:
        sys.stderr.write(visible(f"{file}:{one.number}: not counted: {one.why}\n"))
    if broken * 100 > every * MOST_BROKEN:
        raise CommandError(
            f"{file}: {broken:,} of {every:,} lines are broken, more than {MOST_BROKEN} %, and a "
            "report on the rest would mislead: mend the file, or write it anew",
            Exit.FINDINGS,
        )
    numbers = tuple(one.number for one in cases.broken[:SHOWN])
    return (BrokenLines(file.name, broken, every, first=numbers),) if broken else ()


def _require_reach(asked: Applicants) -> None:
    require_extra("ray", "--on ray needs Ray")
    if asked.cases is not None:
        raise CommandError("--on ray takes no --cases: other machines do not have this file")
    address = parse_store_url(asked.store or load().store_url)
    if isinstance(address, SqliteFile):
        raise CommandError(
            f"--on ray needs a store on PostgreSQL: other machines do not have {address.path}"
        )


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int, int], None]]:
    if not sys.stderr.isatty():
        yield lambda _, __, ___: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(what),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    began = monotonic()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None, rate="")

        def show(done: int, every: int, decisions: int) -> None:
            rate = f"{decisions:,} decisions, {decisions / (monotonic() - began):,.0f} a second"
            bar.update(task, completed=done, total=every, rate=rate)

        yield show


def compared_rules(
    folder: Path,
    name: str,
    other: str,
    figures: Mapping[str, str],
    points: Sequence[Mapping[str, str]],
) -> ComparedRules:
    rules = LoadedRules.read(folder)
    try:
        product = rules.rulebook.product(name)
    except ProductUnknown as error:
        raise CommandError(str(error)) from None
    base = rules.named(product.champion)
    changed = find_version(other, folder) if other else base
    if changed.ruleset.ruleset != name:
        raise CommandError(
            f"{other} is a version of {changed.ruleset.ruleset}, not of {name}: compare like with "
            "like"
        )
    return compared(product, base, changed, figures=figures, points=points, texts=rules.texts)
