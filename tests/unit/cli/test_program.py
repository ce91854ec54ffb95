"""The program as a whole: every command is there, and no more is imported than one needs."""

import json
import subprocess
import sys

import pytest

from decision_service.cli.commands import COMMANDS
from tests.unit.cli.commands import command

SERVER = (
    "decision_service.wiring.app",
    "decision_service.edge.rpc.server",
    "sqlalchemy",
    "alembic",
)


def test_help_names_every_command_and_each_explains_itself(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What `--help` lists can be asked for help by itself."""
    listed = command(capsys, "--help").out
    for name in COMMANDS:
        assert f"\n  {name} " in listed
        own = command(capsys, name, "--help")
        assert own.code == 0
        assert f" {name} [OPTIONS]" in own.out


@pytest.mark.parametrize("name", ["version", "people", "rules", "tokens", "health"])
def test_a_command_that_serves_nothing_does_not_import_the_server(name: str) -> None:
    """Printing a version or checking rules does not wait for what only `serve` needs."""
    script = (
        "import json, sys\n"
        "from decision_service.cli.main import run\n"
        f"run([{name!r}, '--help'])\n"
        f"json.dump([name for name in {SERVER!r} if name in sys.modules], sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    )
    assert json.loads(done.stderr) == []
