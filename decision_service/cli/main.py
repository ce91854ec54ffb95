"""The command line: its commands by name, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from ctypes import ArgumentError
from difflib import get_close_matches
from importlib import import_module
from itertools import takewhile
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from decision_service.build import engine_version
from decision_service.cli.output import CommandError, Exit, flushed, prepare_streams, tell, unusable
from decision_service.runtime.settings import PREFIX, ConfigError

COMMANDS = {
    "serve": "cli.serve:serve",
    "init": "cli.init:init",
    "people": "standin.commands:people",
    "decide": "cli.decisions:decide",
    "decisions": "cli.decisions:commands",
    "reviews": "cli.reviews:commands",
    "rules": "workbench.commands.rules:commands",
    "applicants": "cli.applicants:commands",
    "tokens": "cli.init:commands",
    "webhooks": "cli.webhooks:commands",
    "preflight": "workbench.commands.preflight:preflight",
    "rollout": "cli.rollout:commands",
    "backtest": "workbench.commands.backtest:backtest",
    "simulator": "standin.commands:simulator",
    "demo": "standin.demo:demo",
    "health": "cli.status:health",
    "migrate": "cli.serve:migrate",
    "identity-keys": "cli.keys:identity_key_commands",
    "data-keys": "cli.keys:data_key_commands",
    "config": "cli.config:commands",
    "version": "cli.main:version",
}
"""By name the module and what is in it: a function, or a group of commands."""

GONE = {
    "backtests": "use `backtest` on the store, a replica of it, or an exported file (`--cases`)",
    "rehearse": "run `serve` in sandbox mode beside `simulator`, with certificates of your own",
    "applicants export --format": "it writes JSON alone",
    "rules fmt": "let the editor's YAML extension lay files out, with the schemas in rules/_schema",
    "rules propose": "use `rules sign`",
    "rules approve": "use `rules sign --digest`, with the second caller's name and key",
    "rules verify --impact": "it reads the file that lies with the manifest",
    "rules verify --proofs": "it reads the file that lies with the manifest",
    "rules review": "use `rules diff` (--prove, --cases), `rules check` and `rules test`",
    "rollout --who": "the journal names the caller, by the token",
    "serve --workers": "start several `serve` with DECISION_REUSE_PORT=true",
    "backtest --outcomes": "report loans with `decisions outcomes`; store and export have them",
    "backtest --write-expect": "write the report's line `expect: …` under the challenger",
}
"""Commands and options that were removed, with what to use instead."""


class CommandsByName(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        made = typer.Typer(add_completion=False, rich_markup_mode=None, callback=_no_options)
        module, _, name = COMMANDS[cmd_name].partition(":")
        found = getattr(import_module(f"decision_service.{module}"), name)
        if isinstance(found, typer.Typer):
            made.add_typer(found, name=cmd_name)
        else:
            made.command(cmd_name)(found)
        group = get_command(made)
        assert isinstance(group, TyperGroup)  # noqa: S101 - it has a callback
        return group.get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        for name, instead in GONE.items():
            first, *more = name.split()
            options = [word.partition("=")[0] for word in args[1:] if word.startswith("-")]
            if args[0] == first and all(word in (*args[1:2], *options) for word in more):
                raise CommandError(f"there is no {name}: {instead}", Exit.USAGE)
        if args[0] not in COMMANDS:
            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean {near[0]}?" if near else "--help lists them all"
            raise CommandError(f"there is no command {args[0]}: {hint}", Exit.USAGE)
        return super().resolve_command(ctx, args)


def _no_options() -> None:
    """With it, a Typer of one command is a group that has the command."""


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
        if returned == Exit.INTERRUPTED:
            tell(CommandError("interrupted", Exit.INTERRUPTED))
        return returned if isinstance(returned, int) else Exit.DONE
    tell(ended)
    return ended.code


def _ended(error: Exception) -> CommandError:
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


def version() -> None:
    """Print the version, with the commit."""
    sys.stdout.write(f"decision-service {engine_version()}\n")
