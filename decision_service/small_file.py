"""Reading files of settings, keys and rules whole, with a bound."""

from __future__ import annotations

import errno
import os
from pathlib import Path

MOST_BYTES = 4 * 1024 * 1024


def read_small(path: Path, most: int = MOST_BYTES) -> bytes:
    """A file's content, of at most `most` bytes; raises OSError, with EFBIG where it has more.

    A device without an end is such a file.
    """
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return content
