"""Files of settings, keys and rules: read whole with a bound, and watched for changes."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing
from functools import cache, partial
from pathlib import Path
from typing import TypeAlias

MOST_BYTES = 4 * 1024 * 1024
QUIET_MS = 300
"""How long nothing must change before a change counts: an editor's saves come in bursts."""

LONGEST_BURST_MS = 2000
LOOK_MS = 1000
"""Milliseconds between polls, as not every file system sends events."""

Marks: TypeAlias = Mapping[Path, tuple[int, ...] | None]
"""Inode, size and times of each path; None for a missing one."""


def read_small(path: Path, most: int = MOST_BYTES, *, trusted: bool = False) -> bytes:
    """A file's content, of at most `most` bytes; raises OSError, with EFBIG where it has more.

    A device without an end is such a file. One that is `trusted` is refused where every user of the
    machine may write it.
    """
    with path.open("rb") as file:
        # Whoever may write the file could put in a key or a caller.
        if trusted and os.fstat(file.fileno()).st_mode & stat.S_IWOTH:
            why = "every user of this machine may write it; take that right away: chmod o-w"
            raise PermissionError(errno.EACCES, why, str(path))
        # One byte more shows that there is more, also of a device that has no end.
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return content


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FileWatch:
    """Files, and folders with all that is below them but what editors and version control leave.

    Events of the file system say when to look, and the paths' own marks whether anything changed:
    so links may be swapped, as Kubernetes does, and folders replaced by others.
    """

    def __init__(self, *paths: Path) -> None:
        self._paths = paths
        self._known = self._marks()
        self._asked = False

    def look_again(self) -> None:
        """Let the next look be a change, since something that they depend on has changed."""
        self._asked = True

    def changed(self) -> bool:
        """Whether any file differs from the last call (first: from the construction)."""
        asked = self._asked
        # Only then, as another thread may set it at this moment.
        if asked:
            self._asked = False
        marks = self._marks()
        changed = asked or marks != self._known
        self._known = marks
        return changed

    async def changes(self) -> AsyncIterator[None]:
        """Yield after each change, for ever; a burst of changes counts once."""
        # Slow to import, as watchfiles is, for a command that reads one file.
        import asyncio

        while True:
            async with aclosing(self._events()) as events:
                async for _ in events:
                    if await asyncio.to_thread(self.changed):
                        yield

    async def _events(self) -> AsyncGenerator[None, None]:
        """Yield when something may have changed; ends when other folders are to be watched."""
        import asyncio

        from watchfiles import awatch

        folders = await asyncio.to_thread(self._folders)
        watch = awatch(
            *folders,
            watch_filter=None,
            step=QUIET_MS,
            debounce=LONGEST_BURST_MS,
            rust_timeout=LOOK_MS,
            yield_on_timeout=True,
            recursive=any(path in self._paths for path in folders),
        )
        try:
            async with aclosing(watch):
                async for _ in watch:
                    yield
                    if await asyncio.to_thread(self._folders) != folders:
                        return
        # No folder, or no more watches or descriptors to be had: it is tried again.
        except OSError:
            await asyncio.sleep(LOOK_MS / 1000)
            yield

    def _folders(self) -> Marks:
        """The folders to watch, with their inodes, so that a replaced folder counts as another."""
        folders = {path if path.is_dir() else path.parent for path in self._paths}
        return {folder: (_mark(folder) or ())[:1] for folder in folders}

    def _marks(self) -> Marks:
        return {path: _mark(path) for root in self._paths for path in _below(root)}


def _below(root: Path) -> Iterator[Path]:
    yield root
    for folder, folders, files in os.walk(root):
        folders[:] = filter(_noticed(), folders)
        for name in (*folders, *filter(_noticed(), files)):
            yield Path(folder, name)


@cache
def _noticed() -> Callable[[str], bool]:
    """Whether a name is none that editors and version control leave."""
    from watchfiles import Change, DefaultFilter

    return partial(DefaultFilter(), Change.modified)


def _mark(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    # Not its times: they change with files that are left out here.
    if stat.S_ISDIR(found.st_mode):
        return (found.st_ino,)
    # The time of change as well: a file may be replaced by one of the same size and date.
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
