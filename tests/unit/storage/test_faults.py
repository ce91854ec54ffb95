"""What a database's error means to those who wait for it."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from decision_service.domain.errors import StoreBusy, StoreError, StoreUnavailable
from decision_service.store import errors as faults
from decision_service.store.columns import padded
from decision_service.store.errors import ConnectionLost, EntryRefused, HeldUp, RolledBack

STATEMENT = "INSERT INTO decisions VALUES (?)"


def sqlite_error(name: str) -> DBAPIError:
    """An error as SQLite's driver raises it."""
    error = sqlite3.OperationalError("words with customer-77 in them")
    error.sqlite_errorname = name
    return OperationalError(STATEMENT, ("customer-77",), error)


def postgres_error(state: str, *, invalidated: bool = False) -> DBAPIError:
    """An error as PostgreSQL's driver raises it."""
    error = Exception("words with customer-77 in them")
    error.sqlstate = state
    return DBAPIError(STATEMENT, (), error, connection_invalidated=invalidated)


def check_sentence(error: StoreError) -> None:
    """One line that repeats nothing of the statement, its values or the driver's words."""
    for word in ("\n", "customer-77", "INSERT", "words"):
        assert word not in error.message


@pytest.mark.parametrize(
    ("name", "word", "spoils"),
    [
        ("SQLITE_FULL", "full", False),
        ("SQLITE_BUSY", "another program", False),
        ("SQLITE_BUSY_SNAPSHOT", "another program", False),
        ("SQLITE_READONLY_DBMOVED", "may not be written", True),
        ("SQLITE_IOERR_FSYNC", "SQLITE_IOERR_FSYNC", True),
        ("SQLITE_CORRUPT_INDEX", "damaged", True),
    ],
)
def test_faults_of_sqlite_are_worth_a_retry(name: str, word: str, spoils: bool) -> None:
    """Each is unavailable with its reason; only after full disks and locks is the handle kept."""
    error = faults.of_sqlite(sqlite_error(name))
    assert isinstance(error, StoreUnavailable)
    assert word in error.message
    assert error.retry_after
    check_sentence(error)
    assert faults.spoils_connection(sqlite_error(name)) is spoils


@pytest.mark.parametrize(
    "error",
    [
        DataError(STATEMENT, (), sqlite3.DataError("too big")),
        IntegrityError(STATEMENT, (), sqlite3.IntegrityError("NOT NULL")),
        OverflowError("customer-77"),
        UnicodeEncodeError("utf-8", "customer-77\udc80", 11, 12, "surrogates"),
    ],
)
def test_values_that_sqlite_cannot_hold_are_refused(error: Exception) -> None:
    """They are one entry's fault, not the store's, and no retry is advised."""
    refused = faults.of_sqlite(error)
    assert isinstance(refused, EntryRefused)
    assert refused.retry_after is None
    check_sentence(refused)


@pytest.mark.parametrize(
    ("error", "kind", "word"),
    [
        (postgres_error("53100"), StoreUnavailable, "full"),
        (postgres_error("53300"), StoreBusy, "all busy"),
        (postgres_error("55P03"), HeldUp, "another transaction"),
        (postgres_error("57014"), StoreUnavailable, "too long"),
        (postgres_error("57P03"), StoreUnavailable, "starting"),
        (postgres_error("25006"), StoreUnavailable, "may not be written"),
        (postgres_error("42883"), StoreUnavailable, "42883"),
        (postgres_error("XX000"), StoreUnavailable, "XX000"),
        (PoolTimeout("customer-77"), StoreBusy, "busy"),
        (postgres_error("57P01", invalidated=True), ConnectionLost, "does not answer"),
        (ConnectionRefusedError(111, "customer-77"), ConnectionLost, "does not answer"),
        (TimeoutError(), ConnectionLost, "does not answer"),
        (postgres_error("40P01"), RolledBack, "busy"),
        (postgres_error("40001"), RolledBack, "busy"),
        (postgres_error("22021"), EntryRefused, "value"),
        (postgres_error("23502"), EntryRefused, "value"),
    ],
)
def test_faults_of_postgres_are_told_apart(
    error: Exception, kind: type[StoreError], word: str
) -> None:
    """By its code each is the fault of the store, the connection, the moment or the entry."""
    found = faults.of_postgres(error)
    assert type(found) is kind
    assert word in found.message
    check_sentence(found)


def test_an_operator_is_told_the_databases_own_words() -> None:
    """At the start the first line of the driver's words is quoted, without statement and values."""
    assert faults.said(sqlite_error("SQLITE_FULL")) == "words with customer-77 in them"
    assert faults.said(OSError(2, "No such file\nand more")) == "[Errno 2] No such file"


@given(st.lists(st.integers(), max_size=300))
def test_padding_makes_few_lengths_of_the_same_items(items: list[int]) -> None:
    """The length becomes a power of two, less than twice as long, with no other items in it."""
    longer = padded(items)
    assert list(longer[: len(items)]) == items
    assert set(longer) == set(items)
    assert len(longer) < 2 * max(len(items), 1)
    assert len(longer) & (len(longer) - 1) == 0


@pytest.mark.parametrize(
    ("name", "todo"),
    [
        ("SQLITE_FULL", "free space on its disk"),
        ("SQLITE_BUSY_SNAPSHOT", "close other programs that hold it"),
        ("SQLITE_READONLY_DBMOVED", "give the service's user write access to it and its folder"),
        ("SQLITE_ERROR", "keep a copy of it, and report these words"),
    ],
)
def test_free_space_is_said_of_a_full_disk_alone(name: str, todo: str) -> None:
    """What an operator is asked to do follows from what SQLite says."""
    error = sqlite3.OperationalError("words")
    error.sqlite_errorname = name
    assert faults.remedy(error) == todo


def test_a_step_on_a_full_disk_names_it() -> None:
    """Step, statement and remedy, and then the command to call again."""
    cause = sqlite3.OperationalError("database or disk is full")
    cause.sqlite_errorname = "SQLITE_FULL"
    failed = OperationalError("ALTER TABLE\n decisions ADD a TEXT", None, cause)
    assert str(faults.step_failed("0031_a", "sqlite", failed)) == (
        "step 0031_a of the store's tables failed at `ALTER TABLE decisions ADD a TEXT` (database "
        "or disk is full): nothing was changed; free space on its disk, then run "
        "`decision-service migrate` again"
    )
