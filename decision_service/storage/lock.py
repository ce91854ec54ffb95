"""One process at a time: the lock beside the SQLite file."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from decision_service.storage.errors import StoreLocked, StoreUnwritable


class FileLock:
    """An exclusive lock on a file of its own, held until `release` or the end of the process.

    The file stays where it is: removing it would let two processes hold two files of one name.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

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
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Let the next process in; harmless when done twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _holder(descriptor: int) -> str:
    holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
    os.close(descriptor)
    return holder


def _in_use(what: Path, holder: str) -> str:
    by = f"process {holder}" if holder.isdecimal() else "another process"
    return (
        f"the store {what} is in use by {by}: stop it first, or set STORE_URL to another file; "
        "several processes need PostgreSQL"
    )
