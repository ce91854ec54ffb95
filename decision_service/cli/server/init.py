"""`init`: a new folder with starter rules and settings, or with the protos."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from decision_service.cli.errors import CommandError, Exit
from decision_service.config import sample
from decision_service.starter import protos, starter_rules

SETTINGS = "decision-service.yaml"

Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="a new folder, or one that is empty")
]
Protos = Annotated[
    bool, typer.Option("--protos", help="write the protos and the service config for clients")
]


def init(folder: Folder, only_protos: Protos = False) -> None:
    """Begin a folder with starter rules and settings.

    The rules come with their tests and plans. The folder must be new or empty.
    """
    contents = _protos() if only_protos else {"rules": starter_rules()}
    try:
        _require_empty(folder)
        _write(folder, contents)
        if not only_protos:
            (folder / SETTINGS).write_text(sample(), encoding="utf-8")
    except OSError as error:
        why = error.strerror or "not every file could be copied"
        message = f"{folder} cannot be written ({why}): free space, or give another folder"
        raise CommandError(message, Exit.USAGE) from None
    sys.stdout.write(_next_steps(folder, only_protos=only_protos))


def _protos() -> Mapping[str, Path]:
    return {one.name: one for one in sorted(protos().iterdir()) if one.is_dir()}


def _require_empty(folder: Path) -> None:
    if folder.is_dir() and (found := next(folder.iterdir(), None)) is not None:
        message = f"{folder} is not empty ({found.name} is in it): give a new folder"
        raise CommandError(message, Exit.USAGE)


def _write(folder: Path, contents: Mapping[str, Path]) -> None:
    """Copy folders; the files get the rights of new ones, whatever those of the package are."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in contents.items():
        shutil.copytree(source, folder / name, copy_function=shutil.copyfile)


def _next_steps(folder: Path, *, only_protos: bool) -> str:
    if only_protos:
        return (
            f"{folder} has the protos; give it to your generator as the folder of imports, and "
            "service_config.json in it to your gRPC client\n"
        )
    return (
        f"{folder} has rules/ and {SETTINGS}. Next:\n"
        f"  cd {folder}\n"
        f"  decision-service rules test\n"
        f"  decision-service serve --config {SETTINGS}\n"
    )
