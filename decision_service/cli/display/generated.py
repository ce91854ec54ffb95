"""Generated texts, which a command prints or compares with a file of them."""

from __future__ import annotations

import sys
from pathlib import Path

from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.text_files import read_text


def print_or_check(text: str, file: Path | None, name: str, command: str) -> None:
    """Print a text; where a file is given, raise CommandError unless that is the text.

    `name` says what the text is, and `command` what prints it.
    """
    if file is None:
        sys.stdout.write(text)
    elif read_text(file, f"name {name}") != text:
        raise CommandError(
            f"{file} is not {name}: write it anew with `{command} > {file}`", Exit.FINDINGS
        )
