"""The port to the database, implemented for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeGuard, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")
P = ParamSpec("P")

READERS = 4
"""Number of reading connections."""


class Database(Protocol):
    """Runs functions of a SQLAlchemy connection, the same for every dialect.

    `split_batches` is the number of groups that concurrent decisions are best divided into: one
    where this process does the work of a commit, two where a server commits meanwhile. Several
    processes may share it where it is `shared`: PostgreSQL alone.
    """

    split_batches: int
    shared: bool

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run read-only work; raises StoreUnavailable or EntryRefused."""

    async def read_together(self, work: Callable[[Connection], T]) -> T:
        """As `read`, in one transaction: every statement sees the same state of the store."""

    async def look_up(self, work: Callable[[Connection], T]) -> T:
        """As `read`, on a connection that is kept for what decisions look up."""

    async def write(self, work: Callable[[Connection], T], *, repeatable: bool = False) -> T:
        """Run work in one transaction, durable on return.

        Work may run more than once before it counts. Raises EntryRefused or StoreUnavailable, when
        nothing was kept, and ConnectionLost, when that is unknown. `repeatable` work counts once,
        however often it was run: after a lost connection it is run once more.
        """

    async def commit(self, work: Callable[[Connection], T]) -> T:
        """As `write` of repeatable work, on a connection that is kept for decisions alone."""

    async def scrub(self) -> None:
        """Remove deleted content from the files; raises StoreUnavailable."""

    async def aclose(self) -> None:
        """Finish running work and close every connection."""


class SharedDatabase(Database, Protocol):
    """One that several processes share, which see of each other what they note."""

    async def note(self, work: Callable[[Connection], T]) -> T:
        """Run work that may be lost in a crash of the server, each statement by itself.

        All of it goes over one connection, by which the server knows this process; a lost one is
        replaced once.
        """


class Subject:
    """What the store does about one subject."""

    def __init__(self, database: Database) -> None:
        self._database = database


Work = Callable[Concatenate[Connection, P], T]
Method = Callable[Concatenate[Subject, P], Coroutine[Any, Any, T]]


def reads(work: Work[P, T]) -> Method[P, T]:
    """The method of a subject that reads by this work."""

    async def read(self: Subject, /, *given: P.args, **named: P.kwargs) -> T:
        return await self._database.read(lambda connection: work(connection, *given, **named))

    return read


def writes(work: Work[P, T], *, repeatable: bool = False) -> Method[P, T]:
    """The method of a subject that writes by this work, as `Database.write`."""

    async def write(self: Subject, /, *given: P.args, **named: P.kwargs) -> T:
        return await self._database.write(
            lambda connection: work(connection, *given, **named), repeatable=repeatable
        )

    return write


def is_shared(database: Database) -> TypeGuard[SharedDatabase]:
    return database.shared
