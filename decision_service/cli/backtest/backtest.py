"""`backtest`: the command."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated

import typer
from msgspec import UNSET
from msgspec.structs import replace

from decision_service.cli.backtest.findings import conditions, require_fit
from decision_service.cli.backtest.local.rules import compared_rules
from decision_service.cli.backtest.local.run import LocalBacktest, answered, require_possible
from decision_service.cli.backtest.local.sources import SourceNames
from decision_service.cli.backtest.local.workers import Workers
from decision_service.cli.backtest.output import ReportFormat, show_report
from decision_service.cli.backtest.sweep import assignments, sweep_points
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.numbers import whole
from decision_service.cli.rules.diff.proofs import ProveOption, proved
from decision_service.impact.proofs import Proofs
from decision_service.language.yaml.readers import parse_day
from decision_service.pipeline.backtest.compared import ComparedRules
from decision_service.pipeline.backtest.margins import margin_points
from decision_service.pipeline.backtest.ports import KeyRange
from decision_service.pipeline.backtest.rules import BacktestOrder


def backtest(
    product: Annotated[
        str, typer.Argument(metavar="PRODUCT", help="the product, such as personal-loan-ph")
    ],
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
        str,
        typer.Option(
            "--by",
            help="band, provider, amount, inputs.NAME, a factor; a number with cut points as "
            "x:10,20",
        ),
    ] = "",
    sample: Annotated[
        int | None, whole("about so many applicants, else all", "--sample", least=1)
    ] = None,
    seed: Annotated[int, whole("which sample", "--seed")] = 0,
    store: Annotated[str, typer.Option("--store", help="the store, else DECISION_STORE_URL")] = "",
    cases: Annotated[
        Path | None,
        typer.Option("--cases", help="JSON lines or Parquet of `decisions export`, no store"),
    ] = None,
    rules: Annotated[Path, typer.Option("--rules", help="the rules folder")] = Path("rules"),
    jobs: Annotated[
        int | None,
        whole(
            "workers at a time, else 2 processes, or all of a cluster", "--jobs", least=1, most=64
        ),
    ] = None,
    on: Annotated[
        Workers, typer.Option("--on", help="who judges; ray: the cluster at RAY_ADDRESS")
    ] = Workers.PROCESSES,
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
    prove: ProveOption = False,
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
        dimensions(by),
        seed=seed,
        points=tuple(points),
        margins=margin_points(compared.margins),
    )
    require_possible(order, compared)
    window = _window(since, until, compared)
    question = LocalBacktest(compared, order, window, sample or 0, jobs, on)
    proofs = _proofs(compared, order.params_as_of) if prove else UNSET
    report = replace(answered(question, SourceNames(store, cases)), proofs=proofs)
    show_report(report, form, out)
    require_fit(report, asked)


def dimensions(by: str) -> tuple[str, ...]:
    """The names of `--by`, each with its cut points: a number belongs to the name before it."""
    found: list[str] = []
    for word in by.split(","):
        if found and ":" in found[-1] and not word[:1].isalpha():
            found[-1] += f",{word}"
        elif word:
            found.append(word)
    return tuple(found)


def _window(since: str, until: str, compared: ComparedRules) -> KeyRange:
    zone = compared.product.champion.zone
    first = _day(since, "--from") or date(1971, 1, 1)
    last = _day(until, "--to") or datetime.now(UTC).astimezone(zone).date()
    if last < first:
        raise CommandError(f"--to {last} is before --from {first}", Exit.USAGE)
    edges = (first, last + timedelta(days=1))
    return KeyRange(*(datetime.combine(day, time(), zone) for day in edges))


def _proofs(compared: ComparedRules, since: date | None) -> Proofs:
    champion, changed = compared.product.champion, compared.changed
    if changed.digest == champion.digest:
        raise CommandError(
            f"--prove has one version, v{champion.version} as it is: change it with --with or "
            "--set",
            Exit.USAGE,
        )
    return proved(champion, changed, since, compared.name)


def _day(text: str, option: str) -> date | None:
    if not text:
        return None
    found = parse_day(text)
    if found is None:
        raise CommandError(f"{option} is {text}: write a day as 2026-10-31", Exit.USAGE)
    return found
