"""`rules hash-list`: the keys of a list as salted hashes, so that nobody reads who is on it."""

from __future__ import annotations

import csv
import io
import secrets
from pathlib import Path
from typing import Annotated

import typer

from decision_service.cli.display.output import console
from decision_service.cli.display.text import counted
from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.text_files import read_text
from decision_service.language.diagnostics import Report, render
from decision_service.ruleset.program.lists import folded, hashed
from decision_service.ruleset.reading.lists import HASH, KeyListReader, read_list
from decision_service.storage.rules_folder.whole_files import write_whole

_SALT_BYTES = 16


def hash_list(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="a list: lists/NAME.csv")],
) -> None:
    """Replace the plain keys of a list by salted hashes.

    Those added since are among them.
    """
    text = read_text(path, "name the file of a list")
    report = Report()
    reader = KeyListReader(str(path), text, report)
    if reader.columns and not reader.salt:
        reader.keys()
    hashed_text, count = _hashed(reader)
    _refuse(path, report)
    report = Report()
    read_list(str(path), hashed_text, report)
    _refuse(path, report)
    if count:
        _write(path, hashed_text)
    words = f"{path}: {counted(count, 'key')} hashed"
    console().print(words, markup=False, soft_wrap=True)


def _hashed(reader: KeyListReader) -> tuple[str, int]:
    """The text of a list with all keys hashed, and how many were plain."""
    salt = reader.salt or secrets.token_hex(_SALT_BYTES)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([f"sha256:{salt}", *reader.columns[1:]])
    count = 0
    for number in reader.rows:
        key, *rest = reader.values(number) or [""]
        plain = not reader.salt or (key and not HASH.fullmatch(key))
        if plain:
            count += 1
            reader.check_single(number, [key, *rest])
        writer.writerow([hashed(folded(key), salt) if plain else key, *rest])
    return out.getvalue(), count


def _refuse(path: Path, report: Report) -> None:
    if report.failed:
        lines = tuple(map(render, report.diagnostics()))
        raise CommandError(f"{path} is left as it is: mend it first", Exit.FINDINGS, lines)


def _write(path: Path, text: str) -> None:
    try:
        write_whole(path, text)
    except OSError as error:
        raise CommandError(
            f"{path} cannot be written ({error.strerror}): allow it, then hash the list again",
            Exit.USAGE,
        ) from None
