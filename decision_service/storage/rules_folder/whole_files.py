"""Writing a text file so that a reader sees the old content or the new one, never a part."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_READABLE = 0o644


def write_whole(path: Path, text: str) -> None:
    """Replace a file's content at once; a link is followed, permissions stay.

    The new content lies on the disk before it takes the old one's place. Raises OSError, with the
    old content untouched.
    """
    target = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent)
    fresh = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.chmod(target.stat().st_mode & 0o777 if target.exists() else _READABLE)
        fresh.replace(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
