"""What a process loads before it serves."""

import subprocess
import sys

import pytest

NEEDLESS = (
    "asyncpg",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.orm",
    "alembic",
    "decision_service.simulator.world",
)


@pytest.mark.parametrize("module", ["decision_service.wiring.app", "decision_service.cli.serve"])
def test_a_start_loads_only_what_every_service_needs(module: str) -> None:
    """PostgreSQL's driver, migrations and the stand-in vendor are loaded where they are used."""
    assert not {*NEEDLESS} & loaded_by(f"import {module}")


def test_postgresql_is_used_without_the_object_mapper() -> None:
    """Opening that store loads its driver and SQLAlchemy's core, and no more of SQLAlchemy."""
    loaded = loaded_by(
        "from decision_service.storage.address import parse_store_url; "
        "from decision_service.storage.postgres.database import PostgresDatabase; "
        "PostgresDatabase(parse_store_url('postgresql://user@host/database'), 1)"
    )
    assert "asyncpg" in loaded
    assert "sqlalchemy.orm" not in loaded


def test_the_command_to_serve_loads_nothing_that_draws() -> None:
    """Libraries that would colour tracebacks find nothing to do it with; afterwards it is there."""
    assert not {"rich", "pygments"} & loaded_by(
        "from decision_service.cli.main import run; run(['serve', '--help'])"
    )
    assert "rich" in loaded_by(
        "from decision_service.cli.main import run; run(['serve', '--help']); import rich"
    )


def loaded_by(script: str) -> set[str]:
    """The names of all modules that a fresh Python has after these statements."""
    done = subprocess.run(
        [sys.executable, "-c", f"{script}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {*done.stdout.split()}
