"""`backtests`: runs of a running service."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape

from decision_service.api.v1 import backtest_service_pb2 as pb
from decision_service.cli.backtest.findings import conditions, require_fit
from decision_service.cli.backtest.options import (
    ByOption,
    FiguresOption,
    OtherOption,
    ParamsOption,
    ProductArgument,
    SeedOption,
    SinceOption,
    SweepOption,
    UntilOption,
    dimensions,
)
from decision_service.cli.backtest.output import ReportFormat, show_report
from decision_service.cli.backtest.progress import progress
from decision_service.cli.backtest.sweep import assignments, sweep_ranges
from decision_service.cli.client.calls import backtests, call
from decision_service.cli.client.options import ServerOptions, calls_server
from decision_service.cli.display.output import (
    Format,
    FormatOption,
    message_dict,
    print_json,
    print_table,
    table,
)
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.numbers import whole
from decision_service.cli.text_files import read_text
from decision_service.edge.rpc.mapping.enums import enum_name
from decision_service.impact.document import decoded
from decision_service.pipeline.backtest.sweep import FigureRange

WATCH_SECONDS = 1.0
_REFUSALS = frozenset({"BACKTEST_RUNNING", "BACKTEST_REFUSED"})
_ENDED = (pb.BACKTEST_STATE_DONE, pb.BACKTEST_STATE_CANCELLED, pb.BACKTEST_STATE_FAILED)

RunArgument = Annotated[
    str, typer.Argument(metavar="ID", help="the run, as `list` shows it; else the newest")
]

commands = typer.Typer(help="Runs of a running service.", no_args_is_help=True)


@commands.command()
@calls_server
def start(
    product: ProductArgument,
    other: OtherOption = "",
    figures: FiguresOption = None,
    sweep: SweepOption = None,
    since: SinceOption = "",
    until: UntilOption = "",
    params_as_of: ParamsOption = "",
    by: ByOption = "",
    sample: Annotated[int, whole("about so many applicants, else all", "--sample")] = 0,
    seed: SeedOption = 0,
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Start a run; `watch` and `result` show it.

    One at a time: another one is refused with the id of the one that runs, exit code 1.
    """
    request = pb.StartBacktestRequest(
        product=product,
        figures=assignments(figures or ()),
        sweeps=[_sweep(one) for one in sweep_ranges(sweep or ())],
        from_date=since,
        to_date=until,
        params_as_of=params_as_of,
        by=dimensions(by),
        sample_size=sample,
        seed=seed,
    )
    _name_other(request, other)
    with backtests(server) as stub:
        run = call(stub.StartBacktest, request, server, findings=_REFUSALS).backtest
    _show([run], form)


@commands.command("list")
@calls_server
def list_runs(form: FormatOption = Format.TABLE, *, server: ServerOptions) -> None:
    """List the last 20 runs, newest first."""
    with backtests(server) as stub:
        _show(_every(stub, server), form)


@commands.command()
@calls_server
def watch(
    run_id: RunArgument = "", form: FormatOption = Format.TABLE, *, server: ServerOptions
) -> None:
    """Wait until a run has ended.

    The exit code is 1 where it has no report.
    """
    with backtests(server) as stub, progress() as show:
        asked = pb.GetBacktestRequest(backtest_id=_named(stub, server, run_id))
        while (run := call(stub.GetBacktest, asked, server).backtest).state not in _ENDED:
            show(run.ranges_done, run.ranges_total, 0)
            time.sleep(WATCH_SECONDS)
    _show([run], form)
    if run.state != pb.BACKTEST_STATE_DONE:
        raise CommandError(run.problem or f"{run.backtest_id} was cancelled", Exit.FINDINGS)


@commands.command()
@calls_server
def result(
    run_id: RunArgument = "",
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
    *,
    server: ServerOptions,
) -> None:
    """Print the report of a run, as `backtest` does."""
    asked = conditions(fail_if or ())
    with backtests(server) as stub:
        request = pb.GetBacktestReportRequest(backtest_id=_named(stub, server, run_id))
        reply = call(stub.GetBacktestReport, request, server, findings=_REFUSALS)
    try:
        report = decoded(reply.report_json)
    except msgspec.MsgspecError:
        raise CommandError(
            "the report is of another version of this program: use the server's", Exit.SERVER
        ) from None
    show_report(report, form, out)
    require_fit(report, asked)


@commands.command()
@calls_server
def cancel(
    run_id: Annotated[str, typer.Argument(metavar="ID", help="the run, as `list` shows it")],
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """End a run; what it has done is thrown away."""
    with backtests(server) as stub:
        request = pb.CancelBacktestRequest(backtest_id=run_id)
        _show([call(stub.CancelBacktest, request, server).backtest], form)


def _name_other(request: pb.StartBacktestRequest, word: str) -> None:
    """Set a loaded version by number, or the text of a file; raises CommandError."""
    named, _, version = word.rpartition("@")
    number = version.removeprefix("v")
    if named == request.product and number.isdecimal() and len(number) <= 6:
        request.version = int(number)
    elif word:
        request.source = read_text(Path(word), f"name a file, or {request.product}@2")


def _sweep(one: FigureRange) -> pb.BacktestSweep:
    first, last, step = (f"{number:f}" for number in (one.first, one.last, one.step))
    return pb.BacktestSweep(figure=one.figure, first=first, last=last, step=step)


def _every(stub: Any, server: ServerOptions) -> list[pb.Backtest]:
    return list(call(stub.ListBacktests, pb.ListBacktestsRequest(), server).backtests)


def _named(stub: Any, server: ServerOptions, run_id: str) -> str:
    """The run that is named, else the newest; raises CommandError where there is none."""
    if run_id:
        return run_id
    runs = _every(stub, server)
    if not runs:
        raise CommandError("there is no run: `backtests start` begins one", Exit.FINDINGS)
    return runs[0].backtest_id


def _show(runs: list[pb.Backtest], form: Format) -> None:
    if form is Format.JSON:
        print_json({"backtests": [message_dict(run) for run in runs]})
        return
    rows = table("run", "product", "compares", "state", "done", "started by", "at")
    for run in runs:
        state = enum_name(pb.BacktestState.DESCRIPTOR, run.state)
        told = f"{state}: {escape(run.problem)}" if run.problem else state
        done = f"{run.ranges_done * 100 // max(run.ranges_total, 1)} %"
        began = f"{run.create_time.ToDatetime():%Y-%m-%d %H:%M} UTC"
        words = map(escape, (run.product, run.title))
        rows.add_row(run.backtest_id, *words, told, done, escape(run.who), began)
    print_table(rows)
