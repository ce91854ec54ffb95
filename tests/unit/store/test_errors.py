"""What a database's error means to those who wait for it, and STORE_URL as operators write it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from decision_service.domain.errors import StoreBusy, StoreError, StoreUnavailable
from decision_service.store import errors as faults
from decision_service.store.columns import padded
from decision_service.store.engine import PostgresServer, SqliteFile, parse_journal, parse_store_url
from decision_service.store.errors import (
    ConnectionLost,
    EntryRefused,
    HeldUp,
    RolledBack,
    StoreUrlInvalid,
)
from tests.kits.cases import cases

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


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///decision.db", "decision.db"),
        ("sqlite:////var/lib/decisions.db", "/var/lib/decisions.db"),
        ("sqlite:///data/a b.db", "data/a b.db"),
    ],
)
def test_a_sqlite_url_is_a_path(url: str, path: str) -> None:
    """Three slashes are relative to the working directory, four absolute."""
    assert parse_store_url(url) == SqliteFile(Path(path))


def test_companions_of_a_file_keep_its_whole_name() -> None:
    """The lock of a.db is a.db.lock in the same folder."""
    assert SqliteFile(Path("data/a.db")).companion(".lock") == Path("data/a.db.lock")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_the_usual_names_of_postgres_mean_one_driver(scheme: str) -> None:
    """Whatever an operator's platform calls it, asyncpg is asked."""
    address = parse_store_url(f"{scheme}://u:p@db.example:5433/credit")
    assert isinstance(address, PostgresServer)
    assert address.url.drivername == "postgresql+asyncpg"
    assert (address.url.host, address.url.port) == ("db.example", 5433)
    assert address.url.password == "p"


def test_sslmode_is_given_to_the_driver_by_its_own_name() -> None:
    """`sslmode=verify-full`, as libpq spells it, becomes the driver's `ssl`."""
    address = parse_store_url("postgresql://u@h/credit?sslmode=verify-full")
    assert isinstance(address, PostgresServer)
    assert dict(address.url.query) == {"ssl": "verify-full"}


def test_a_shown_address_hides_its_password() -> None:
    """What is logged of a URL holds user, host and database but no password."""
    address = parse_store_url("postgresql://u:hunter2@h/credit")
    assert isinstance(address, PostgresServer)
    assert address.shown == "postgresql://u:***@h/credit"


def test_a_journal_is_a_file_or_a_database() -> None:
    """A file by its path; a database on the store's server is seen to be there."""
    assert parse_journal("/var/lib/erasures") == Path("/var/lib/erasures")
    journal = parse_journal("postgresql://u:p@h:5432/erasures")
    store = parse_store_url("postgresql://v@h/credit")
    assert isinstance(journal, PostgresServer)
    assert isinstance(store, PostgresServer)
    assert journal.server == store.server


@pytest.mark.parametrize("given", ["mysql://u:hunter2@h/db", "postgresql://u:hunter2@h", "a\nb"])
def test_a_journal_that_is_neither_is_refused(given: str) -> None:
    """The sentence has the setting and no password."""
    with pytest.raises(StoreUrlInvalid, match="DECISION_ERASURE_JOURNAL") as refused:
        parse_journal(given)
    assert "hunter2" not in refused.value.message


@pytest.mark.parametrize(("url", "word"), cases("store/address"))
def test_a_url_that_is_no_store_is_refused_in_one_sentence(url: str, word: str) -> None:
    """The sentence names what is wrong and repeats no password."""
    with pytest.raises(StoreUrlInvalid) as refused:
        parse_store_url(url)
    assert word in refused.value.message
    assert "STORE_URL" in refused.value.message
    assert "hunter2" not in refused.value.message
    assert "\n" not in refused.value.message
