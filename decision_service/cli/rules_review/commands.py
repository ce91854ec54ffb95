"""`rules` with `rules review`, which needs more than the rules themselves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.numbers import whole
from decision_service.cli.proofs.commands import prove
from decision_service.cli.rules.commands import commands
from decision_service.cli.rules.diff.proofs import ProveOption
from decision_service.cli.rules.folder import DEFAULT_PATH
from decision_service.domain.errors import visible

commands.command()(prove)


@commands.command()
def review(
    old: Annotated[str, typer.Argument(metavar="OLD", help="a git revision, or a folder")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="the one to review")],
    rules: Annotated[
        Path, typer.Option("--rules", help="the rules folder within a revision")
    ] = DEFAULT_PATH,
    cases: Annotated[
        Path | None,
        typer.Option("--cases", help="JSON lines or Parquet of `decisions export`"),
    ] = None,
    by: Annotated[str, typer.Option("--by", help="as backtest takes it")] = "",
    fail_if: Annotated[
        list[str] | None,
        typer.Option("--fail-if", help="a finding when met, as 'approve_change < -0.05'"),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="warnings are findings")] = False,
    fail_under: Annotated[
        int, whole("least coverage of tests in percent", "--fail-under", most=100)
    ] = 0,
    fail_under_figures: Annotated[
        int, whole("least share of noticed changes", "--fail-under-figures", most=100)
    ] = 0,
    prove_changes: ProveOption = False,
    jobs: Annotated[int, whole("processes", "--jobs", least=1, most=64)] = 2,
    out: Annotated[
        Path | None, typer.Option("--out", help="a file for the comment, else stdout")
    ] = None,
) -> None:
    """Compare two states of the rules in one comment.

    Check, tests, figures, differences and impact. Exit code 1 with findings.
    """
    from decision_service.cli.backtest.findings import conditions
    from decision_service.cli.backtest.options import dimensions
    from decision_service.cli.rules_review.impact import ReviewedCases
    from decision_service.cli.rules_review.review import Wanted, reviewed

    divided = dimensions(by)
    file = None if cases is None else ReviewedCases(cases, divided, conditions(fail_if or ()), jobs)
    if file is None and (by or fail_if):
        raise CommandError("--by and --fail-if are about applicants: give --cases", Exit.USAGE)
    if file is not None:
        _require_readable(file.path)
    told = reviewed(
        old, new, rules, Wanted(file, strict, fail_under, fail_under_figures, prove_changes)
    )
    _write(told.text, out)
    if told.findings:
        raise typer.Exit(Exit.FINDINGS)


def _require_readable(cases: Path) -> None:
    """Also where nothing changed that would be judged on them."""
    try:
        cases.open("rb").close()
    except OSError as error:
        raise CommandError(f"{cases} cannot be read ({error.strerror})", Exit.USAGE) from None


def _write(text: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(visible(text))
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(
            f"--out {out} cannot be written ({error.strerror})", Exit.USAGE
        ) from None
