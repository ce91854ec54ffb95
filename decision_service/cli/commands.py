"""The commands by name, each imported when it is named: all together take a second to import."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from decision_service.cli.errors import CommandError, Exit

COMMANDS = {
    "serve": "server.serve",
    "init": "server.init",
    "people": "sandbox.people",
    "decide": "decisions.decide",
    "decisions": "decisions.commands",
    "reviews": "reviews.commands",
    "rules": "rules_diff",
    "applicants": "applicants.commands",
    "tokens": "server.tokens",
    "webhooks": "server.webhooks",
    "preflight": "server.preflight.command",
    "rollout": "rollout.commands",
    "backtest": "backtest.backtest",
    "simulator": "sandbox.simulator",
    "demo": "sandbox.demo",
    "health": "server.health",
    "migrate": "server.migrate",
    "identity-keys": "server.identity_keys",
    "data-keys": "server.data_keys",
    "config": "server.config.commands",
    "version": "server.version",
}
"""By name the module, which has a function of that name or, as `commands`, a group."""

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
    """The group of all commands."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command; None where there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        made = typer.Typer(add_completion=False, rich_markup_mode=None, callback=_no_options)
        module = import_module(f"decision_service.cli.{COMMANDS[cmd_name]}")
        if hasattr(module, "commands"):
            made.add_typer(module.commands, name=cmd_name)
        else:
            made.command(cmd_name)(getattr(module, cmd_name))
        group = get_command(made)
        assert isinstance(group, TyperGroup)  # noqa: S101 - it has a callback
        return group.get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the words name; a name near to it is told where there is none."""
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
