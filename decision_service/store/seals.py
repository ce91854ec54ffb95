"""Seals: each entry of a journal is bound to the one before it under a key of a file apart."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, NoReturn

import msgspec
import sqlalchemy as sa

from decision_service.decide.application import KEY_ID_BYTES
from decision_service.store.columns import insert_new, metadata
from decision_service.store.engine import Readable
from decision_service.store.errors import unavailable
from decision_service.store.keys import KeyFile, KnownKeys, derived

SEAL = "seal"
_INFO = b"decision-service journal key"
_WHOSE = "product"
_ID_DIGITS = 2 * KEY_ID_BYTES
_FORM = re.compile(f"[0-9a-f]{{{_ID_DIGITS}}}:[0-9a-f]{{64}}")
_ID = re.compile(f"[0-9a-f]{{{_ID_DIGITS}}}")
REMEDY = "restore the database's backup, and find out who wrote to the database"
_TAKE_OVER = "decision-service keys journal seal --take-over"

Row = Mapping[str, Any]


class JournalKey(msgspec.Struct, frozen=True):
    """A key of seals, derived from a secret of the file; `id` is derived from it and no secret."""

    key: bytes
    id: bytes

    @classmethod
    def of(cls, secret: bytes) -> JournalKey:
        """The key of at least 32 bytes; raises ValueError for fewer."""
        return cls(*derived(secret, _INFO))

    def seal(self, text: bytes) -> str:
        """The key's id and the MAC of a text, both in hexadecimal digits."""
        return f"{self.id.hex()}:{hmac.digest(self.key, text, 'sha256').hex()}"

    def __repr__(self) -> str:
        return f"JournalKey({self.id.hex()})"


JOURNAL_KEYS = KeyFile(
    "journal key", JournalKey.of, needed="entries of its journals that are sealed by"
)


class JournalKeys(KnownKeys[JournalKey]):
    """The newest key seals, all of them verify; without any key nothing is sealed or verified."""

    def __init__(self, path: Path | None = None, keys: tuple[JournalKey, ...] = ()) -> None:
        super().__init__(JOURNAL_KEYS, path, keys)


def canonical(table: str, row: Row, before: str) -> bytes:
    """The text of a row that is sealed: another one for each table, row, and seal `before` it.

    Raises ValueError for a value that is no text, whole number or null, as a database without
    strict types may hold.
    """
    # A column that is added later is left out where it has its default: else every seal breaks.
    for name, value in row.items():
        if value is not None and type(value) not in (int, str):
            raise ValueError(f"the column {name} holds a {type(value).__name__}")
    columns = {str(name): value for name, value in row.items()}
    said = {"table": str(table), "before": before, "row": columns}
    return msgspec.json.encode(said, order="deterministic")


class Chain(msgspec.Struct, frozen=True):
    """What was verified of a journal: a digest of each row from position 1, and the last seal."""

    seen: tuple[bytes, ...] = ()
    seal: str = ""

    @property
    def last(self) -> int:
        return len(self.seen)


def sealed_tables() -> Sequence[sa.Table]:
    """The journals, always in one order, in which they are locked."""
    found = [table for table in metadata.tables.values() if SEAL in table.c]
    return sorted(found, key=lambda table: table.name)


