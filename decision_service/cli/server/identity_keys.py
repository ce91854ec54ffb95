"""`identity-keys`: the secret keys by which accounts and persons are hashed."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.server.options import ConfigOption
from decision_service.config import Settings, load
from decision_service.domain.errors import StoreError
from decision_service.pipeline.history.keys import KEY_ID_BYTES
from decision_service.storage.engine import open_database
from decision_service.storage.errors import StoreRefused
from decision_service.storage.privacy.identity_keys import add_key, default_file, open_keys
from decision_service.storage.queries import history

commands = typer.Typer(help="Make, show and retire the keys of hashes.", no_args_is_help=True)
_File = Annotated[
    Path | None, typer.Option("--file", help="the file, instead of the configured one")
]


@commands.command()
def add(config: ConfigOption = None, file: _File = None) -> None:
    """Put a new key first in the file.

    The file is made where there is none.
    """
    path = _path(load(config), file)
    try:
        key = add_key(path)
    except StoreRefused as error:
        raise CommandError(error.message, Exit.USAGE) from None
    sys.stdout.write(f"{path} has the new key {key.id.hex()}\n")
    sys.stderr.write("Copy the file to every machine, then start each process again.\n")


@commands.command("list")
def list_(config: ConfigOption = None, file: _File = None) -> None:
    """Print the ids of the keys, the newest first.

    An id is no secret.
    """
    try:
        keys = open_keys(_path(load(config), file))
    except StoreRefused as error:
        raise CommandError(error.message, Exit.USAGE) from None
    sys.stdout.writelines(f"{key.id.hex()}\n" for key in keys)


@commands.command()
def forget(
    key: Annotated[str, typer.Argument(metavar="KEY", help="the id of a key, as `list` prints it")],
    config: ConfigOption = None,
) -> None:
    """Delete what the store holds under one key.

    Second uses that it found are forgotten.
    """
    key_id = _key_id(key)
    try:
        gone = asyncio.run(_forget(load(config).store_url, key_id))
    except StoreError as error:
        raise CommandError(error.message, Exit.USAGE) from None
    sys.stdout.write(f"{gone} hashes under {key} are deleted; remove its line from the file\n")


async def _forget(url: str, key_id: bytes) -> int:
    database = await open_database(url)
    try:
        return await database.write(partial(history.forget_key, key_id=key_id))
    finally:
        await database.aclose()


def _path(settings: Settings, file: Path | None) -> Path:
    if chosen := file or settings.identity_key_file or default_file(settings.store_url):
        return chosen
    raise CommandError("set DECISION_IDENTITY_KEY_FILE, or name a file by --file", Exit.USAGE)


def _key_id(text: str) -> bytes:
    try:
        key_id = bytes.fromhex(text)
    except ValueError:
        key_id = b""
    if len(key_id) != KEY_ID_BYTES:
        message = f"{text!r} is no id of a key: give the {2 * KEY_ID_BYTES} digits of `list`"
        raise CommandError(message, Exit.USAGE)
    return key_id
