"""The command line: every command, and the one place where its errors become exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from decision_service import __version__
from decision_service.cli import (
    applicants,
    decide,
    decisions,
    demo,
    health,
    migrate,
    people,
    preflight,
    rollout,
    rules,
    serve,
    simulator,
    tokens,
    webhooks,
)
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.output import print_error
from decision_service.config import ConfigError

app = typer.Typer(
    name="decision-service",
    help="Decides credit applications from verified income data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(serve.serve)
app.command()(people.people)
app.command()(decide.decide)
app.add_typer(decisions.commands, name="decisions")
app.add_typer(rules.commands, name="rules")
app.add_typer(applicants.commands, name="applicants")
app.add_typer(tokens.commands, name="tokens")
app.add_typer(webhooks.commands, name="webhooks")
app.command()(preflight.preflight)
app.add_typer(rollout.commands, name="rollout")
app.command()(simulator.simulator)
app.command()(demo.demo)
app.command()(health.health)
app.command()(migrate.migrate)


@app.command()
def version() -> None:
    """Print the version."""
    sys.stdout.write(f"decision-service {__version__}\n")


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="show tracebacks")] = False,
) -> None:
    del debug  # `run` reads it, since it must know before anything is parsed


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code: 0 done, 1 findings, 2 usage, 3 server."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; errors are sentences on stderr."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments[:1] == ["--debug"]:
        return _code(app(args=arguments, standalone_mode=False))
    try:
        return _code(app(args=arguments, standalone_mode=False))
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
