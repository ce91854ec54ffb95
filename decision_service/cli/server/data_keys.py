"""`data-keys`: the secret keys that wrap the keys of users."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.server.key_files import (
    FileOption,
    KeyArgument,
    file_commands,
    key_id,
    refusals,
    required,
)
from decision_service.cli.server.options import ConfigOption
from decision_service.config import load
from decision_service.storage.engine import open_database
from decision_service.storage.privacy import wrapping
from decision_service.storage.privacy.data_keys import DATA_KEYS
from decision_service.storage.privacy.rewrapping import open_data_keys, wrap_all
from decision_service.wiring.keys import data_key_file

commands = file_commands(
    DATA_KEYS, data_key_file, "Make, show and retire the keys that wrap users' keys."
)


@commands.command()
def rewrap(config: ConfigOption = None, file: FileOption = None) -> None:
    """Wrap every user's key by the newest key of the file.

    Keys that are not wrapped yet are wrapped too. On SQLite the service must not run meanwhile.
    """
    settings = load(config)
    path = file or required(DATA_KEYS, data_key_file(settings))
    with refusals():
        wrapped = asyncio.run(_rewrap(settings.store_url, path))
    sys.stdout.write(f"{wrapped} keys of users are wrapped anew, by the newest key of {path}\n")


@commands.command()
def forget(key: KeyArgument, config: ConfigOption = None, file: FileOption = None) -> None:
    """Delete one key from the file.

    A key that still wraps a user's key is refused, and so is the newest.
    """
    settings, wanted = load(config), key_id(key)
    path = file or required(DATA_KEYS, data_key_file(settings))
    with refusals():
        _require_old(path, wanted)
        if wanted in asyncio.run(_used(settings.store_url)):
            message = f"{key} wraps users' keys: run `decision-service data-keys rewrap` first"
            raise CommandError(message, Exit.USAGE)
        DATA_KEYS.remove(path, wanted)
    sys.stdout.write(f"{key} is deleted from {path}; delete it from every copy of the file\n")


def _require_old(path: Path, wanted: bytes) -> None:
    """The key must be in the file, after the newest; raises CommandError."""
    newest, *older = (key.id for key in DATA_KEYS.read(path))
    if wanted == newest:
        message = f"{wanted.hex()} is the newest key of {path}, which wraps: `add` another first"
        raise CommandError(message, Exit.USAGE)
    if wanted not in older:
        raise CommandError(f"{path} has no key {wanted.hex()}: see `list`", Exit.USAGE)


async def _rewrap(url: str, path: Path) -> int:
    database = await open_database(url)
    try:
        wrapped = await wrap_all(database, await open_data_keys(url, path, database))
        await database.scrub()
        return wrapped
    finally:
        await database.aclose()


async def _used(url: str) -> frozenset[bytes]:
    database = await open_database(url)
    try:
        return await database.read(wrapping.data_key_ids)
    finally:
        await database.aclose()
