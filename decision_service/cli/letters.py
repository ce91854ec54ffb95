"""`letters show`: a letter on the screen or in a file."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from decision_service.cli.calls import Call
from decision_service.cli.output import CommandError, Exit, print_json
from decision_service.domain.errors import visible


class LetterForm(StrEnum):
    TEXT = "text"
    HTML = "html"
    JSON = "json"


def show(
    call: Call,
    form: Annotated[
        LetterForm, typer.Option("--format", help="plain text, one HTML page, or all of it")
    ] = LetterForm.TEXT,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="write it here, not on stdout")
    ] = None,
) -> None:
    made = call.send().notice
    if form is LetterForm.JSON:
        print_json(made)
        return
    letter = made.html if form is LetterForm.HTML else made.text
    if out is None:
        sys.stdout.write(visible(letter))
        return
    from decision_service.rulebook.folder import write_whole  # slow to import

    try:
        write_whole(out, letter)
    except OSError as error:
        raise CommandError(f"{out} cannot be written ({error.strerror})", Exit.USAGE) from None
