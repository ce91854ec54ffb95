"""Texts that a command is given as files."""

from __future__ import annotations

from pathlib import Path

from decision_service.cli.errors import CommandError, Exit
from decision_service.small_file import read_small


def read_text(path: Path, hint: str) -> str:
    """A UTF-8 file's text; raises CommandError, which ends with the hint.

    At most 4 MiB are read.
    """
    try:
        return read_small(path).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise CommandError(f"{path} cannot be read ({why}): {hint}", Exit.USAGE) from None
