"""A lender's file that the connect page cannot show."""

from __future__ import annotations

from pathlib import Path


class PageRefused(Exception):
    """A file of the connect page cannot be used; the message says which, why and what to do."""


def read_bounded(path: Path, most: int) -> bytes:
    """The content of a file of 1 to `most` bytes; raises PageRefused."""
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise PageRefused(f"{path} cannot be read: {error.strerror}") from None
    if not content:
        raise PageRefused(f"{path} is empty")
    if len(content) > most:
        raise PageRefused(f"{path} has more than {most:,} bytes: give a smaller one")
    return content
