"""Stores that releases wrote, brought up by every step to what a new store has."""

from __future__ import annotations

import ast
import base64
import re
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml
from sqlalchemy.ext.asyncio import create_async_engine

from decision_service.outbox.events import EventFilter
from decision_service.store import columns, migrations, schema
from decision_service.store.engine import PostgresServer, parse_store_url
from decision_service.store.store import Store, migrate
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
from tests.kits.decision_entries import ENTRY, as_stored
from tests.kits.history_log import SECRET
from tests.kits.postgres import Postgres

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
        lines = (" ".join(line.split()).rstrip(",") for line in statement.splitlines())
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
    version: str, tmp_path: Path, postgres: Postgres
) -> None:
    """The same on PostgreSQL."""
    url = load_postgres(path_of(version, POSTGRESQL), postgres)
    await migrate(url)
    new = postgres.empty()
    await migrate(new)
    assert of_postgres(url, postgres) == of_postgres(new, postgres)
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


async def test_the_steps_make_the_tables_that_postgresql_is_asked_for(postgres: Postgres) -> None:
    """The same on PostgreSQL, but for what the steps alone say."""
    new, declared = postgres.empty(), postgres.empty()
    await migrate(new)
    address = parse_store_url(declared)
    assert isinstance(address, PostgresServer)
    asynchronous = create_async_engine(address.url)
    async with asynchronous.begin() as connection:
        await connection.run_sync(columns.metadata.create_all)
        await connection.run_sync(columns.postgres_metadata.create_all)
    await asynchronous.dispose()

    def said(url: str) -> set[str]:
        every = of_postgres(url, postgres)
        own = ("alembic_version", *BY_STEPS_ALONE)
        return {one for one in every if not any(word in one for word in own)}

    assert said(new) == said(declared)


async def _goes_on(url: str, folder: Path) -> None:
    keys = folder / "identity-keys"
    keys.write_text(f"{base64.b64encode(SECRET.secret).decode()}\n")
    keys.chmod(0o600)
    store = await Store.open(url, journal=folder / "erasures", identity_keys=keys)
    try:
        await store.commit(ENTRY)
        assert await store.get(ENTRY.decision_id) == as_stored(ENTRY)
        assert await store.get("dec_" + "4".zfill(26)) is not None
        events = (await store.outbox.page(0, await store.outbox.end(), EventFilter(), 100)).events
        assert ENTRY.decision_id in {event.decision_id for event in events}
    finally:
        await store.aclose()
