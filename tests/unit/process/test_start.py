"""What a process loads before it serves."""

import subprocess
import sys

import pytest

NEEDLESS = (
    "asyncpg",
    "sqlalchemy.orm",
    "alembic",
    "phonenumbers",
    "rapidfuzz",
    "decision_service.standin.world",
)


@pytest.mark.long
@pytest.mark.parametrize("module", ["decision_service.app.wiring", "decision_service.cli.serve"])
def test_a_start_loads_only_what_every_service_needs(module: str) -> None:
    """PostgreSQL's driver, migrations and the stand-in vendor are loaded where they are used."""
    assert not {*NEEDLESS} & loaded_by(f"import {module}")


def loaded_by(script: str) -> set[str]:
    """The names of all modules that a fresh Python has after these statements."""
    done = subprocess.run(
        [sys.executable, "-c", f"{script}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {*done.stdout.split()}
