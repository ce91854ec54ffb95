"""New tables, the steps between their versions, and stores of releases, on both databases."""

from __future__ import annotations

import ast
import asyncio
import base64
import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
import yaml
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from decision_service.author.backtest.replica import StoreReader
from decision_service.outbox.events import EventFilter
from decision_service.store import columns, migrations, schema
from decision_service.store import postgres as postgres_database
from decision_service.store.engine import Database, PostgresServer, parse_store_url
from decision_service.store.errors import StepFailed, StoreRefused
from decision_service.store.store import Store, migrate, open_database
from tests.dumps import (
    FOLDER,
    POSTGRESQL,
    SQLITE,
    dump_postgres,
    dump_sqlite,
    load_postgres,
    load_sqlite,
    path_of,
    versions,
)
from tests.kits.decision_log import ENTRY, as_stored
from tests.kits.history_log import SECRET

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

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
    with pytest.raises(StoreRefused, match=rf"schema {NEWEST} .* needs 9999.*migrate"):
        await Store.open(url)
    await migrate(url)
    store = await Store.open(url)
    assert await store.get(ENTRY.decision_id) == as_stored(ENTRY)
    await store.aclose()
    monkeypatch.undo()
    with pytest.raises(StoreRefused, match=f"schema 9999, newer than {NEWEST}"):
        await Store.open(url)


@pytest.mark.parametrize("older", ["0001", "0028"], ids=["the first", "the last before it"])
async def test_tables_from_before_the_baseline_are_refused(url: str, older: str) -> None:
    """They are neither served, read nor migrated, and the sentence says what to do."""
    await migrate(url)
    database = await open_database(url)
    stamp = text("UPDATE alembic_version SET version_num = :older")
    await database.write(lambda connection: connection.execute(stamp, {"older": older}))
    await database.aclose()
    for use in (migrate, Store.open, StoreReader.open):
        with pytest.raises(StoreRefused, match=rf"schema {older}, .* 0029: export .* new, empty"):
            await use(url)


