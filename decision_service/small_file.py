"""Reading files of settings, keys and rules whole, with a bound."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MOST_BYTES = 4 * 1024 * 1024


def read_small(path: Path, most: int = MOST_BYTES, *, trusted: bool = False) -> bytes:
    """A file's content, of at most `most` bytes; raises OSError, with EFBIG where it has more.

    A device without an end is such a file. One that is `trusted` is refused where every user of the
    machine may write it.
    """
    with path.open("rb") as file:
        if trusted and os.fstat(file.fileno()).st_mode & stat.S_IWOTH:
            why = "every user of this machine may write it; take that right away: chmod o-w"
            raise PermissionError(errno.EACCES, why, str(path))
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return content
