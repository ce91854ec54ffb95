"""Every command by its words, in the groups of the first page of help: `commands.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

CONNECTION = (
    "Connection: --profile, --address, --tls-ca, --tls-cert, --tls-key and --token-file, which "
    "`decision-service health --help` explains."
)


@dataclass(frozen=True, slots=True)
class Command:
    """A command that is a function; the head of `commands.toml` says what its fields are."""

    about: str
    target: str
    options: Sequence[str] = ()
    more: str = ""


@dataclass(frozen=True, slots=True)
class Rpc:
    """A command that calls a server; the head of `commands.toml` says what its fields are."""

    about: str
    method: str = ""
    argument: str = ""
    without: Sequence[str] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)
    findings: Sequence[str] = ()
    by: str = ""
    more: str = ""
    shows_connection: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    about: str
    commands: Mapping[str, Command | Rpc | Group]


def _rows(given: Mapping[str, Any]) -> Mapping[str, Command | Rpc | Group]:
    return {name: _row(row) for name, row in given.items() if name != "about"}


def _row(given: Mapping[str, Any]) -> Command | Rpc | Group:
    if given.keys() & {"target", "method", "by"}:
        return Command(**given) if "target" in given else Rpc(**given)
    return Group(given["about"], _rows(given))


_FILE = Path(__file__).with_name("commands.toml")
GROUPS = {
    name: _rows(rows) for name, rows in tomllib.loads(_FILE.read_text(encoding="utf-8")).items()
}
COMMANDS = {name: each for group in GROUPS.values() for name, each in group.items()}


def named(target: str) -> Any:
    """What a name such as `cli.views:print_review` is of."""
    module, _, name = target.partition(":")
    return getattr(import_module(f"decision_service.{module}"), name)
