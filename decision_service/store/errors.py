"""The store's own errors, and how errors of a database become them."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import shorten
from typing import TypeVar

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from decision_service.domain.errors import StoreBusy, StoreError, StoreUnavailable

T = TypeVar("T")

RETRY_SECONDS = 1.0
"""When a caller may try again after a fault of the store."""

UNFIT_VALUES = (UnicodeError, OverflowError)
"""What drivers raise by themselves for text that is no Unicode and for integers beyond 64 bits."""

OF_SQLITE = (SQLAlchemyError, sqlite3.Error, *UNFIT_VALUES)
"""What may be raised on a SQLite connection, through SQLAlchemy or by the driver itself."""

_UNFIT_FOR_SQLITE = (
    *UNFIT_VALUES,
    *(DataError, IntegrityError, ProgrammingError),
    *(sqlite3.DataError, sqlite3.IntegrityError, sqlite3.ProgrammingError),
)
_LONGEST_STATEMENT = 300
_DAMAGED = "the store's file is damaged"
_SQLITE_SENTENCES = {
    "SQLITE_FULL": "the store's disk is full",
    "SQLITE_BUSY": "the store is held by another program",
    "SQLITE_READONLY": "the store's file may not be written",
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_NOTADB": _DAMAGED,
}
_SQLITE_REMEDIES = {
    "SQLITE_FULL": "free space on its disk",
    "SQLITE_BUSY": "close other programs that hold it",
    "SQLITE_LOCKED": "close other programs that hold it",
    "SQLITE_READONLY": "give the service's user write access to it and its folder",
    "SQLITE_CANTOPEN": "give the service's user write access to it and its folder",
    "SQLITE_PERM": "give the service's user write access to it and its folder",
    "SQLITE_IOERR": "check its disk",
    "SQLITE_CORRUPT": "restore it from a backup",
    "SQLITE_NOTADB": "restore it from a backup",
}
_OS_REMEDIES = {
    errno.ENOSPC: "free space on its disk",
    errno.EDQUOT: "free space on its disk",
    errno.EIO: "check its disk",
}
# After these the file is as the connection believes, so that it may be used on.
_HARMLESS = frozenset({"SQLITE_FULL", "SQLITE_BUSY"})
_POSTGRES_SENTENCES = {
    "53100": "the store's disk is full",
    "57014": "the store took too long",
    "57P03": "the store is starting",
    "25006": "the store may not be written",
}
_POSTGRES_REMEDIES = {
    "53100": "free space on the server's disk",
    "42501": "have the store's tables and their schema owned by the service's user",
    "55P03": "end the other transactions that hold its tables",
    "25006": "name a server that may be written in DECISION_STORE_URL",
}
# Classes of SQLSTATE: data exceptions, and violations of constraints.
_UNFIT_STATES = ("22", "23")
# A serialization failure and a deadlock: the same work passes when it is tried again.
_ROLLED_BACK = frozenset({"40001", "40P01"})
_HELD_UP = "55P03"
_TOO_MANY_CONNECTIONS = "53300"


class StoreRefused(StoreError):
    """The store cannot be opened; an operator must act."""


class StepFailed(StoreRefused):
    """A step between versions of the tables failed, and the tables are as they were."""


class StoreUrlInvalid(StoreRefused):
    """DECISION_STORE_URL names no store that this service can use."""


class StoreLocked(StoreRefused):
    """Another process holds the SQLite file."""


class EntryRefused(StoreError):
    """One entry cannot be stored, whatever the state of the store; nothing of it was recorded."""


class HeldUp(StoreUnavailable):
    """Another transaction locks a row of one entry; the group's other entries may go on."""


class ConnectionLost(StoreUnavailable):
    """The server went away; a later read shows whether the last transaction was committed."""


class RolledBack(StoreUnavailable):
    """The server rolled the transaction back (deadlock, serialization failure)."""


def unavailable(sentence: str) -> StoreUnavailable:
    return StoreUnavailable(sentence, retry_after=RETRY_SECONDS)


def of_sqlite(error: Exception) -> StoreError:
    if isinstance(error, _UNFIT_FOR_SQLITE):
        return _refused(error)
    name = _sqlite_name(error)
    return _failed(_SQLITE_SENTENCES.get(name, f"the store failed ({name})"))


def spoils_connection(error: Exception) -> bool:
    """Whether a SQLite connection must not be used again.

    After an I/O error the file may differ from what the connection believes, and a second fsync of
    the same handle would report success.
    """
    of_database = isinstance(error, DBAPIError | sqlite3.Error)
    return of_database and _sqlite_name(error) not in _HARMLESS


