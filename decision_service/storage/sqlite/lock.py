"""The lock of a SQLite file: one process at a time, and a mark of a made store."""

from __future__ import annotations

import fcntl
import os
import struct
import sys
from pathlib import Path

from decision_service.storage.errors import StoreLocked, StoreUnwritable

_MADE = b"made\n"
_LENGTH = 64
_UNUSED = 1 << 62
"""A byte of the database far behind all that SQLite locks or writes."""


class FileLock:
    """An exclusive lock on a file of its own, held until `release` or the end of the process.

    Its first line is the process; a second one says that the store was made. On Linux `hold` locks
    the database as well, so that neither another name of it nor a removed lock file lets a second
    process in.
    """

    def __init__(self, descriptor: int, *, made: bool) -> None:
        self._descriptor: int | None = descriptor
        self._held: int | None = None
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

    def hold(self, database: Path) -> None:
        """Lock the database itself, by whatever name it was found; raises StoreLocked.

        To be released after the database's connections are closed: with this descriptor the
        process would lose their locks.
        """
        if sys.platform != "linux":  # the only system whose locks of a descriptor Python offers
            return
        try:
            self._held = os.open(database, os.O_RDWR)
        except OSError:
            return  # what may not be written is refused by whoever writes first
        byte = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, _UNUSED, 1, 0)
        try:
            fcntl.fcntl(self._held, fcntl.F_OFD_SETLK, byte)
        except (BlockingIOError, PermissionError):
            raise StoreLocked(_in_use(database, "")) from None
        except OSError:
            return  # a file system that has no such locks

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
        for descriptor in (self._descriptor, self._held):
            if descriptor is not None:
                os.close(descriptor)
        self._descriptor = self._held = None


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
