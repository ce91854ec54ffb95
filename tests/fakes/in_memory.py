"""The store's log and its leases in the memory of one process."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace
from sqlalchemy import Connection, Engine, NullPool, create_engine, event

from decision_service.domain.errors import LeaseLost, RequestInProgress, StoreUnavailable
from decision_service.domain.ports import DecisionEntry, Lease, StoredEntry
from decision_service.store import errors
from decision_service.store.columns import metadata
from decision_service.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable


import re
import shutil
from pathlib import Path

from decision_service.rulebook.folder import RuleFolder, TextFile

_STAGE = re.compile(r"\n  - name: (own_records|exposure) .*?(?=\n  - name: |\noffer:)", re.DOTALL)
_REASONS = re.compile(
    r"\n  (ALREADY_GRANTED|SHORT_TERM_DEBT|OWN_LOAN_OVERDUE|MANY_APPLICATIONS"
    r"|DECLINED_LATELY|ACCOUNT_SHARED"
    r"|ACCOUNT_OWES|MANY_LENDERS|DOCUMENTS_SHARED"
    r"|USER_SHARED|PERSON_TWICE|IDENTITY_DIFFERS|CONTACTS_DIFFER):(\n    [^\n]*)+"
)
_PARAMS = re.compile(
    r"\n  (max_applications_1d|max_applications_30d|max_lenders_7d|cooling_off_days"
    r"|max_short_term_debt):[^\n]*"
)
_DERIVED = re.compile(
    r"\n  (decided_as_usual_from|may_be_granted|may_be_owed|short_term_bearable|kept_open): [^\n]*"
)
_GIVEN = re.compile(r"\n    (history|reuse|match|links)\.[^\n]*")
_EDGES = re.compile(r"\n      (history|reuse|match|links)\.\w+: \{[^\n]*")
_CASE = re.compile(r"\n  - name: [^\n]*(\n    [^\n]*)*")
_OWN = re.compile(r"\b(history|reuse|match|links)\.|ALREADY_GRANTED|SHORT_TERM_DEBT")
_DAY = re.compile(r"\n    history\.today: [^\n]*")
"""What a version that names due days still needs of them."""
_CASES = re.compile(r"\n  # What this lender knows.*", re.DOTALL)
_GUARANTEES = re.compile(r"\nguarantees:(\n(?![a-z])[^\n]*)*")
_TERMS = (
    (" + history.exposure_instalments", ""),
    (" - history.exposure", ""),
    (
        "max(limit.max_amount - liabilities.outstanding_short_term, derived.kept_open)",
        "limit.max_amount - liabilities.outstanding_short_term",
    ),
    ("coalesce(inputs.open_advances, history.exposure_instalments)", "inputs.open_advances"),
    (
        "max(inputs.open_advances, history.exposure_instalments)",
        "coalesce(inputs.open_advances, 0)",
    ),
)


def without_records(text: str) -> str:
    """A rule file's text without own records, and with no guarantee but that of the law."""
    for part in (_STAGE, _DERIVED, _REASONS, _PARAMS):
        text = part.sub("", text)
    text = _GUARANTEES.sub(_of_the_law, text)
    return _without_terms(text)


def _of_the_law(guarantees: re.Match[str]) -> str:
    lines = [line for line in guarantees[0].splitlines() if "law: " in line]
    return "\nguarantees:\n" + "\n".join(lines) if lines else ""


def _without_terms(text: str) -> str:
    for term, instead in _TERMS:
        text = text.replace(term, instead)
    return text


def cases_without(text: str) -> str:
    """A text of rule tests without what it gives of own records, and their cases."""
    text, day = _CASES.sub("\n", _EDGES.sub("", text)), _DAY.search(text)
    text = _CASE.sub(lambda case: "" if _OWN.search(case[0]) else case[0], text)
    text = _GIVEN.sub("", text)
    if day and "income.next_due_date" in text:
        text = text.replace("\n  factors:", f"\n  factors:{day[0]}", 1)
    return _without_terms(text)


