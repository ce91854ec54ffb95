"""`backtest`: the command."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from decision_service.build import engine_version
from decision_service.cli.backtest.findings import conditions, require_fit
from decision_service.cli.backtest.output import ReportFormat, show_report
from decision_service.cli.backtest.progress import progress
from decision_service.cli.backtest.rules import compared_rules
from decision_service.cli.backtest.sweep import assignments, sweep_points
from decision_service.cli.errors import CommandError, Exit
from decision_service.config import load
from decision_service.domain.errors import StoreError
from decision_service.impact.figures import ImpactReport
from decision_service.impact.report import report_of
from decision_service.impact.sums import TooManyCells
from decision_service.pipeline.backtest.cells import DimensionUnknown, require_dimensions
from decision_service.pipeline.backtest.compared import ComparedRules
from decision_service.pipeline.backtest.ports import KeyRange, WorkersKilled
from decision_service.pipeline.backtest.question import (
    FIRST_DAY,
    changes_nothing,
    share_of,
    subject_of,
    window_of,
)
from decision_service.pipeline.backtest.range import WHOLE
from decision_service.pipeline.backtest.rules import BacktestOrder
from decision_service.pipeline.backtest.run import divided, summed
from decision_service.pipeline.rollout.pairs.valueless import without_value
from decision_service.wiring.backtest import ProcessPartitions, WorkerOrder, look
from decision_service.wiring.keys import keys_to_read_with


def backtest(
    product: Annotated[str, typer.Argument(help="the product, such as personal-loan-ph")],
    other: Annotated[
        str, typer.Option("--with", help="a version's file, or product@2; else the champion")
    ] = "",
    figures: Annotated[
        list[str] | None,
        typer.Option("--set", help="a figure of it, as params.min_monthly_income=9000"),
    ] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option("--sweep", help="params.x=7000..12000/500; two make a grid"),
    ] = None,
    since: Annotated[str, typer.Option("--from", help="first day, YYYY-MM-DD")] = "",
    until: Annotated[str, typer.Option("--to", help="last day, YYYY-MM-DD")] = "",
    params_as_of: Annotated[
        str, typer.Option("--params-as-of", help="judge by the dated parameters of this day")
    ] = "",
    by: Annotated[
        str, typer.Option("--by", help="band, provider, amount, inputs.NAME; with commas")
    ] = "",
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="about so many applicants, else all")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="which sample")] = 0,
    store: Annotated[str, typer.Option("--store", help="the store, else STORE_URL")] = "",
    rules: Annotated[Path, typer.Option("--rules", help="the rules folder")] = Path("rules"),
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=64, help="processes")] = 2,
    form: Annotated[
        ReportFormat, typer.Option("--format", help="md, html, json or csv, on stdout")
    ] = ReportFormat.MD,
    out: Annotated[
        Path | None, typer.Option("--out", help="a folder that gets all four forms")
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option("--fail-if", help="exit 1 when met, as 'approve_change < -0.05'"),
    ] = None,
) -> None:
    """Say what other rules would have decided.

    For recorded applicants: whom, how much, and why.
    """
    asked = conditions(fail_if or ())
    points = sweep_points(sweep or ())
    compared = compared_rules(rules, product, other, assignments(figures or ()), points)
    order = BacktestOrder(
        product,
        compared.base,
        compared.other,
        compared.product.input_names,
        _day(params_as_of, "--params-as-of"),
        tuple(name for name in by.split(",") if name),
        seed=seed,
        points=tuple(points),
    )
    _require(order, compared)
    window = _window(since, until, compared)
    report = _run(compared, order, window, _source(store), sample, jobs)
    show_report(report, form, out)
    require_fit(report, asked)


class _Source(NamedTuple):
    """A store, and the file of its data keys, empty where there is none."""

    url: str
    keys: str


def _source(store: str) -> _Source:
    settings = load()
    url = store or settings.store_url
    try:
        return _Source(url, str(keys_to_read_with(settings, url) or ""))
    except StoreError as error:
        raise CommandError(str(error), Exit.USAGE) from None


def _run(
    compared: ComparedRules,
    order: BacktestOrder,
    window: KeyRange,
    source: _Source,
    sample: int | None,
    jobs: int,
) -> ImpactReport:
    try:
        looked = asyncio.run(look(source.url, source.keys, order.product, window))
        if looked is None:
            raise CommandError(
                f"the store has no decisions of {order.product} in this window: widen --from and "
                "--to, or name another --store",
                Exit.USAGE,
            )
        share, edges = share_of(sample, looked.decided), (looked.first, looked.last)
        order.share = int(share * WHOLE)
        workers = ProcessPartitions(WorkerOrder(source.url, looked.first, order, source.keys), jobs)
        with progress() as told:
            sums = summed(divided(*edges), workers, told)
    except (StoreError, TooManyCells, WorkersKilled) as error:
        raise CommandError(str(error), Exit.USAGE) from None
    return report_of(subject_of(compared, order, edges, share, engine_version()), sums)


def _require(order: BacktestOrder, compared: ComparedRules) -> None:
    if changes_nothing(order, compared):
        raise CommandError(
            f"both sides are v{compared.changed.version} as it stands: change something with "
            "--with, --set, --sweep or --params-as-of",
            Exit.USAGE,
        )
    if order.params_as_of and (told := without_value([compared.changed], order.params_as_of)):
        raise CommandError(f"--params-as-of {told}", Exit.USAGE)
    try:
        require_dimensions(order.by, compared.product.champion)
    except DimensionUnknown as error:
        raise CommandError(str(error), Exit.USAGE) from None


def _window(since: str, until: str, compared: ComparedRules) -> KeyRange:
    zone = compared.product.champion.zone
    first = _day(since, "--from") or FIRST_DAY
    last = _day(until, "--to") or datetime.now(UTC).astimezone(zone).date()
    if last < first:
        raise CommandError(f"--to {last} is before --from {first}", Exit.USAGE)
    return window_of(compared, first, last)


def _day(text: str, option: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text) if len(text) == 10 else _no_day(text, option)
    except ValueError:
        return _no_day(text, option)


def _no_day(text: str, option: str) -> date:
    raise CommandError(f"{option} is {text}: write a day as 2026-10-31", Exit.USAGE)
