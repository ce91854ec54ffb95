"""The command line: every command, and the one place where its errors become exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from decision_service.build import engine_version
from decision_service.cli.display.output import print_error
from decision_service.cli.errors import CommandError, Exit
from decision_service.config import ConfigError

COMMANDS = {
    "serve": "server.serve",
    "init": "server.init",
    "people": "sandbox.people",
    "decide": "decisions.decide",
    "decisions": "decisions.commands",
    "rules": "rules.commands",
    "applicants": "applicants.commands",
    "tokens": "server.tokens",
    "webhooks": "server.webhooks",
    "preflight": "server.preflight.command",
    "rollout": "rollout.commands",
    "backtest": "backtest.backtest",
    "simulator": "sandbox.simulator",
    "demo": "sandbox.demo",
    "rehearse": "sandbox.rehearse",
    "health": "server.health",
    "migrate": "server.migrate",
    "identity-keys": "server.identity_keys",
    "data-keys": "server.data_keys",
    "config": "server.config.commands",
}
"""By name the module, which has a function of that name or, as `commands`, a group."""


def version() -> None:
    """Print the version, with the commit."""
    sys.stdout.write(f"decision-service {engine_version()}\n")


def _options(
    debug: Annotated[bool, typer.Option("--debug", help="show tracebacks")] = False,
) -> None:
    del debug  # `run` reads it, since it must know before anything is parsed


def _program(arguments: Sequence[str]) -> typer.Typer:
    """The program with the command that is named, or with all of them where none is.

    Only what is needed is imported: all commands together take a second to import.
    """
    program = typer.Typer(
        name="decision-service",
        help="Decides credit applications from verified income data.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    program.callback()(_options)
    named = next((one for one in arguments if not one.startswith("-")), "")
    for name in (named,) if named in COMMANDS else () if named == "version" else COMMANDS:
        module = import_module(f"decision_service.cli.{COMMANDS[name]}")
        if hasattr(module, "commands"):
            program.add_typer(module.commands, name=name)
        else:
            program.command()(getattr(module, name))
    program.command()(version)
    return program


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code: 0 done, 1 findings, 2 usage, 3 server."""
    arguments = sys.argv[1:] if arguments is None else arguments
    sys.exit(run(arguments))


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; errors are sentences on stderr."""
    program = _program(arguments)
    if list(arguments[:1]) == ["--debug"]:
        return _code(program(args=arguments, standalone_mode=False))
    try:
        return _code(program(args=arguments, standalone_mode=False))
    except CommandError as error:
        print_error(error)
        return error.code
    except ConfigError as error:
        print_error(CommandError(str(error), Exit.USAGE))
        return Exit.USAGE
    except typer.TyperException as error:
        print_error(CommandError(error.format_message(), Exit.USAGE))
        return Exit.USAGE
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        _silence_stdout()
        return Exit.DONE


def _code(returned: object) -> int:
    return returned if isinstance(returned, int) else Exit.DONE


def _silence_stdout() -> None:
    """The reader of a pipe has left: nothing more can be said, and nothing is wrong."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
