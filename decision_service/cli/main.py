"""The command line: its own options, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from ctypes import ArgumentError
from itertools import takewhile
from typing import Annotated

import typer

from decision_service.cli.commands import CommandsByName
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.streams import flushed, prepare_streams, tell, unusable
from decision_service.config import PREFIX, ConfigError

NAME = "decision-service"
PROGRAM = typer.Typer(
    name=NAME,
    cls=CommandsByName,
    help="Decides credit applications from verified income data.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from decision_service.cli.server.version import version

        version()
        raise typer.Exit


@PROGRAM.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="show tracebacks of errors")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="print the version", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    del debug, version  # `run` reads --debug itself: it must know before anything is parsed


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code, one of `Exit`."""
    prepare_streams()
    arguments = sys.argv[1:] if arguments is None else arguments
    sys.exit(flushed(run(arguments)))


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; errors are sentences on stderr."""
    try:
        _check_text(arguments, os.environ)
        returned = PROGRAM(args=list(arguments), prog_name=NAME, standalone_mode=False)
    except OSError as error:
        return unusable(error)
    except typer.TyperException as error:
        said = error.format_message()
        if not said.startswith("Usage: "):  # the help of a group without a command
            said = " ".join(said.split()).replace(": Value error, ", ": ", 1)
        ended = CommandError(said, Exit.USAGE)
    except typer.Abort:
        ended = CommandError("nothing was done: the question got no yes", Exit.FINDINGS)
    except Exception as error:  # noqa: BLE001 - the one place that ends the program
        ended = _ended(error)
        if "--debug" in takewhile(lambda word: word.startswith("-"), arguments):
            traceback.print_exception(error)
    else:
        return _code(returned)
    tell(ended)
    return ended.code


def _ended(error: Exception) -> CommandError:
    """What a command says that could not go on."""
    if isinstance(error, CommandError):
        return error
    if isinstance(error, ConfigError):
        return CommandError(str(error), Exit.USAGE)
    if isinstance(error, ArgumentError) and "KeyboardInterrupt" in str(error):
        return CommandError("interrupted", Exit.INTERRUPTED)  # Ctrl-C in a call of the solver
    return CommandError(
        f"{NAME} failed by a fault of its own ({type(error).__name__}): run it again as "
        f"`{NAME} --debug …` and report what it prints",
        Exit.OWN_FAULT,
    )


def _check_text(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Refuse bytes that are not UTF-8, which no command can use."""
    own = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
    words = {f"argument {place}": word for place, word in enumerate(arguments, 1)} | own
    for name, word in words.items():
        if not word.isascii() and word.encode("utf-8", "replace") != word.encode(
            "utf-8", "surrogateescape"
        ):
            shown = word.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            raise CommandError(f"{name} is not UTF-8: {shown}", Exit.USAGE)


def _code(returned: object) -> int:
    if returned == Exit.INTERRUPTED:
        tell(CommandError("interrupted", Exit.INTERRUPTED))
    return returned if isinstance(returned, int) else Exit.DONE
