"""The store's own errors, and how errors of a database become them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
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
_DAMAGED = "the store's file is damaged"
_SQLITE_SENTENCES = {
    "SQLITE_FULL": "the store's disk is full",
    "SQLITE_BUSY": "the store is held by another program",
    "SQLITE_READONLY": "the store's file may not be written",
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_NOTADB": _DAMAGED,
}
_HARMLESS = frozenset({"SQLITE_FULL", "SQLITE_BUSY"})
_POSTGRES_SENTENCES = {
    "53100": "the store's disk is full",
    "57014": "the store took too long",
    "57P03": "the store is starting",
    "25006": "the store may not be written",
}
_UNFIT_STATES = ("22", "23")
_ROLLED_BACK = frozenset({"40001", "40P01"})
_HELD_UP = "55P03"
_TOO_MANY_CONNECTIONS = "53300"


class StoreRefused(StoreError):
    """The store cannot be opened; an operator must act."""


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


@contextmanager
def opening(store: str) -> Iterator[None]:
    """What the database fails at while a store is opened is raised as StoreRefused."""
    try:
        yield
    except StoreRefused:
        raise
    except StoreError as error:
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