def forgetful(folder: RuleFolder) -> RuleFolder:
    """Every ruleset of a folder without them."""
    products = tuple(
        replace(
            product,
            rulesets={
                version: TextFile(file.path, without_records(file.text))
                for version, file in product.rulesets.items()
            },
            tests=tuple(TextFile(file.path, cases_without(file.text)) for file in product.tests),
            stories=(),
        )
        for product in folder.products
    )
    return replace(folder, products=products)


def forgetful_copy(rules: Path, target: Path) -> Path:
    """A copy of a rules folder without them, and without the cases that speak of them."""
    shutil.copytree(rules, target, ignore=shutil.ignore_patterns("stories"))
    for file in target.glob("*/v*.yaml"):
        file.write_text(without_records(file.read_text(encoding="utf-8")), encoding="utf-8")
    for file in target.glob("*/tests/v*.yaml"):
        file.write_text(cases_without(file.read_text(encoding="utf-8")), encoding="utf-8")
    return target


T = TypeVar("T")


class MemoryDatabase:
    """The `Database` on one connection, on which work is done at once and in turn.

    Set `down` to have all of it fail as a store that cannot serve.
    """

    split_batches = 1
    shared = False

    def __init__(self) -> None:
        self.down = False
        self._connection = _engine().connect()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Let others run, as every real store does, then work in a transaction."""
        await asyncio.sleep(0)
        if self.down:
            raise StoreUnavailable("the store is down: nothing was recorded", retry_after=1.0)
        try:
            with self._connection.begin():
                return work(self._connection)
        except errors.OF_SQLITE as error:
            raise errors.of_sqlite(error) from error

    read_together = look_up = commit = note = read

    async def write(self, work: Callable[[Connection], T], *, repeatable: bool = False) -> T:
        del repeatable
        return await self.read(work)

    async def scrub(self) -> None:
        """Nothing is on a disk."""

    async def aclose(self) -> None:
        self._connection.close()


@cache
def _engine() -> Engine:
    """One for all, so that a statement is compiled once; each connection is a database."""
    template = sqlite3.connect(":memory:", check_same_thread=False)
    metadata.create_all(create_engine("sqlite://", creator=lambda: template))

    def connect() -> sqlite3.Connection:
        copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        template.backup(copy)
        return copy

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


class InMemoryDecisionLog(Store):
    """The store of one test; set `down` to have it fail.

    `commits` counts the calls that were answered; `fences` holds who has leave to commit which
    request, as several processes share a server's leases.
    """

    def __init__(self, database: MemoryDatabase | None = None) -> None:
        self.database = database or MemoryDatabase()
        super().__init__(self.database, 0.0, 128)
        self.commits = 0
        self.fences: dict[tuple[str, str], str] = {}

    @property
    def down(self) -> bool:
        return self.database.down

    @down.setter
    def down(self, down: bool) -> None:
        self.database.down = down

    async def commit(self, entry: DecisionEntry) -> StoredEntry:
        self.commits += not self.down
        key = (entry.caller, entry.request_id)
        if entry.fence and self.fences.get(key) != entry.fence:
            earlier = (await self.look_up(*key)).entry
            if earlier is None:
                raise LeaseLost("another process decides this request by now")
            return earlier
        stored = await super().commit(replace(entry, fence=""))
        self.fences.pop(key, None)
        return stored


class InMemoryLeases:
    """The `Leases` of a log in memory; `expire` does to every holder what time does to a dead one.

    Time stands still: whoever waits does so for as many turns of the loop as seconds are given.
    """

    def __init__(self, log: InMemoryDecisionLog) -> None:
        self._log = log

    async def claim(self, caller: str, request_id: str, seconds: float) -> Lease | StoredEntry:
        key = (caller, request_id)
        for _ in range(max(int(seconds), 0) + 1):
            stored = (await self._log.look_up(*key)).entry
            if stored is not None:
                return stored
            if key not in self._log.fences:
                self._log.fences[key] = secrets.token_hex(8)
                return Lease(*key, self._log.fences[key])
            await asyncio.sleep(0)
        raise RequestInProgress("still being decided", retry_after=1.0)

    def release(self, lease: Lease) -> None:
        key = (lease.caller, lease.request_id)
        if self._log.fences.get(key) == lease.fence:
            del self._log.fences[key]

    def expire(self) -> None:
        self._log.fences.clear()
