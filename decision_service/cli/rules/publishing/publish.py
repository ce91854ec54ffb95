"""`rules publish`: the digest of every file, written only when everything checks and passes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from decision_service.cli.display.output import console
from decision_service.cli.rules.folder import DEFAULT_PATH, PathArgument
from decision_service.cli.rules.publishing.whole import (
    ProveOption,
    RollbackOption,
    one_line,
    rollback_of,
    tested_folder,
    write_manifest,
)
from decision_service.pipeline.rules.publishing.manifest import published_now


def publish(
    by: Annotated[str, typer.Option("--by", help="who publishes, for the record")],
    path: PathArgument = DEFAULT_PATH,
    allow_rollback: RollbackOption = "",
    prove: ProveOption = True,
) -> None:
    """Check, test and prove the whole folder, then publish it.

    Publishing writes manifest.yaml: from then on only what it lists loads. A service that requires
    approval loads it only where it is proposed and approved.
    """
    by = one_line(by, "--by")
    back = rollback_of(allow_rollback)
    selection, _ = tested_folder(path, prove=prove)
    contents = selection.folder.contents
    published = published_now(contents, by, datetime.now(UTC), back)
    file = write_manifest(selection, published)
    words = f"{file}: {len(contents)} files published by {by}, publication {published.name}"
    console().print(words, markup=False, soft_wrap=True)
