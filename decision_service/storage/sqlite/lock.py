"""The lock file next to the SQLite file: one process at a time, and a mark of a made store."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from decision_service.storage.errors import StoreLocked, StoreUnwritable

_MADE = b"made\n"
_LENGTH = 64


class FileLock:
    """An exclusive lock on a file of its own, held until `release` or the end of the process.

    The file stays where it is: removing it would let two processes hold two files of one name. Its
    first line is the process; a second one says that the store was made.
    """

    def __init__(self, descriptor: int, *, made: bool) -> None:
        self._descriptor: int | None = descriptor
        self.made = made

    @classmethod
    def acquire(cls, path: Path, what: Path) -> FileLock:
        """Lock `what` by the file at `path`; raises StoreLocked or StoreUnwritable at once."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreUnwritable(
                f"the store {what} cannot be locked: {path} could not be opened "
                f"({error.strerror}); give the service's user write access to the folder"
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreLocked(_in_use(what, _holder(descriptor))) from None
        lock = cls(descriptor, made=_MADE in os.pread(descriptor, _LENGTH, 0))
        lock._write()
        return lock

    def mark_made(self) -> None:
        """Mark that a store was made, so that a missing file later counts as lost, not as new."""
        if not self.made:
            self.made = True
            self._write()

    def _write(self) -> None:
        assert self._descriptor is not None  # noqa: S101 - only a held lock is written
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, b"%d\n" % os.getpid() + (_MADE if self.made else b""), 0)

    def release(self) -> None:
        """Release the lock; harmless when repeated."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _holder(descriptor: int) -> str:
    holder = os.pread(descriptor, _LENGTH, 0).decode("ascii", "replace").partition("\n")[0]
    os.close(descriptor)
    return holder


def _in_use(what: Path, holder: str) -> str:
    by = f"process {holder}" if holder.isdecimal() else "another process"
    return (
        f"the store {what} is in use by {by}: stop it first, or set DECISION_STORE_URL to another "
        "file; several processes need PostgreSQL"
    )
