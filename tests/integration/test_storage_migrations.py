"""New tables, and the steps between their versions, on both databases."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from decision_service.storage import migrations
from decision_service.storage.engine import Database, migrate, open_database
from decision_service.storage.errors import SchemaUnfit
from decision_service.storage.postgres import database as postgres_database
from decision_service.storage.schema import versions as schema
from decision_service.storage.store import Store
from tests.kits.decision_entries import ENTRY, as_stored
from tests.kits.postgres import Postgres

NEWEST = max(path.name[:4] for path in Path(migrations.__file__).parent.glob("versions/*.py"))
NEXT_STEP = """
from alembic import op
import sqlalchemy as sa
revision = "9999"
down_revision = "{newest}"

def upgrade():
    op.create_table("later", sa.Column("unit", sa.Text, primary_key=True))
    {trouble}
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place for a store on each dialect, without tables as yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/decisions.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.empty()


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """A migrated database."""
    await migrate(url)
    database = await open_database(url)
    yield database
    await database.aclose()


@pytest.fixture
def next_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes this a later version of the program, with one more step, until the test ends."""

    def become(trouble: str) -> None:
        folder = tmp_path / "migrations"
        shutil.copytree(Path(migrations.__file__).parent, folder)
        step = NEXT_STEP.format(newest=NEWEST, trouble=trouble)
        (folder / "versions" / "9999_next.py").write_text(step)
        monkeypatch.setattr(schema, "_SCRIPTS", str(folder))

    return become


def test_versions_are_known_by_the_names_of_their_scripts() -> None:
    """What alembic reads out of the scripts says the same, in the same order."""
    scripts = ScriptDirectory(Path(migrations.__file__).parent)
    assert schema.known_versions() == tuple(one.revision for one in scripts.walk_revisions())


async def test_postgresql_keeps_a_decision_in_one_piece(database: Database) -> None:
    """No row of a decision that has up to 4,000 bytes is cut up."""

    def options(connection: Connection) -> list[str] | None:
        if connection.dialect.name != "postgresql":
            pytest.skip("SQLite has no such choice")
        told = "SELECT reloptions FROM pg_class WHERE relname = 'decisions'"
        return list(connection.execute(text(told)).scalar_one())

    assert await database.read(options) == ["toast_tuple_target=4080"]


async def test_migrating_twice_changes_nothing(url: str) -> None:
    """A second migrate keeps the tables and their rows."""
    await migrate(url)
    store = await Store.open(url)
    await store.commit(ENTRY)
    await store.aclose()
    await migrate(url)
    store = await Store.open(url)
    assert await store.get(ENTRY.decision_id) == as_stored(ENTRY)
    await store.aclose()


async def test_older_tables_are_refused_until_they_are_migrated(
    url: str, next_program: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later program names `migrate`, migrates with all rows, and the earlier one then refuses."""
    await migrate(url)
    store = await Store.open(url)
    await store.commit(ENTRY)
    await store.aclose()
    next_program("")
    with pytest.raises(SchemaUnfit, match=rf"schema {NEWEST} .* needs 9999.*migrate"):
        await Store.open(url)
    await migrate(url)
    store = await Store.open(url)
    assert await store.get(ENTRY.decision_id) == as_stored(ENTRY)
    await store.aclose()
    monkeypatch.undo()
    with pytest.raises(SchemaUnfit, match=f"schema 9999, newer than {NEWEST}"):
        await Store.open(url)


