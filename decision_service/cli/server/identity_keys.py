"""`identity-keys`: the secret keys by which accounts and persons are hashed."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path

from decision_service.cli.server.key_files import KeyArgument, file_commands, key_id, refusals
from decision_service.cli.server.options import ConfigOption
from decision_service.config import Settings, load
from decision_service.storage.engine import open_database
from decision_service.storage.privacy.identity_keys import IDENTITY_KEYS
from decision_service.storage.queries import decisions, history


def _configured(settings: Settings) -> Path | None:
    return settings.identity_key_file or IDENTITY_KEYS.beside(settings.store_url)


commands = file_commands(IDENTITY_KEYS, _configured, "Make, show and retire the keys of hashes.")


@commands.command()
def forget(key: KeyArgument, config: ConfigOption = None) -> None:
    """Delete what the store holds under one key.

    Second uses that it found are forgotten, and hashes of who applied with them.
    """
    wanted = key_id(key)
    with refusals():
        gone = asyncio.run(_forget(load(config).store_url, wanted))
    sys.stdout.write(f"{gone} hashes under {key} are deleted; remove its line from the file\n")


async def _forget(url: str, wanted: bytes) -> int:
    database = await open_database(url)
    try:
        gone = await database.write(partial(history.forget_key, key_id=wanted))
        after: str | None = ""
        while after is not None:
            work = partial(decisions.forget_key, key_id=wanted, after=after)
            after = await database.write(work)
        return gone
    finally:
        await database.aclose()
