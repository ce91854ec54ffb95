"""SQLite's file: its lock, its log, whether it is whole, and connections to it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
import struct
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import msgspec
import sqlalchemy as sa

from decision_service.runtime.files import sync_folder
from decision_service.store.engine import SqliteFile
from decision_service.store.errors import StoreLocked, StoreRefused

_HEADER = 32
_FRAME_HEADER = 24
_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}
_WORD = 0xFFFFFFFF

Checksum = tuple[int, int]

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_RESTORE = "nothing was changed: restore it from a backup, or move it away to begin a new store"
_MADE = b"made\n"
_LENGTH = 64
_UNUSED = 1 << 62
"""A byte of the database far behind all that SQLite locks or writes."""

LOCK_SECONDS = 1.0
"""How long a write waits for another program's lock."""
SHARED_SECONDS = 5.0
"""The same, of a file that several processes write."""

_PRAGMAS = ("PRAGMA foreign_keys=ON", "PRAGMA trusted_schema=OFF")
_WRITER_PRAGMAS = (
    "PRAGMA cache_size=-16384",
    "PRAGMA journal_mode=WAL",
    # NORMAL syncs the log at checkpoints alone: a decision could be lost with the power.
    "PRAGMA synchronous=FULL",
    # What is deleted is overwritten, so that no free page shows an erased person.
    "PRAGMA secure_delete=ON",
)
# Reading is rare, and the kernel keeps the file's pages: what each reader kept of them besides
# would only grow with the store.
_READER_PRAGMAS = ("PRAGMA query_only=ON", "PRAGMA cache_size=-2048")


class _Log(msgspec.Struct, frozen=True):
    """A log's header: the byte order of its checksums, page size, salt and first checksum."""

    order: str
    page: int
    salt: bytes
    seed: Checksum


def is_damaged(log: bytes) -> bool:
    """Whether commits that were made durable lie behind a broken frame."""
    if len(log) < _HEADER + _FRAME_HEADER:
        return False
    header = _header(log)
    if header is None:
        return True
    broken = _first_broken(log, header)
    ours = (at for at in _frames(log, header) if at >= broken and _is_ours(log, at, header))
    return sum(log[at + 4 : at + 8] != b"\0\0\0\0" for at in ours) >= 2  # commits among them


def _header(log: bytes) -> _Log | None:
    magic, _, page = struct.unpack_from(">III", log)
    order = _MAGIC.get(magic)
    if order is None or _checksum(order, (0, 0), log[:24]) != struct.unpack_from(">II", log, 24):
        return None
    return _Log(order, page, log[16:24], seed=struct.unpack_from(">II", log, 24))


def _frames(log: bytes, header: _Log) -> range:
    size = _FRAME_HEADER + header.page
    return range(_HEADER, len(log) - size + 1, size)


def _first_broken(log: bytes, header: _Log) -> int:
    running = header.seed
    for at in _frames(log, header):
        body = at + _FRAME_HEADER
        running = _checksum(header.order, running, log[at : at + 8])
        running = _checksum(header.order, running, log[body : body + header.page])
        if not _is_ours(log, at, header) or running != struct.unpack_from(">II", log, at + 16):
            return at
    return len(log)


def _is_ours(log: bytes, at: int, header: _Log) -> bool:
    """Frames of an earlier round of the log carry another salt; they were all checkpointed."""
    return log[at + 8 : at + 16] == header.salt


def _checksum(order: str, seed: Checksum, data: bytes) -> Checksum:
    first, second = seed
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & _WORD
        second = (second + odd + first) & _WORD
    return first, second


def require_folder(file: SqliteFile) -> None:
    """The folder must exist and the path be no folder itself; raises StoreRefused."""
    if not file.path.parent.is_dir():
        raise StoreRefused(
            f"the store {file.path} cannot be opened: the folder {file.path.parent} does not "
            "exist; create it, or set DECISION_STORE_URL to another path"
        )
    if file.path.is_dir():
        raise StoreRefused(
            f"the store {file.path} is a folder: set DECISION_STORE_URL to a file in it, "
            f"such as sqlite:///{file.path}/decision.db"
        )


def exists(file: SqliteFile) -> bool:
    """Whether there is a store; a log without its database is damage, not a new beginning."""
    if file.path.exists():
        return True
    log = file.companion("-wal")
    if log.exists() and log.stat().st_size > 0:
        what = f"the store {file.path} is missing, and its log {log} is there"
        raise StoreRefused(f"{what}; {_RESTORE}")
    return False


def create(file: SqliteFile, fill: Callable[[Path], None]) -> None:
    """Make a new store whole or not at all: `fill` writes it under another name, then it moves.

    So an empty or half-made file under the store's own name is always damage.
    """
    draft = file.companion(".new")
    for leftover in (draft, file.companion(".new-wal"), file.companion(".new-shm")):
        leftover.unlink(missing_ok=True)
    # Its mode from the beginning: at no moment can others open it.
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    # Once more, whatever the umask; log and index get the mode of their database.
    draft.chmod(0o600)
    fill(draft)
    draft.replace(file.path)
    # A rename is durable once its folder is.
    sync_folder(file.path.parent)