async def test_the_steps_make_the_tables_that_a_new_store_has(url: str) -> None:
    """Tables of the first version, brought up, have the columns, keys and indexes of new ones."""
    await migrate(url)
    database = await open_database(url)
    new = await database.read(described)
    pins = "pins" if url.startswith("postgresql") else "pins = 1"
    for statement in (
        *(
            f"DROP TABLE {name}"
            for name in (
                "loan_outcomes",
                "history",
                "history_keys",
                "clock_resets",
                "reviews",
                "review_events",
                "notices",
            )
        ),
        "ALTER TABLE link_tokens DROP COLUMN original",
        "ALTER TABLE rollout_journal DROP COLUMN ticket",
        *(f"ALTER TABLE events DROP COLUMN {name}" for name in ("since", "due")),
        *(
            statement
            for table in ("consents", "ended_incomes")
            for statement in (
                f"DROP INDEX {table}_wrapped_by",
                f"ALTER TABLE {table} DROP COLUMN wrapped_by",
            )
        ),
        *(f"DROP INDEX arm_decisions_{name}" for name in ("granted", "pin")),
        f"CREATE INDEX arm_decisions_pin ON arm_decisions (product, unit, created) WHERE {pins}",
        *(f"ALTER TABLE arm_decisions DROP COLUMN {name}" for name in ("tier", "granted")),
        "UPDATE alembic_version SET version_num = '0014'",
    ):
        await database.write(lambda c, statement=statement: c.execute(text(statement)))
    assert "loan_outcomes" not in await database.read(described)
    await database.aclose()
    await migrate(url)
    database = await open_database(url)
    assert await database.read(described) == new
    await database.aclose()


def described(connection: Connection) -> dict[str, list[str]]:
    """Each table's columns, key and indexes, as the database describes them."""
    seen = inspect(connection)
    return {
        table: [
            *map(str, seen.get_columns(table)),
            str(seen.get_pk_constraint(table)),
            *(f"{one['name']} {one['column_names']}" for one in seen.get_indexes(table)),
        ]
        for table in seen.get_table_names()
    }


async def test_tables_of_a_development_version_are_refused(url: str) -> None:
    """Tables older than the history are neither served nor migrated, and the sentence says so."""
    await migrate(url)
    database = await open_database(url)
    older = text("UPDATE alembic_version SET version_num = '0013'")
    await database.write(lambda connection: connection.execute(older))
    await database.aclose()
    for use in (migrate, Store.open):
        with pytest.raises(SchemaUnfit, match=r"schema 0013 of a development version.* new, empty"):
            await use(url)


async def test_a_step_that_fails_leaves_the_tables_as_they_were(
    url: str, next_program: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration is one transaction: nothing of a broken one stays."""
    await migrate(url)
    next_program("raise ZeroDivisionError")
    with pytest.raises(ZeroDivisionError):
        await migrate(url)
    monkeypatch.undo()
    database = await open_database(url)

    def tables(connection: Connection) -> bool:
        return bool(connection.dialect.has_table(connection, "later"))

    assert not await database.read(tables)
    await database.aclose()


async def test_postgres_tables_are_made_by_migrate_alone(postgres: Postgres) -> None:
    """An empty PostgreSQL database is refused by serve, which many processes start at once."""
    with pytest.raises(SchemaUnfit, match="decision-service migrate"):
        await Store.open(postgres.empty())


async def test_migrations_of_one_database_wait_for_each_other(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several processes that migrate at once all succeed, however long the first one takes."""
    monkeypatch.setitem(postgres_database._PATIENT_SETTINGS, "lock_timeout", "1")
    url = postgres.empty()
    await asyncio.gather(*(migrate(url) for _ in range(4)))
    store = await Store.open(url)
    await store.aclose()


async def test_a_migration_may_take_longer_than_a_decision_may(
    postgres: Postgres, next_program: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit on statements that serve does not end a step that rewrites a large table."""
    monkeypatch.setitem(postgres_database._SETTINGS, "statement_timeout", "50")
    url = postgres.empty()
    await migrate(url)
    next_program("op.execute('SELECT pg_sleep(0.3)')")
    await migrate(url)


async def test_postgres_keeps_bodies_uncompressed_beside_the_row(postgres: Postgres) -> None:
    """Replies, facts, snapshots and texts are STORAGE EXTERNAL: they are read far more cheaply."""
    database = await open_database(postgres.migrated())
    query = text(
        "SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
        "WHERE attstorage = 'e' AND relnamespace = 'public'::regnamespace"
    )
    found = await database.read(lambda c: {tuple(row) for row in c.execute(query)})
    assert found == {
        ("decisions", "reply"),
        ("decisions", "facts"),
        ("snapshots", "body"),
        ("texts", "body"),
    }
    await database.aclose()
