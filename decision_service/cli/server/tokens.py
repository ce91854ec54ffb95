"""`tokens`: make a caller's token, and check the file that holds the callers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from decision_service.cli.errors import CommandError, Exit
from decision_service.domain.errors import visible
from decision_service.edge.rpc.access import Role
from decision_service.edge.rpc.authenticator import UNREADABLE, read_callers_file
from decision_service.edge.rpc.callers import NAME, new_token, token_hash
from decision_service.language.diagnostics import count, render

commands = typer.Typer(help="Make and check callers' tokens.", no_args_is_help=True)
_ROLES = f"may be repeated: {', '.join(Role)}"
_ROLES_NEEDED = "name at least one --role: " + ", ".join(Role)


@commands.command()
def new(
    caller: Annotated[str, typer.Argument(metavar="CALLER", help="a caller's name")],
    role: Annotated[list[Role] | None, typer.Option("--role", metavar="ROLE", help=_ROLES)] = None,
) -> None:
    """Print a fresh token, once, and its callers-file line.

    The line of the callers file lets the token in.
    """
    if not NAME.fullmatch(caller):
        raise CommandError(
            f"{caller!r} is no caller's name: use 1 to 64 lower-case letters, digits, ., _ and -",
            Exit.USAGE,
        )
    if not role:
        raise CommandError(_ROLES_NEEDED, Exit.USAGE)
    token = new_token()
    roles = ", ".join(dict.fromkeys(role))
    sys.stderr.write("The token is shown this once; keep it as a secret:\n")
    sys.stdout.write(f"{token}\n")
    sys.stderr.write("Below `callers:` in DECISION_AUTH_TOKENS_FILE, for a new caller:\n")
    sys.stderr.write(f'  {caller}: {{roles: [{roles}], tokens: ["{token_hash(token)}"]}}\n')


@commands.command()
def check(file: Annotated[Path, typer.Argument(metavar="FILE", help="the callers file")]) -> None:
    """Check a callers file; exit code 1 when it has mistakes."""
    reading = read_callers_file(file)
    if reading.callers is None:
        lines = tuple(map(render, reading.diagnostics))
        unread = any(diagnostic.code == UNREADABLE for diagnostic in reading.diagnostics)
        code = Exit.USAGE if unread else Exit.FINDINGS
        raise CommandError(f"{file}: {count(reading.diagnostics)}", code, lines)
    sys.stdout.write(visible(f"{file} is in order\n"))