def keep_to_owner(file: SqliteFile) -> None:
    """Take others' rights from file, log and index; raises StoreRefused for another user's."""
    for path in (file.path, file.companion("-wal"), file.companion("-shm")):
        try:
            mode = path.stat().st_mode
            if mode & _OTHERS:
                path.chmod(stat.S_IMODE(mode) & ~_OTHERS)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StoreRefused(
                f"the store {path} can be read by other users, and that cannot be changed "
                f"({error.strerror}): make the service's user its owner"
            ) from None


def require_whole(file: SqliteFile) -> None:
    """Check every page and the log, read-only; raises StoreRefused."""
    try:
        found = _damage(file)
    except OSError as error:
        raise StoreRefused(
            f"the store {file.path} cannot be read ({error.strerror}): give the service's user "
            "access to it"
        ) from None
    if found:
        raise StoreRefused(f"the store {file.path} is damaged ({found}); {_RESTORE}")


def _damage(file: SqliteFile) -> str:
    with file.path.open("rb") as opened:
        if not opened.read(1):
            return "the file is empty"
    log = file.companion("-wal")
    if log.exists() and is_damaged(log.read_bytes()):
        return f"its log {log.name} is broken before later commits"
    return _quick_check(file.path)


def _quick_check(path: Path) -> str:
    """Empty, or the first fault."""
    # Read-only, so that closing does not fold the log into the file.
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
        """Lock `what` by the file at `path`; raises StoreLocked or StoreRefused at once."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreRefused(
                f"the store {what} cannot be locked: {path} could not be opened "
                f"({error.strerror}); give the service's user write access to the folder"
            ) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(descriptor, _LENGTH, 0).decode("ascii", "replace")
            os.close(descriptor)
            raise StoreLocked(_in_use(what, holder.partition("\n")[0])) from None
        lock = cls(descriptor, made=_MADE in os.pread(descriptor, _LENGTH, 0))
        lock._write()
        return lock

    def hold(self, database: Path) -> None:
        """Lock the database itself, by whatever name it was found; raises StoreLocked.

        To be released after the database's connections are closed: with this descriptor the
        process would lose their locks.
        """
        # The only system whose locks of a descriptor Python offers.
        if sys.platform != "linux":
            return
        try:
            self._held = os.open(database, os.O_RDWR)
        except OSError:
            # What may not be written is refused by whoever writes first.
            return
        byte = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, _UNUSED, 1, 0)
        try:
            fcntl.fcntl(self._held, fcntl.F_OFD_SETLK, byte)
        except (BlockingIOError, PermissionError):
            raise StoreLocked(_in_use(database, "")) from None
        except OSError:
            # A file system that has no such locks.
            return

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
        for descriptor in (self._descriptor, self._held):
            if descriptor is not None:
                os.close(descriptor)
        self._descriptor = self._held = None


def _in_use(what: Path, holder: str) -> str:
    by = f"process {holder}" if holder.isdecimal() else "another process"
    return (
        f"the store {what} is in use by {by}: stop it first, or set DECISION_STORE_URL to another "
        "file; several processes need PostgreSQL"
    )


def writing_engine(path: Path) -> sa.Engine:
    return _begun_as_writer(_engine(path, (*_PRAGMAS, *_WRITER_PRAGMAS)))


def shared_engine(path: Path) -> sa.Engine:
    """Connections to a file that is there, for any number of processes; each closes after use."""
    there = f"file:{quote(str(path))}?mode=rw"
    return _begun_as_writer(_engine(there, (*_PRAGMAS, "PRAGMA synchronous=EXTRA"), SHARED_SECONDS))


def _begun_as_writer(engine: sa.Engine) -> sa.Engine:
    """Its transactions begin as writers."""

    # A transaction that began as a reader and then writes fails at once when another wrote
    # meanwhile, whatever the lock's waiting time.
    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        driver_of(connection).execute("BEGIN IMMEDIATE")

    return engine


def reading_engine(path: Path) -> sa.Engine:
    return _engine(path, (*_PRAGMAS, *_READER_PRAGMAS))


def _engine(
    place: Path | str, pragmas: tuple[str, ...], lock_seconds: float = LOCK_SECONDS
) -> sa.Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            place,
            timeout=lock_seconds,
            # The driver would begin transactions by itself, and then as readers.
            isolation_level=None,
            # The store's threads take turns on a connection, one at a time.
            check_same_thread=False,
            uri=isinstance(place, str),
        )
        for pragma in pragmas:
            connection.execute(pragma)
        return connection

    return sa.create_engine(
        # Whoever has the engine holds its connections, and needs no pool.
        "sqlite://",
        creator=connect,
        poolclass=sa.NullPool,
        hide_parameters=True,
    )


def driver_of(connection: sa.Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - the engine makes no other
    return driver
