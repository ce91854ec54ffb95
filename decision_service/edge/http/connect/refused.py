"""A lender's file that the connect page cannot show."""

from __future__ import annotations

import errno
from pathlib import Path

from decision_service.small_file import read_small


class PageRefused(Exception):
    """A file of the connect page cannot be used; the message says which, why and what to do."""


def read_bounded(path: Path, most: int) -> bytes:
    """The content of a file of 1 to `most` bytes; raises PageRefused."""
    try:
        content = read_small(path, most)
    except OSError as error:
        if error.errno == errno.EFBIG:
            raise PageRefused(f"{path} has more than {most:,} bytes: give a smaller one") from None
        raise PageRefused(f"{path} cannot be read: {error.strerror}") from None
    if not content:
        raise PageRefused(f"{path} is empty: write it, or leave the setting out")
    return content
