"""Damage in a write-ahead log, told from what a crash leaves."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st

from decision_service.store.sqlite_file import is_damaged
from tests.fakes.examples import examples

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
