"""`decisions export`: a folder of Parquet by day for analysts, read from the store."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from decision_service.author.backtest.order import progress
from decision_service.cli.output import (
    CommandError,
    Format,
    FormatOption,
    print_json,
    print_lines,
    require_extra,
)
from decision_service.domain.errors import StoreError
from decision_service.rules.language.diagnostics import plural
from decision_service.rules.language.fields import parse_day
from decision_service.runtime.config import load


def export(
    to: Annotated[
        Path, typer.Option("--to", metavar="FOLDER", help="a new folder, or that of an export")
    ],
    since: Annotated[
        str, typer.Option("--since", metavar="DAY", help="first day to write whole, in UTC")
    ] = "1971-01-01",
    store: Annotated[str, typer.Option("--store", help="the store, else DECISION_STORE_URL")] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Tables without persons' data, from the store; earlier days lose what it has no more."""
    first = parse_day(since)
    if first is None:
        raise CommandError(f"--since is {since}: write a day as 2026-10-31")
    require_extra("pyarrow", "an export needs pyarrow")
    from decision_service.operate.export.days import export as exported

    try:
        with progress("exporting") as show:
            made = asyncio.run(exported(to, store or load().store_url, first, show=show))
    except StoreError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        why = f"({error.strerror or error}): choose a folder of yours with space"
        raise CommandError(f"{error.filename or to} cannot be written {why}") from None
    days = [one["rows"] for one in made.files if one["path"].startswith("decisions/")]
    if form is Format.JSON:
        found = {"folder": to, "decisions": sum(days), "days": len(days), "removed": made.removed}
        print_json(found)
        return
    print_lines(f"{plural(sum(days), 'decision')} of {plural(len(days), 'day')} in {to}")
    for day, gone in made.removed.items():
        print_lines(f"{day}: {plural(gone, 'decision')} removed, as in the store")
