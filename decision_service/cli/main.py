"""The command line: its commands by name, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from ctypes import ArgumentError
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from inspect import getdoc
from itertools import takewhile
from operator import ne
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from decision_service.cli.options import OPTIONS, with_options
from decision_service.cli.output import (
    CommandError,
    Exit,
    flushed,
    prepare_streams,
    print_error,
    unusable,
)
from decision_service.cli.table import CONNECTION, GROUPS, Command, Group, Rpc, named
from decision_service.domain.errors import Unfit
from decision_service.runtime import gone

NAME = "decision-service"
_NEAR = 0.75
"""How alike an option must be to be guessed: --reason is not meant by --json."""


class LazyGroup(TyperGroup):
    """Commands of the table, each imported when it is named; `table` is set by the group's name."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.table: Mapping[str, Mapping[str, Command | Rpc | Group]] = GROUPS

    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return [name for commands in self.table.values() for name in commands]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        del ctx
        row = next((rows[cmd_name] for rows in self.table.values() if cmd_name in rows), None)
        if row is None:
            return None
        if isinstance(row, Group):
            made = get_command(_group(cmd_name, row.about))
            assert isinstance(made, LazyGroup)  # noqa: S101 - it has the class
            made.table = {"Commands": row.commands}
            return made
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(cmd_name, help=_help(row), epilog=_epilog(row))(_function(row))
        return get_command(single)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The commands, then the options; of those about completion the one that installs it."""
        self.format_commands(ctx, formatter)
        shown = [one for one in self.get_params(ctx) if one.name != "show_completion"]
        with formatter.section("Options"):
            formatter.write_dl([row for one in shown if (row := one.get_help_record(ctx))])

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        del ctx
        width = max(map(len, self.list_commands(None)))
        for heading, rows in self.table.items():
            with formatter.section(heading):
                formatter.write_dl([(f"{n:<{width}}", row.about) for n, row in rows.items()])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        known = self.list_commands(ctx)
        if args[0] not in known:
            name = " ".join([*_words(ctx), args[0]])
            if name in gone.COMMANDS:
                raise CommandError(f"there is no command {name} any more: {gone.COMMANDS[name]}")
            near = get_close_matches(args[0], known, n=1)
            hint = f"did you mean {near[0]}?" if near else "--help lists them all"
            raise CommandError(f"there is no command {name}: {hint}")
        return super().resolve_command(ctx, args)


def _words(ctx: Any) -> list[str]:
    """The names of the groups below the program that lead to a context."""
    return [] if ctx.parent is None else [*_words(ctx.parent), ctx.info_name]


def _function(row: Command | Rpc) -> Any:
    if isinstance(row, Rpc):
        return import_module("decision_service.cli.calls").command_of(row)
    if not row.options:
        return named(row.target)

    def run(**given: Any) -> Any:
        return named(row.target)(**given)

    return with_options(run, [OPTIONS[name] for name in row.options])


def _help(row: Command | Rpc) -> str:
    more = row.more
    if isinstance(row, Command) and not row.options:
        more = getdoc(named(row.target)) or ""
    return f"{row.about}\n\n{more}".strip()


def _epilog(row: Command | Rpc) -> str | None:
    return CONNECTION if isinstance(row, Rpc) and not row.shows_connection else None


def _no_options() -> None:
    """With it a Typer without commands of its own is a group."""


def _group(name: str, about: str) -> typer.Typer:
    return typer.Typer(
        name=name,
        cls=LazyGroup,
        help=about,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        add_completion=name == NAME,
        callback=_no_options,
    )


PROGRAM = _group(NAME, "Decides credit applications from verified income data.")


def _print_version(wanted: bool) -> None:
    if not wanted:
        return
    from decision_service.build import engine_version

    sys.stdout.write(f"decision-service {engine_version()}\n")
    raise typer.Exit


@PROGRAM.callback()
def _options(
    debug: Annotated[
        bool, typer.Option("--debug", help="show details of errors; anywhere")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="print the version", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    del debug, version  # `run` reads --debug itself: it must know before anything is parsed


def main(arguments: Sequence[str] | None = None) -> None:
    prepare_streams()
    arguments = sys.argv[1:] if arguments is None else arguments
    sys.exit(flushed(run(arguments)))


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; errors are sentences on stderr."""
    words = [*takewhile(partial(ne, "--"), arguments)]
    debug = "--debug" in words
    plain = [word for word in words if word != "--debug"] + [*arguments][len(words) :]
    try:
        _check_text(arguments, os.environ)
        returned = PROGRAM(args=plain, prog_name=NAME, standalone_mode=False)
    except OSError as error:
        return unusable(error)
    except typer.TyperException as error:
        said = error.format_message()
        if not said.startswith("Usage: "):  # the help of a group without a command
            said = " ".join(said.split()).replace(": Value error, ", ": ", 1)
            said = _guessed(said, error)
        ended = CommandError(said)
    except typer.Abort:
        ended = CommandError("nothing was done: the question was not answered yes", Exit.FINDINGS)
    except Exception as error:  # noqa: BLE001 - the one place that ends the program
        ended = _ended(error)
        if debug and ended.code == Exit.OWN_FAULT:
            traceback.print_exception(error)
    else:
        if returned == Exit.INTERRUPTED:
            print_error(CommandError("interrupted", Exit.INTERRUPTED))
        return returned if isinstance(returned, int) else Exit.DONE
    print_error(ended, details=debug)
    return ended.code