class Seals:
    """Seals new rows of journals, and verifies what is read of them.

    A journal is one table, or the rows of a product in it; its positions count from 1 without gaps.
    What a process has verified it remembers, so that only new rows are verified again, and an older
    or another journal is refused.
    """

    def __init__(self, keys: JournalKeys | None = None) -> None:
        self._keys = keys or JournalKeys()
        self._chains: dict[tuple[str, str], Chain] = {}
        # Held for no input or output. SQLite's work has threads of its own, so that two may verify
        # at once.
        self._lock = Lock()

    @property
    def keyed(self) -> bool:
        return self._keys.newest is not None

    def add(self, connection: sa.Connection, table: sa.Table, row: Row) -> bool | None:
        """Add a row with its seal; None where the very same is there, False where another is.

        Raises StoreUnavailable where the journal before it is not as it was sealed.
        """
        _keep_from_sealing(connection)
        # With both kinds whoever writes to the database could add a row without a seal.
        self._require_alike(connection)
        before = ""
        position = row["position"]
        if self.keyed:
            # Not remembered: of this transaction's own rows none counts yet.
            chain = self._verified(connection, table, whose(table, row))
            if position > chain.last + 1:
                _broken(table, row, "does not follow: the one before it is missing")
            before = chain.seal
        sealed = {**row, SEAL: self._seal(table, row, before)}
        if (not self.keyed or position > chain.last) and insert_new(connection, table, [sealed]):
            return True
        place = _of(table, whose(table, row)) & (table.c.position == position)
        found = connection.execute(sa.select(table).where(place)).one()._asdict()
        return None if unsealed(found) == unsealed(sealed) else False

    def known(self, table: sa.Table) -> set[str]:
        """Whose journals of a table this process has seen."""
        return {of for name, of in [*self._chains] if name == table.name}

    def require(self, connection: sa.Connection, table: sa.Table, row: Row) -> None:
        """Verify a last row that was read; raises StoreUnavailable. Cheap where it is known."""
        of = whose(table, row)
        chain = self._known(table, of)
        if row["position"] != chain.last or row[SEAL] != chain.seal:
            self.verified(connection, table, of)
        self.check(table, row)

    def check(self, table: sa.Table, row: Row) -> None:
        """Raise StoreUnavailable unless a row is as it was when the journal was verified."""
        chain = self._known(table, whose(table, row))
        position = row["position"]
        if not 1 <= position <= chain.last:
            _broken(table, row, "is no part of the journal that was verified")
        if self._digest(table, row) != chain.seen[position - 1]:
            _broken(table, row, "is not what this process read before")

    def verified(self, connection: sa.Connection, table: sa.Table, of: str = "") -> Chain:
        """A journal up to its last row; raises StoreUnavailable where it is not as it was sealed.

        Rows are verified that are new, and all of them where they were sealed anew.
        """
        chain = self._verified(connection, table, of)
        with self._lock:
            # Of two readers the one that began first may end last.
            if chain.last >= self._known(table, of).last:
                self._chains[table.name, of] = chain
        return chain

    def _known(self, table: sa.Table, of: str) -> Chain:
        return self._chains.get((table.name, of), Chain())

    def _verified(self, connection: sa.Connection, table: sa.Table, of: str) -> Chain:
        known = self._known(table, of)
        # The last known row is read again, to see that it is still what it was.
        rows = _rows(connection, table, of, first=max(known.last, 1))
        if not known.last:
            return self._extended(Chain(), table, rows)
        if not rows or rows[0]["position"] != known.last:
            _shorter(connection, table, of, known=known.last)
        if self._digest(table, rows[0]) != known.seen[-1]:
            _broken(table, rows[0], "is not what this process read before")
        if rows[0][SEAL] == known.seal:
            return self._extended(known, table, rows[1:])
        # Other seals: all were sealed anew, and must be the rows that were read before.
        every = _rows(connection, table, of, first=1)
        chain = self._extended(Chain(), table, every)
        for row, digest, seen in zip(every, chain.seen, known.seen, strict=False):
            if digest != seen:
                _broken(table, row, "is not what this process read before")
        return chain

    def seal_anew(self, connection: sa.Connection, *, take_over: bool = False) -> int:
        """Seal every row by the newest key, after all were verified; how many rows there are.

        With `take_over` rows are sealed that never were, as long as no row of any journal is.
        Raises StoreUnavailable for another one.
        """
        if connection.dialect.name == "postgresql":
            # Nothing may be added meanwhile under the old key.
            connection.execute(sa.text(f"LOCK TABLE {_names()} IN EXCLUSIVE MODE"))
        taken = take_over and not _any(connection, sealed=True)
        if take_over and not taken and _any(connection, sealed=False):
            raise unavailable(
                "some entries of the journals are sealed and others are not, so that these cannot "
                f"be taken over: {REMEDY}"
            )
        count = 0
        for table in sealed_tables():
            for of in _journals(connection, table):
                rows = _rows(connection, table, of, first=1)
                chain = Chain()
                if not taken:
                    self._extended(chain, table, rows)
                count += len(rows)
                self._renew(connection, table, rows)
        return count

    def _renew(self, connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
        before = ""
        for number, row in enumerate(rows, 1):
            if row["position"] != number:
                _broken(table, {**row, "position": number}, "is missing")
            try:
                before = self._seal(table, row, before)
            except ValueError as error:
                _broken(table, row, f"cannot be sealed ({error})")
            place = _of(table, whose(table, row)) & (table.c.position == number)
            connection.execute(sa.update(table).where(place).values({SEAL: before}))

    def _extended(self, chain: Chain, table: sa.Table, rows: Sequence[Row]) -> Chain:
        """A chain with the rows that follow; raises StoreUnavailable for one that does not."""
        seen = [*chain.seen]
        seal = chain.seal
        for row in rows:
            if row["position"] != len(seen) + 1:
                _broken(table, {**row, "position": len(seen) + 1}, "is missing")
            self._verify(table, row, seal)
            seen.append(self._digest(table, row))
            seal = row[SEAL]
        return Chain((*seen,), seal)

    def _verify(self, table: sa.Table, row: Row, before: str) -> None:
        seal = row[SEAL]
        if not self.keyed:
            return
        if seal == "" and row["position"] == 1:
            raise unavailable(
                f"{_named(table, row)} was never sealed: run `{_TAKE_OVER}` where the journal key "
                f"is new, else {REMEDY}"
            )
        if not isinstance(seal, str) or not _FORM.fullmatch(seal):
            _broken(table, row, "has no seal")
        key = self._keys.find(bytes.fromhex(seal[:_ID_DIGITS]))
        if key is None:
            raise unavailable(
                f"{_named(table, row)} is sealed by the journal key {seal[:_ID_DIGITS]}, which "
                f"this process lacks: put it into the file of {JOURNAL_KEYS.setting}, and start "
                f"the process again; where there never was such a key, {REMEDY}"
            )
        text = self._text(table, row, before)
        # In constant time: how long it takes must not show how far two seals agree.
        if not hmac.compare_digest(key.seal(text), seal):
            _broken(table, row, "is not what was sealed there")

    def _seal(self, table: sa.Table, row: Row, before: str) -> str:
        newest = self._keys.newest
        return "" if newest is None else newest.seal(canonical(table.name, unsealed(row), before))

    def _digest(self, table: sa.Table, row: Row) -> bytes:
        return hashlib.sha256(self._text(table, row, "")).digest()

    def _text(self, table: sa.Table, row: Row, before: str) -> bytes:
        try:
            return canonical(table.name, unsealed(row), before)
        except ValueError as error:
            _broken(table, row, f"is not what was sealed there ({error})")

    def _require_alike(self, connection: sa.Connection) -> None:
        """Refuse to write what is sealed beside what is not, whichever came first."""
        if self.keyed and _any(connection, sealed=False):
            raise unavailable(
                f"the journals hold entries that were never sealed: run `{_TAKE_OVER}` where the "
                f"journal key is new, else {REMEDY}"
            )
        if not self.keyed and _any(connection, sealed=True):
            raise unavailable(
                "the journals are sealed and this process has no journal key: set "
                f"{JOURNAL_KEYS.setting}, and start the process again"
            )


UNSEALED = Seals()
"""Of who has no key, such as reports: it verifies nothing and remembers nothing."""


def unsealed(row: Row) -> dict[str, Any]:
    """The columns that a seal is about: all but the seal itself."""
    return {name: value for name, value in row.items() if name != SEAL}


def whose(table: sa.Table, row: Row) -> str:
    return str(row[_WHOSE]) if _WHOSE in table.c else ""


def _of(table: sa.Table, of: str) -> sa.ColumnElement[bool]:
    return table.c[_WHOSE] == of if _WHOSE in table.c else sa.true()


def _rows(connection: sa.Connection, table: sa.Table, of: str, first: int) -> Sequence[Row]:
    query = sa.select(table).where(_of(table, of), table.c.position >= first)
    return [row._asdict() for row in connection.execute(query.order_by(table.c.position))]


def _journals(connection: sa.Connection, table: sa.Table) -> Sequence[str]:
    if _WHOSE not in table.c:
        return [""]
    found = sa.select(table.c[_WHOSE]).distinct().order_by(table.c[_WHOSE])
    return connection.execute(found).scalars().all()


def _any(connection: sa.Connection, *, sealed: bool) -> bool:
    """Whether a row of any journal is sealed, or is not."""
    for table in sealed_tables():
        of = table.c[SEAL] != "" if sealed else table.c[SEAL] == ""
        if connection.execute(sa.select(sa.literal(1)).where(of).limit(1)).first():
            return True
    return False


def _keep_from_sealing(connection: sa.Connection) -> None:
    """Wait for who seals the journals anew, and have them wait until this transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"LOCK TABLE {_names()} IN ROW EXCLUSIVE MODE"))


def _names() -> str:
    return ", ".join(table.name for table in sealed_tables())


def _shorter(connection: sa.Connection, table: sa.Table, of: str, known: int) -> NoReturn:
    query = sa.select(sa.func.max(table.c.position)).where(_of(table, of))
    last = connection.execute(query).scalar() or 0
    row = {"position": known, _WHOSE: of}
    if last > known:
        _broken(table, row, "is missing")
    _broken(table, row, f"was read by this process and is gone, the last one is {last}")


def gone(table: sa.Table, of: str, position: int) -> NoReturn:
    """Raise StoreUnavailable for a row that a journal lacks."""
    _broken(table, {"position": position, _WHOSE: of}, "is missing")


def _broken(table: sa.Table, row: Row, what: str) -> NoReturn:
    raise unavailable(f"{_named(table, row)} {what}: {REMEDY}")


def _named(table: sa.Table, row: Row) -> str:
    of = f" of {row[_WHOSE]}" if _WHOSE in table.c else ""
    return f"the entry {row['position']}{of} in the table {table.name}"


def _key_ids(connection: sa.Connection) -> frozenset[bytes]:
    """The ids of the keys in the seals; what is no seal is refused when its row is read."""
    found: set[bytes] = set()
    for table in sealed_tables():
        found.update(_ids(connection, table))
    return frozenset(found)


def _ids(connection: sa.Connection, table: sa.Table) -> Iterator[bytes]:
    start = sa.func.substr(table.c[SEAL], 1, _ID_DIGITS)
    for found in connection.execute(sa.select(start).where(table.c[SEAL] != "").distinct()):
        if isinstance(found[0], str) and _ID.fullmatch(found[0]):
            yield bytes.fromhex(found[0])


async def open_journal_keys(path: Path | None, database: Readable) -> JournalKeys:
    """The keys of a file, none where no file is named; raises StoreRefused for a lost key."""
    used = await database.read(_key_ids)
    keys = await asyncio.to_thread(JOURNAL_KEYS.open, path, used, None)
    return JournalKeys(path, keys)
