"""Checks of the SQLite file before it is opened: present, writable, whole."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from decision_service.storage.address import SqliteFile
from decision_service.storage.errors import StoreDamaged, StoreLocked, StoreUnwritable
from decision_service.storage.sqlite import wal

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_RESTORE = "nothing was changed: restore it from a backup, or move it away to begin a new store"


def require_folder(file: SqliteFile) -> None:
    """The folder must exist and the path be no folder itself; raises StoreUnwritable."""
    if not file.path.parent.is_dir():
        raise StoreUnwritable(
            f"the store {file.path} cannot be opened: the folder {file.path.parent} does not "
            "exist; create it, or set DECISION_STORE_URL to another path"
        )
    if file.path.is_dir():
        raise StoreUnwritable(
            f"the store {file.path} is a folder: set DECISION_STORE_URL to a file in it, "
            f"such as sqlite:///{file.path}/decision.db"
        )


def exists(file: SqliteFile) -> bool:
    """Whether there is a store; a log without its database is damage, not a new beginning."""
    if file.path.exists():
        return True
    log = file.companion("-wal")
    if log.exists() and log.stat().st_size > 0:
        raise StoreDamaged(f"the store {file.path} is missing beside its log {log}; {_RESTORE}")
    return False


def missing(file: SqliteFile) -> StoreDamaged:
    """The error for a store that is missing; no new one is made without `init`."""
    return StoreDamaged(
        f"the store {file.path} is missing, though there was one: restore it from a backup, or "
        "begin a new one with --init"
    )


def nothing_to_read(file: SqliteFile) -> StoreDamaged:
    """The error for a store that is to be read and is not there."""
    return StoreDamaged(f"there is no store {file.path}: name one that decisions are recorded in")


def create(file: SqliteFile, fill: Callable[[Path], None]) -> None:
    """Make a new store whole or not at all: `fill` writes it under another name, then it moves.

    So an empty or half-made file under the store's own name is always damage.
    """
    draft = file.companion(".new")
    for leftover in (draft, file.companion(".new-wal"), file.companion(".new-shm")):
        leftover.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    draft.chmod(0o600)  # whatever the umask; log and index get the mode of their database
    fill(draft)
    draft.replace(file.path)
    _sync_folder(file.path.parent)


def keep_to_owner(file: SqliteFile) -> None:
    """Take every right of others than the owner from the file, its log and its index.

    Raises StoreUnwritable where it belongs to another user.
    """
    for path in (file.path, file.companion("-wal"), file.companion("-shm")):
        try:
            mode = path.stat().st_mode
            if mode & _OTHERS:
                path.chmod(stat.S_IMODE(mode) & ~_OTHERS)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StoreUnwritable(
                f"the store {path} can be read by other users, and that cannot be changed "
                f"({error.strerror}): make the service's user its owner"
            ) from None


def require_whole(file: SqliteFile) -> None:
    """Check every page and the log, read-only; raises StoreDamaged or StoreUnwritable."""
    try:
        found = _damage(file)
    except OSError as error:
        raise StoreUnwritable(
            f"the store {file.path} cannot be read ({error.strerror}): give the service's user "
            "access to it"
        ) from None
    if found:
        raise StoreDamaged(f"the store {file.path} is damaged ({found}); {_RESTORE}")


def _damage(file: SqliteFile) -> str:
    with file.path.open("rb") as opened:
        if not opened.read(1):
            return "the file is empty"
    log = file.companion("-wal")
    if log.exists() and wal.is_damaged(log.read_bytes()):
        return f"its log {log.name} is broken before later commits"
    return _quick_check(file.path)


def _quick_check(path: Path) -> str:
    """Empty, or the first fault; read-only, so that closing does not fold the log into the file."""
    address = f"file:{quote(str(path))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=1.0)) as connection:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname.startswith("SQLITE_BUSY"):
            raise StoreLocked(
                f"the store {path} is held by another program, such as a database browser: "
                "close that first"
            ) from None
        return str(error)
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if verdict == "ok" else str(verdict).partition("\n")[0]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
