"""A PostgreSQL server that waits for its disk, as one that operators run does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.kits.postgres import Postgres, running_postgres


@contextmanager
def durable_postgres() -> Iterator[Postgres]:
    """The tests' server with the disk taken seriously again; `migrated` gives an emptied database.

    Raises `pytest.skip.Exception`, as the tests' does, where the machine cannot run one.
    """
    with running_postgres() as postgres:
        postgres.server.psql("ALTER SYSTEM RESET fsync")
        postgres.server.psql("SELECT pg_reload_conf()")
        assert "on" in postgres.server.psql("SHOW fsync").split()
        yield postgres


def version_of(postgres: Postgres) -> str:
    """The server's version."""
    return postgres.server.psql("SHOW server_version").split()[2]
