"""Noticing that files were replaced, by what the file system says of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_Mark = tuple[tuple[int, int, int] | None, ...]


class WatchedFiles:
    """Files whose replacement is noticed; links are followed, as mounted secrets need it."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._seen = self._mark()

    def changed(self) -> bool:
        """Whether any file is another one than at the call before."""
        mark = self._mark()
        changed, self._seen = mark != self._seen, mark
        return changed

    def _mark(self) -> _Mark:
        return tuple(_mark(path) for path in self._paths)


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
