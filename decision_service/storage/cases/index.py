"""The index of a case file: where each decision stands, whose it is, and when it was made."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import msgspec

from decision_service.domain.verdict import Outcome
from decision_service.storage.cases.line import CaseLine, LineBroken, parsed
from decision_service.storage.queries.decisions import microseconds

LONGEST = 1 << 20
"""Bytes of a line above which it is no exported decision."""

_SCHEMA = """
CREATE TABLE cases (
    decision TEXT PRIMARY KEY, unit TEXT, created INTEGER, decided INTEGER, place INTEGER
) WITHOUT ROWID
"""
_INDEXES = (
    "CREATE INDEX by_time ON cases (created, decision)",
    "CREATE INDEX by_unit ON cases (unit, created, decision)",
)
_INSERT = "INSERT OR IGNORE INTO cases VALUES (?, ?, ?, ?, ?)"


class BrokenLine(msgspec.Struct, frozen=True):
    """A line, from 1, that is not counted, and why."""

    number: int
    why: str


class IndexedCases(msgspec.Struct):
    """What a file came to: lines of the product, of others, and those that are broken."""

    lines: int = 0
    others: int = 0
    broken: list[BrokenLine] = []


def build_index(file: Path, product: str, index: Path) -> IndexedCases:
    """Write the index of a product's decisions; raises OSError where the file cannot be read."""
    told = IndexedCases()
    with file.open("rb") as source, closing(sqlite3.connect(index)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute(_SCHEMA)
        for number, (place, line) in enumerate(_lines(source), 1):
            if line.strip():
                _take(database, told, number, place, line, product)
        for statement in _INDEXES:
            database.execute(statement)
        database.commit()
    return told


def _take(
    database: sqlite3.Connection,
    told: IndexedCases,
    number: int,
    place: int,
    line: bytes,
    product: str,
) -> None:
    try:
        case = _parsed(line)
    except LineBroken as error:
        told.broken.append(BrokenLine(number, str(error)))
        return
    if case.product != product:
        told.others += 1
        return
    row = (
        case.decision,
        case.unit,
        microseconds(case.decided),
        case.outcome is not Outcome.NOT_ENROLLED,
        place,
    )
    if database.execute(_INSERT, row).rowcount:
        told.lines += 1
    else:
        told.broken.append(BrokenLine(number, f"decision {case.decision} stands here again"))


def _parsed(line: bytes) -> CaseLine:
    if len(line) > LONGEST:
        raise LineBroken(f"the line has more than {LONGEST:,} bytes")
    return parsed(line)


def _lines(source: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Each line with the byte that it begins at; of one that is too long its beginning."""
    place = source.tell()
    while line := source.readline(LONGEST + 1):
        yield place, line
        while not line.endswith(b"\n") and (rest := source.readline(LONGEST)):
            line = rest
        place = source.tell()
