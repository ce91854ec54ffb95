"""`migrate`: bring a store's tables to this program's version."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from decision_service.cli.display.output import console
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.server.options import ConfigOption, InitOption
from decision_service.config import load
from decision_service.domain.errors import StoreError
from decision_service.storage.engine import migrate as migrate_store


def migrate(
    config: ConfigOption = None,
    init: InitOption = False,
    store: Annotated[
        str, typer.Option("--store", help="the store's URL, instead of the configured one")
    ] = "",
) -> None:
    """Bring a store's tables to this program's version.

    Safe to repeat.
    """
    settings = load(config)
    url = store or settings.store_url
    try:
        asyncio.run(migrate_store(url, init=init))
    except StoreError as error:
        raise CommandError(error.message, Exit.USAGE) from None
    console().print(f"The store {url.rpartition('@')[2]} has the newest tables.", markup=False)
