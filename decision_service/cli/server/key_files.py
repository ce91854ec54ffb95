"""What the commands of both kinds of key files share: `add`, `list`, and reading what is given."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.server.options import ConfigOption
from decision_service.config import Settings, load
from decision_service.domain.errors import StoreError, visible
from decision_service.pipeline.history.keys import KEY_ID_BYTES
from decision_service.storage.privacy.key_files import KeyFile

FileOption = Annotated[
    Path | None, typer.Option("--file", help="the file, instead of the configured one")
]
KeyArgument = Annotated[
    str, typer.Argument(metavar="KEY", help="the id of a key, as `list` prints it")
]
Configured = Callable[[Settings], Path | None]
"""The file that the settings name; None where there is none."""


def file_commands(keys: KeyFile[Any], configured: Configured, about: str) -> typer.Typer:
    """A group of commands with `add` and `list`."""
    commands = typer.Typer(help=about, no_args_is_help=True)

    @commands.command()
    def add(config: ConfigOption = None, file: FileOption = None) -> None:
        """Put a new key first in the file.

        The file is made where there is none.
        """
        path = file or required(keys, configured(load(config)))
        with refusals():
            key = keys.add(path)
        sys.stdout.write(visible(f"{path} has the new key {key.id.hex()}\n"))
        sys.stderr.write("Copy the file to every machine, then start each process again.\n")

    @commands.command("list")
    def list_(config: ConfigOption = None, file: FileOption = None) -> None:
        """Print the ids of the keys, the newest first.

        An id is no secret.
        """
        path = file or required(keys, configured(load(config)))
        with refusals():
            found = keys.read(path)
        sys.stdout.writelines(f"{key.id.hex()}\n" for key in found)

    return commands


def required(keys: KeyFile[Any], path: Path | None) -> Path:
    """The file; raises CommandError where none is named."""
    if path is None:
        raise CommandError(f"set {keys.setting}, or name a file by --file", Exit.USAGE)
    return path


@contextmanager
def refusals() -> Iterator[None]:
    """Refusals of a key file as CommandErrors."""
    try:
        yield
    except StoreError as error:
        raise CommandError(error.message, Exit.USAGE) from None


def key_id(text: str) -> bytes:
    """The id of a key; raises CommandError."""
    try:
        given = bytes.fromhex(text)
    except ValueError:
        given = b""
    if len(given) != KEY_ID_BYTES:
        message = f"{text!r} is no id of a key: give the {2 * KEY_ID_BYTES} digits of `list`"
        raise CommandError(message, Exit.USAGE)
    return given
