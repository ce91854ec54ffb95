"""The tables' version, and its migrations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from decision_service.store import (  # noqa: F401 - each of them declares its tables
    applicants,
    arms,
    columns,
    commit,
    erasure,
    errors,
    events,
    notices,
    outbox,
    outcomes,
    releases,
    replicas,
    reviews,
    rollouts,
)
from decision_service.store.errors import StoreRefused

_SCRIPTS = str(Path(__file__).parent / "migrations")
_VERSIONS = sa.table("alembic_version", sa.column("version_num"))
_MIGRATION_LOCK = 0x6465_6369_7369_6F6E
"""The number of PostgreSQL's advisory lock for one migration at a time."""

LEAST_POSTGRES = 15
"""The oldest major version of PostgreSQL whose servers are used."""


def personal_tables() -> Mapping[str, columns.PersonalTable]:
    every = ((name, columns.person_of(table)) for name, table in columns.metadata.tables.items())
    return {name: held for name, held in every if held is not None}


def upgrade(connection: sa.Connection) -> None:
    """Bring the tables to the newest version, inside the connection's transaction.

    The steps alone make tables, in a new store too. Raises StoreRefused where there are newer ones,
    ones from before the baseline, or those of another program; StepFailed for a step that fails.
    """
    _require_server(connection)
    if connection.dialect.name == "postgresql":
        # Other migrations are waited for without a limit, locks on tables only as usual.
        connection.execute(sa.text("SET LOCAL lock_timeout = 0"))
        connection.execute(
            sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK}
        )
        connection.execute(sa.text("SET LOCAL lock_timeout TO DEFAULT"))
    _require_ours(connection)
    # Imported here: a tenth of the start, where nothing is to be brought up.
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", _SCRIPTS)
    found = version(connection) or ""
    # One by one, so that the step that fails is known.
    for script in _scripts():
        step = _version_of(script)
        # Numbers of one length, so that they compare as text.
        if step <= found:
            continue
        try:
            command.upgrade(config, step)
        except SQLAlchemyError as error:
            raise errors.step_failed(script.stem, connection.dialect.name, error) from error


def require_usable(connection: sa.Connection) -> None:
    """Raises StoreRefused unless the tables have this program's version; writes once."""
    require_current(connection)
    # Neither a read-only file nor a replica refuses to begin a transaction: a write shows it.
    connection.execute(sa.update(_VERSIONS).values(version_num=_VERSIONS.c.version_num))


def require_current(connection: sa.Connection) -> None:
    """Raises StoreRefused unless the tables have exactly this program's version."""
    _require_server(connection)
    _require_ours(connection)
    found = version(connection)
    newest = known_versions()[0]
    if found is None:
        raise StoreRefused("the store has no tables yet: run `decision-service migrate` once")
    if found != newest:
        raise StoreRefused(
            f"the store has schema {found} and this program needs {newest}: back it up, then run "
            "`decision-service migrate`"
        )


def version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(_VERSIONS.name):
        return None
    return connection.execute(sa.select(_VERSIONS.c.version_num)).scalar()


def _require_server(connection: sa.Connection) -> None:
    found = connection.dialect.server_version_info
    if connection.dialect.name == "postgresql" and found and int(found[0]) < LEAST_POSTGRES:
        raise StoreRefused(
            f"the store's server is PostgreSQL {'.'.join(map(str, found))}, and this program needs "
            f"PostgreSQL {LEAST_POSTGRES} or newer: upgrade the server, or set DECISION_STORE_URL "
            "to a newer one"
        )


def _require_ours(connection: sa.Connection) -> None:
    found = version(connection)
    if found is None and sa.inspect(connection).get_table_names():
        raise StoreRefused(
            "the database holds tables of another program: set DECISION_STORE_URL to one of its own"
        )
    known = known_versions()
    if found is None or found in known:
        return
    if found < known[-1]:
        raise StoreRefused(
            f"the store has schema {found}, made before the first release, and this program takes "
            f"none older than {known[-1]}: export what is still needed by the version that made "
            "it, then set DECISION_STORE_URL to a new, empty store, and run `decision-service "
            "migrate`"
        )
    raise StoreRefused(
        f"the store has schema {found}, newer than {known[0]}, the newest that this program "
        "knows: run the newer program, or restore a backup from before its migration"
    )


def known_versions() -> tuple[str, ...]:
    """Newest first: a script's file is named by the version that it makes, the next number."""
    return tuple(map(_version_of, reversed(_scripts())))


def _scripts() -> list[Path]:
    return sorted(Path(_SCRIPTS, "versions").glob("[0-9]*_*.py"))


def _version_of(script: Path) -> str:
    return script.name.partition("_")[0]
