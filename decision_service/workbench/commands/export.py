"""`decisions export`: a folder of Parquet by day for analysts, read from the store."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from decision_service.build import engine_version
from decision_service.cli.output import (
    CommandError,
    Format,
    FormatOption,
    print_json,
    print_lines,
    require_extra,
)
from decision_service.cli.views import counted
from decision_service.domain.errors import StoreError
from decision_service.rules.language.fields import parse_day
from decision_service.runtime.config import load
from decision_service.store.engine import SqliteFile, parse_store_url
from decision_service.workbench.commands.backtest_run import progress

if TYPE_CHECKING:
    from decision_service.workbench.analyst.export import Manifest


def export(
    to: Annotated[
        Path, typer.Option("--to", metavar="FOLDER", help="a new folder, or that of an export")
    ],
    since: Annotated[
        str, typer.Option("--since", metavar="DAY", help="first day to write, in UTC; else all")
    ] = "",
    product: Annotated[str, typer.Option("--product", help="one product, else all")] = "",
    store: Annotated[str, typer.Option("--store", help="the store, else DECISION_STORE_URL")] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Decisions, factors, reasons, reviews, loans and versions, with a manifest and a contract."""
    first = parse_day(since) if since else date(1971, 1, 1)
    if first is None:
        raise CommandError(f"--since is {since}: write a day as 2026-10-31")
    require_extra("pyarrow", "an export needs pyarrow")
    made = _exported(to, first, product, store or load().store_url)
    if form is Format.JSON:
        import msgspec

        print_json(msgspec.to_builtins(made))
        return
    files = {Path(line.path).parent.name for line in made.files}
    print_lines(
        f"{counted(made.rows['decisions'], 'decision')} of {counted(len(files), 'day')} in {to}"
    )
    for day, rows in made.removed.items():
        print_lines(f"{day}: {counted(rows['decisions'], 'decision')} removed, as in the store")


def _exported(to: Path, since: date, product: str, url: str) -> Manifest:
    from decision_service.workbench.analyst.export import Export, Folder, FolderRefused, Manifest
    from decision_service.workbench.analyst.tables import VERSION
    from decision_service.workbench.backtest.replica import read_store

    async def run(new: Manifest) -> Manifest:
        database = await read_store(url)
        try:
            with Folder.open(to, new) as folder, progress("exporting") as show:
                return await Export(database, folder, product).run(since, show)
        finally:
            await database.aclose()

    try:
        address = parse_store_url(url)
        new = Manifest(
            store=str(address.path.resolve()) if isinstance(address, SqliteFile) else address.shown,
            product=product,
            contract=VERSION,
            program=engine_version(),
            written=datetime.now(UTC),
        )
        return asyncio.run(run(new))
    except (StoreError, FolderRefused) as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(
            f"--to {to} cannot be written ({error.strerror or error}): choose a folder of yours"
        ) from None
