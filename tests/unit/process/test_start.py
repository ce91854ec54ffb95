"""What a process loads before it serves."""

import subprocess
import sys

import pytest

NEEDLESS = ("asyncpg", "sqlalchemy.orm", "alembic", "decision_service.simulator.world")


@pytest.mark.parametrize("module", ["decision_service.app", "decision_service.cli.serve"])
def test_a_start_loads_only_what_every_service_needs(module: str) -> None:
    """PostgreSQL's driver, migrations and the stand-in vendor are loaded where they are used."""
    script = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert not {*NEEDLESS} & {*done.stdout.split()}
