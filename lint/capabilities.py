"""How many things the product can do: what a person has to learn, and what has to be kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from decision_service.cli.main import PROGRAM
from decision_service.cli.table import COMMANDS
from decision_service.factors.registry import catalogue
from decision_service.rollout.keys import PLAN, THE_DESK, schema_of
from decision_service.rollout.model import Metric
from decision_service.rules import schema
from decision_service.rules.keys import SECTIONS
from decision_service.runtime.settings import Settings

CONNECTION = frozenset({"profile", "address", "tls_ca", "tls_cert", "tls_key", "token_file"})
"""Options that all commands with a server share: they are learned once, and counted once."""

_RPC = re.compile(r"^ *rpc ", re.MULTILINE)
_CODE = re.compile(r"^\| [A-Z]\d+ \|", re.MULTILINE)


def capabilities(root: Path) -> dict[str, int]:
    """Each kind with its number; codes are those of docs/codes.md, which a test holds complete."""
    commands = list(_commands())
    options = len(CONNECTION)
    for command in commands:
        own = [one for one in command.params if one.param_type_name == "option"]
        options += len([one for one in own if one.name not in CONNECTION])
    protos = [path.read_text(encoding="utf-8") for path in (root / "protos").rglob("*.proto")]
    return {
        "rpcs": sum(len(_RPC.findall(text)) for text in protos),
        "commands": len(commands),
        "options": options,
        "settings": len(Settings.model_fields),
        "codes": len(_CODE.findall((root / "docs" / "codes.md").read_text(encoding="utf-8"))),
        "language_words": len(language_words()),
        "factors": len(catalogue()),
    }


def language_words() -> set[str]:
    """The keys of all maps that a risk team writes; a word in several maps is one to learn."""
    schemas: list[Any] = [section.schema for section in SECTIONS]
    schemas += [schema_of(PLAN), schema_of(THE_DESK), schema.tests_schema(catalogue())]
    words: set[str] = set()
    for one in schemas:
        words.update(_words(json.loads(json.dumps(one))))
    return words - {*Metric}


def _words(form: object) -> Iterator[str]:
    """Keys in a schema, but for the names of factors."""
    if isinstance(form, list):
        for one in form:
            yield from _words(one)
    if isinstance(form, dict):
        if form.get("title", "factors") != "factors":
            yield from form.get("properties", ())
        for one in form.values():
            yield from _words(one)


def _commands() -> Iterator[Any]:
    top: Any = get_command(PROGRAM)
    for name in COMMANDS:
        yield from _below(top, name)


def _below(group: Any, name: str) -> Iterator[Any]:
    found = group.get_command(None, name)
    if not isinstance(found, TyperGroup):
        yield found
        return
    # Typer's own type of a group wants a context, and the program's groups need none
    commands: Any = found
    for one in commands.list_commands(None):
        yield from _below(found, one)