async def test_a_step_that_fails_leaves_the_tables_as_they_were(
    url: str, next_program: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration is one transaction; step and statement are named, and no cause is made up."""
    await migrate(url)
    next_program("op.add_column('decisions', sa.Column('reply', sa.Text))")
    with pytest.raises(StepFailed) as refused:
        await migrate(url)
    said = str(refused.value)
    assert "step 9999_next of the store's tables failed at `ALTER TABLE decisions ADD" in said
    assert "reply" in said
    assert "nothing was changed; keep the program" in said
    assert "free space" not in said
    monkeypatch.undo()
    database = await open_database(url)

    def tables(connection: Connection) -> bool:
        return bool(connection.dialect.has_table(connection, "later"))

    assert not await database.read(tables)
    await database.aclose()


async def test_postgres_tables_are_made_by_migrate_alone(postgres: Postgres) -> None:
    """An empty PostgreSQL database is refused by serve, which many processes start at once."""
    with pytest.raises(StoreRefused, match="decision-service migrate"):
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


async def test_postgres_keeps_bodies_uncompressed_beside_the_row_and_decisions_in_one_piece(
    postgres: Postgres,
) -> None:
    """Bodies are STORAGE EXTERNAL, and no decision of up to 4,000 bytes is cut up."""
    database = await open_database(postgres.migrated())
    query = text(
        "SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
        "WHERE attstorage = 'e' AND relnamespace = 'public'::regnamespace"
    )
    found = await database.read(lambda c: {tuple(row) for row in c.execute(query)})
    every = (column for table in columns.metadata.tables.values() for column in table.c)
    assert found == {(one.table.name, one.name) for one in every if one.type is columns.BODY}
    told = text("SELECT reloptions FROM pg_class WHERE relname = 'decisions'")
    options = await database.read(lambda c: list(c.execute(told).scalar_one()))
    assert options == ["toast_tuple_target=4080"]
    await database.aclose()


ROOT = Path(__file__).parents[2]

STEPS = sorted(Path(migrations.__file__).parent.glob("versions/[0-9]*.py"))

RELEASES = yaml.safe_load((FOLDER / "releases.yaml").read_text(encoding="utf-8"))

BY_STEPS_ALONE = ("SET STORAGE EXTERNAL", "ALTER COLUMN sequence SET DEFAULT")

"""What of PostgreSQL's tables the steps make and the declarations do not say."""


def statements(dump: str) -> set[str]:
    """What makes the tables, whatever the order of their columns, constraints and words' spaces."""
    found = set()
    for statement in dump.split(";\n"):
        if re.match(r"\s*(INSERT|DELETE|SET|SELECT|BEGIN|COMMIT|PRAGMA)\b", statement):
            continue
        # SQLite puts a column that was added behind the last one, in its line.
        parts = re.split(r"\n|, (?![^(]*\))", statement)
        lines = (" ".join(part.split()).rstrip(",") for part in parts)
        found.add("\n".join(sorted(filter(None, lines))))
    return found - {""}


def of_sqlite(path: Path) -> set[str]:
    return statements(dump_sqlite(path))


def of_postgres(url: str, server: Postgres) -> set[str]:
    return statements(dump_postgres(url, server, "--schema-only"))


@pytest.fixture(scope="module")
def new_sqlite(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The schema of a new file."""
    path = tmp_path_factory.mktemp("new") / "new.db"
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        schema.upgrade(connection)
    engine.dispose()
    return of_sqlite(path)


@pytest.fixture(scope="module")
def new_postgres(postgres: Postgres) -> set[str]:
    """The schema of a new database, as `migrate` made it for the run."""
    return of_postgres(postgres.migrated(), postgres)


def test_every_release_has_a_dump_of_its_schema() -> None:
    """A heading of the changelog, a line of releases.yaml, and a dump for each database."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = set(re.findall(r"^## \[(\d[^\]]*)\]", changelog, re.MULTILINE))
    hint = "write its schema into tests/dumps/releases.yaml, then `python -m tests.dumps`"
    assert released <= set(RELEASES), hint
    for version in {*RELEASES.values(), schema.known_versions()[-1]}:
        for dialect in (SQLITE, POSTGRESQL):
            assert path_of(version, dialect).exists(), hint


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.stem)
def test_a_step_says_itself_what_it_makes(step: Path) -> None:
    """It imports nothing of this program, whose tables go on changing."""
    imported = set()
    for node in ast.walk(ast.parse(step.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
    assert not [name for name in imported if name.startswith("decision_service")]


@pytest.mark.parametrize("version", versions())
async def test_a_file_of_a_release_becomes_what_a_new_one_is(
    version: str, tmp_path: Path, new_sqlite: set[str]
) -> None:
    """Same columns, types and indexes, with what was recorded; it records on."""
    path = tmp_path / "decisions.db"
    url = load_sqlite(path_of(version, SQLITE).read_text(encoding="utf-8"), path)
    await migrate(url, init=True)
    assert of_sqlite(path) == new_sqlite
    await _goes_on(url, tmp_path)


@pytest.mark.parametrize("version", versions())
async def test_a_database_of_a_release_becomes_what_a_new_one_is(
    version: str, tmp_path: Path, postgres: Postgres, new_postgres: set[str]
) -> None:
    """The same on PostgreSQL."""
    url = load_postgres(path_of(version, POSTGRESQL), postgres)
    await migrate(url)
    assert of_postgres(url, postgres) == new_postgres
    await _goes_on(url, tmp_path)


def test_the_steps_make_the_tables_that_sqlite_is_asked_for(
    new_sqlite: set[str], tmp_path: Path
) -> None:
    """A column or an index that is declared and that no step makes shows here, and the reverse."""
    engine = sa.create_engine(f"sqlite:///{tmp_path}/declared.db")
    columns.metadata.create_all(engine)
    engine.dispose()
    made = {one for one in new_sqlite if "alembic_version" not in one}
    assert made == of_sqlite(tmp_path / "declared.db")


async def test_the_steps_make_the_tables_that_postgresql_is_asked_for(
    postgres: Postgres, new_postgres: set[str]
) -> None:
    """The same on PostgreSQL, but for what the steps alone say."""
    declared = postgres.empty()
    address = parse_store_url(declared)
    assert isinstance(address, PostgresServer)
    asynchronous = create_async_engine(address.url)
    async with asynchronous.begin() as connection:
        await connection.run_sync(columns.metadata.create_all)
        await connection.run_sync(columns.postgres_metadata.create_all)
    await asynchronous.dispose()

    def said(every: set[str]) -> set[str]:
        own = ("alembic_version", *BY_STEPS_ALONE)
        return {one for one in every if not any(word in one for word in own)}

    assert said(new_postgres) == said(of_postgres(declared, postgres))


async def _goes_on(url: str, folder: Path) -> None:
    keys = folder / "identity-keys"
    keys.write_text(f"{base64.b64encode(SECRET.secret).decode()}\n")
    keys.chmod(0o600)
    store = await Store.open(url, journal=f"sqlite:///{folder}/erasures", identity_keys=keys)
    try:
        await store.commit(ENTRY)
        assert await store.get(ENTRY.decision_id) == as_stored(ENTRY)
        assert await store.get("dec_" + "4".zfill(26)) is not None
        events = (await store.outbox.page(0, await store.outbox.end(), EventFilter(), 100)).events
        assert ENTRY.decision_id in {event.decision_id for event in events}
        await _keeps_what_is_lent(store)
    finally:
        await store.aclose()


async def _keeps_what_is_lent(store: Store) -> None:
    """However old a decision is, it stays while a loan that a release recorded is open."""
    later = ENTRY.created + timedelta(days=36_500)
    while await store.expire(later, 100, closed_before=later):
        pass
    lent, other = (f"dec_{number.zfill(26)}" for number in ("4", "3"))
    assert await store.get(lent) is not None
    assert await store.get(other) is None
    assert await store.get(ENTRY.decision_id) is None
