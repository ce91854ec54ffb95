"""`config`: what is set, from where, whether `serve` could use it, and a file to begin with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from decision_service.cli.display.generated import print_or_check
from decision_service.cli.display.output import Format, FormatOption, print_json
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.server.config.files import file_problems
from decision_service.cli.server.options import ConfigOption
from decision_service.config import Reading, SampleForm, read, sample
from decision_service.domain.errors import visible

commands = typer.Typer(help="See what is set, and get a sample file.", no_args_is_help=True)


@commands.command()
def check(config: ConfigOption = None, form: FormatOption = Format.TABLE) -> None:
    """List every setting with its value and its source.

    Secrets are left out. Exit code 2 on a problem.
    """
    reading = read(config)
    problems = (*reading.problems, *file_problems(reading))
    if form is Format.JSON:
        print_json(_document(reading, problems))
    else:
        _print(reading)
    if problems:
        first, *others = problems
        raise CommandError(first, Exit.USAGE, tuple(others))


@commands.command("sample")
def sample_(
    form: Annotated[
        SampleForm, typer.Option("--format", help="yaml for --config, env for the environment")
    ] = SampleForm.YAML,
    check_: Annotated[
        Path | None,
        typer.Option("--check", metavar="FILE", help="exit code 1 where FILE is not the sample"),
    ] = None,
) -> None:
    """Print a commented file of all settings.

    With their defaults, none of them set.
    """
    print_or_check(
        sample(form),
        check_,
        "the sample that the settings give",
        f"decision-service config sample --format {form}",
    )


def _document(reading: Reading, problems: tuple[str, ...]) -> dict[str, Any]:
    lines = [{"name": one.name, "value": one.value, "from": one.where} for one in reading.lines()]
    return {"settings": lines, "problems": list(problems)}


def _print(reading: Reading) -> None:
    """A setting a line, in columns that fold no path."""
    rows = [(line.name, line.value or "–", line.where) for line in reading.lines()]
    first, second = (max(len(row[place]) for row in rows) for place in (0, 1))
    for name, value, where in rows:
        sys.stdout.write(visible(f"{name:<{first}}  {value:<{second}}  {where}\n"))