_MEANT = {
    "--json": ("--format", "--format json"),
    "--since": ("--from", "--from"),
    "--to": ("--before", "--before"),
    "--until": ("--before", "--before"),
}
"""Options of other programs: what the command must have, and what is meant by them."""


def _guessed(said: str, error: typer.TyperException) -> str:
    """The sentence about an option or a value that there is not, with what may be meant by it."""
    unknown = re.match(r"No such option: (--?[^ :]+)", said)
    context: Any = getattr(error, "ctx", None)
    value = re.match(r"Invalid value for '(--?[^ :']+)': '([^']*)'", said)
    if value is not None and context is not None:
        given = f"{value[1]} {value[2]}"
        instead = gone.OPTIONS.get(" ".join([*_words(context), given]))
        if instead is not None:
            return f"there is no {given} any more: {instead}"
    if unknown is None or context is None:
        return re.sub(r" \(Possible options: ([^,)]*).*\)$", r": did you mean \1?", said)
    name = unknown[1]
    words = " ".join([*_words(context), name])
    if words in gone.OPTIONS:
        return f"there is no option {name} any more: {gone.OPTIONS[words]}"
    known = [one for param in context.command.get_params(context) for one in param.opts]
    needed, meant = _MEANT.get(name, ("", ""))
    longer = [one for one in known if len(name) > len("--to") and one.startswith(name)]
    near = [meant] if needed in known else longer or get_close_matches(name, known, 1, _NEAR)
    hint = f"did you mean {near[0]}?" if near else "--help lists all"
    return f"No such option: {name}: {hint}"


def _ended(error: Exception) -> CommandError:
    if isinstance(error, CommandError):
        return error
    from decision_service.runtime.settings import ConfigError  # with pydantic it is slow to import

    if isinstance(error, ConfigError | Unfit):
        return CommandError(str(error))
    if isinstance(error, ArgumentError) and "KeyboardInterrupt" in str(error):
        return CommandError("interrupted", Exit.INTERRUPTED)  # Ctrl-C in a call of the solver
    return CommandError(
        f"{NAME} failed by a fault of its own ({type(error).__name__}): run it again with --debug "
        "and report what it prints",
        Exit.OWN_FAULT,
    )


def _check_text(arguments: Sequence[str], environ: Mapping[str, str]) -> None:
    """Refuse bytes that are not UTF-8, which no command can use."""
    own = {name: value for name, value in environ.items() if name.startswith("DECISION_")}
    words = {f"argument {place}": word for place, word in enumerate(arguments, 1)} | own
    for name, word in words.items():
        if not word.isascii() and word.encode("utf-8", "replace") != word.encode(
            "utf-8", "surrogateescape"
        ):
            shown = word.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            raise CommandError(f"{name} is not UTF-8: {shown}")