def is_damage(error: Exception) -> bool:
    return _SQLITE_SENTENCES.get(_sqlite_name(error)) == _DAMAGED


def of_postgres(error: Exception) -> StoreError:
    state = getattr(getattr(error, "orig", None) or error, "sqlstate", None) or ""
    # The value is at fault and not the store, so that trying again would not help.
    if isinstance(error, UNFIT_VALUES) or state.startswith(_UNFIT_STATES):
        return _refused(error)
    if state in _ROLLED_BACK:
        return _passing(RolledBack, "the store is busy: nothing was recorded; try again")
    if state == _HELD_UP:
        what = "the store is held by another transaction: nothing was recorded; try again"
        return _passing(HeldUp, what)
    if isinstance(error, PoolTimeout) or state == _TOO_MANY_CONNECTIONS:
        what = "the store's connections are all busy: nothing was recorded; try again"
        return _passing(StoreBusy, what)
    # Whether the transaction was committed is unknown, so that only repeatable work runs again.
    if isinstance(error, OSError) or getattr(error, "connection_invalidated", False):
        what = "the store does not answer; ask again with the same request_id"
        return _passing(ConnectionLost, what)
    return _failed(_POSTGRES_SENTENCES.get(state, f"the store failed ({state or 'no code'})"))


def said(error: BaseException | None) -> str:
    """The database's own words on one line, for an operator; never the values of a statement."""
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, TimeoutError) and not str(cause):
        return "it did not answer in time"
    return str(cause).partition("\n")[0]


def remedy(error: BaseException | None) -> str:
    """What an operator can do about a SQLite file that cannot be written."""
    found = _remedy(error)
    if found:
        return found
    if isinstance(error, OSError):
        return "give the service's user write access to it and its folder"
    return "keep a copy of it, and report these words"


def _remedy(error: BaseException | None) -> str:
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, OSError):
        return _OS_REMEDIES.get(cause.errno or 0, "")
    # An extended name begins with the plain one, such as SQLITE_IOERR_WRITE.
    name = str(getattr(cause, "sqlite_errorname", ""))
    for known, what in _SQLITE_REMEDIES.items():
        if name.startswith(known):
            return what
    return _POSTGRES_REMEDIES.get(str(getattr(cause, "sqlstate", "")), "")


def step_failed(step: str, dialect: str, error: SQLAlchemyError) -> StoreError:
    """Of a step, named as its file, and the statement at which it failed; without its values.

    What another transaction or a lost connection causes stays what it is, as it can be tried again.
    """
    if dialect == "postgresql":
        found = of_postgres(error)
        if isinstance(found, ConnectionLost | HeldUp | RolledBack):
            return found
    statement = " ".join(str(getattr(error, "statement", None) or "").split())
    place = f"step {step} of the store's tables failed"
    if statement:
        place += f" at `{shorten(statement, _LONGEST_STATEMENT, placeholder=' …')}`"
    todo = "keep the program that wrote the store, and report this step and its statement"
    if found_remedy := _remedy(error):
        todo = f"{found_remedy}, then run `decision-service migrate` again"
    return StepFailed(f"{place} ({said(error)}): nothing was changed; {todo}")


@contextmanager
def opening(store: str) -> Iterator[None]:
    """What the database fails at while a store is opened is raised as StoreRefused."""
    try:
        yield
    except StoreRefused:
        raise
    except StoreError as error:
        # Only what a database said is put so; other errors have sentences of their own.
        if not isinstance(error.__cause__, SQLAlchemyError | sqlite3.Error):
            raise
        raise StoreRefused(
            f"the store {store} cannot be used ({said(error.__cause__)}): "
            "check the database and what this user may do in it"
        ) from None


def _passing(kind: type[StoreUnavailable], sentence: str) -> StoreUnavailable:
    return kind(sentence, retry_after=RETRY_SECONDS)


def _sqlite_name(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    name = str(getattr(cause, "sqlite_errorname", type(cause).__name__))
    return next((known for known in _SQLITE_SENTENCES if name.startswith(known)), name)


def _failed(what: str) -> StoreError:
    return unavailable(f"{what}: nothing was recorded; try again")


def _refused(error: Exception) -> EntryRefused:
    return EntryRefused(f"a value cannot be stored ({type(error).__name__}): nothing was recorded")
