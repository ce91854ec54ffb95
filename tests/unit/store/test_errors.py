"""STORE_URL as operators write it, errors as those who wait meet them, damage in a log."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
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
from decision_service.store.sqlite_file import is_damaged
from tests.fakes.examples import examples
from tests.kits.cases import cases

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def test_a_journal_is_named_by_its_url() -> None:
    """A path of an older setting is the same file; a database on the store's server is seen."""
    file = SqliteFile(Path("/var/lib/erasures"))
    assert parse_journal("sqlite:////var/lib/erasures") == file
    assert parse_journal("/var/lib/erasures") == file
    journal = parse_journal("postgresql://u:p@h:5432/erasures")
    store = parse_store_url("postgresql://v@h/credit")
    assert isinstance(journal, PostgresServer)
    assert isinstance(store, PostgresServer)
    assert journal.server == store.server


@pytest.mark.parametrize(
    "given",
    ["mysql://u:hunter2@h/db", "postgresql://u:hunter2@h", "sqlite://u:hunter2@h/f", "a\nb"],
)
def test_a_journal_by_another_url_is_refused(given: str) -> None:
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


PAGE = 512
FRAME = 24 + PAGE
COMMITS = 8


@contextmanager
def logging_database(folder: Path) -> Iterator[sqlite3.Connection]:
    """A database with small pages whose log is never folded in by itself."""
    with closing(sqlite3.connect(folder / "a.db", isolation_level=None)) as connection:
        for pragma in (f"page_size={PAGE}", "journal_mode=WAL", "wal_autocheckpoint=0"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, body BLOB)")
        yield connection


@cache
def written_log() -> bytes:
    """A log of several commits of several frames each, written by SQLite itself."""
    with TemporaryDirectory() as folder, logging_database(Path(folder)) as connection:
        for _ in range(COMMITS - 1):
            connection.execute("INSERT INTO t (body) VALUES (randomblob(1500))")
        return (Path(folder) / "a.db-wal").read_bytes()


def commit_ends(log: bytes) -> list[int]:
    """Where each commit's last frame ends."""
    starts = range(32, len(log), FRAME)
    return [at + FRAME for at in starts if struct.unpack_from(">I", log, at + 4)[0]]


def test_the_sample_is_what_the_tests_believe() -> None:
    """The log holds whole frames and eight commits."""
    log = written_log()
    assert (len(log) - 32) % FRAME == 0
    assert len(commit_ends(log)) == COMMITS


@settings(max_examples=examples(80), deadline=None)
@given(cut=st.integers(0, 40 * FRAME))
def test_a_log_cut_anywhere_is_no_damage(cut: int) -> None:
    """A crash may end a log at any byte."""
    assert not is_damaged(written_log()[:cut])


@settings(max_examples=examples(120), deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@example(place=0.0, bit=0)
def test_a_flipped_bit_before_later_commits_is_damage(place: float, bit: int) -> None:
    """Any bit of the header or of a commit with two behind it, once flipped, is found."""
    log = bytearray(written_log())
    at = int(place * commit_ends(written_log())[-3])
    log[at] ^= 1 << bit
    assert is_damaged(bytes(log))


@settings(max_examples=examples(60), deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), size=st.integers(1, 4 * FRAME))
def test_a_torn_last_commit_is_no_damage(place: float, size: int) -> None:
    """Any stretch of the last commit may never have reached the disk when the power went."""
    log = bytearray(written_log())
    first, last = commit_ends(written_log())[-2:]
    start = first + int(place * (last - first))
    end = min(start + size, last)
    log[start:end] = bytes(end - start)
    assert not is_damaged(bytes(log))


def test_frames_of_an_earlier_round_are_no_damage(tmp_path: Path) -> None:
    """After a checkpoint the log begins anew over old frames, which count for nothing."""
    with logging_database(tmp_path) as connection:
        for _ in range(5):
            connection.execute("INSERT INTO t (body) VALUES (randomblob(1500))")
        connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        connection.execute("INSERT INTO t (body) VALUES (randomblob(10))")
        log = (tmp_path / "a.db-wal").read_bytes()
    assert len(commit_ends(log)) > 2
    assert not is_damaged(log)


def test_an_intact_log_is_no_damage() -> None:
    """What SQLite wrote and nobody touched is whole."""
    assert not is_damaged(written_log())
    assert not is_damaged(b"")
