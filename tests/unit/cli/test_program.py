"""The program as a whole: every command is there, and no more is imported than one needs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from decision_service.build import install_command
from decision_service.cli.output import as_typed
from decision_service.cli.table import COMMANDS, GROUPS
from tests.unit.cli.commands import command
from tests.unit.cli.test_any_words import PLACES

SERVER = (
    "decision_service.app.wiring",
    "decision_service.server.grpc",
    "sqlalchemy",
    "alembic",
)
LIGHT = [
    *(("version",), ("sandbox",), ("rules",), ("tokens", "check"), ("health",), ("serve",)),
    *(("migrate",), ("config", "check"), ("keys", "data", "add"), ("webhooks", "list")),
    *(("decide",), ("reviews", "list"), ("init",)),
]
EXTRAS = ("pyarrow", "ray", "z3")
BACKTEST = "backtest personal-loan-ph --set params.min_monthly_income=9000"
SERVE = "decision_service.cli.serve"


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


def test_help_is_whole(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command, option and argument has a text; lines are at most 80 wide, lists cut none."""
    monkeypatch.setenv("COLUMNS", "80")
    groups = {words[:place] for words in PLACES for place in range(len(words))}
    for words in groups:
        page = command(capsys, *words, "--help").out
        assert "..." not in page.partition("\n")[2], words
        assert max(map(len, page.splitlines())) <= 80, words
    for words, places in PLACES.items():
        assert max(map(len, command(capsys, *words, "--help").out.splitlines())) <= 80, words
        for _, found, place in places:
            assert found.help, words
            assert place.help, (words, place.name)
    first = command(capsys, "--help").out.splitlines()
    assert len(first) <= 45
    assert [f"{name}:" for name in GROUPS] == [
        line for line in first if line.endswith(":") and line != "Options:"
    ]


def test_options_of_a_connection_are_explained_once(capsys: pytest.CaptureFixture[str]) -> None:
    """By `health`; the help of any other command that calls a server names them in a line."""
    for words, places in PLACES.items():
        names = {option for *_, place in places for option in place.opts}
        if "--token-file" in names:
            page = " ".join(command(capsys, *words, "--help").out.split())
            assert ("file with this caller's token" in page) is (words == ("health",)), words
            assert ("Connection: --profile, --address," in page) is (words != ("health",)), words


def test_the_version_is_told_both_ways(capsys: pytest.CaptureFixture[str]) -> None:
    """The option and the command print the same."""
    assert command(capsys, "--version").out == command(capsys, "version").out != ""


def test_help_does_not_import_the_server() -> None:
    """Whoever asks for help, or says a wrong option, does not wait for what only `serve` needs."""
    lines = [[*words, last] for words in LIGHT for last in ("--help", "--bogus")]
    script = (
        "import json, sys\n"
        "from decision_service.cli.main import run\n"
        f"for words in {lines!r}: run(words)\n"
        f"print(json.dumps([name for name in {SERVER!r} if name in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("rules prove gig-advance-ph@1 gig-advance-ph@1", "proofs need z3"),
        ("decisions export --to x", "an export needs pyarrow"),
        (f"{BACKTEST} --on ray", "--on ray needs Ray"),
    ],
)
def test_without_its_extra_a_command_names_it(capsys, monkeypatch, words, says):
    """One sentence with the command that installs it, and exit code 2."""
    for name in EXTRAS:
        monkeypatch.setitem(sys.modules, name, None)
    done = command(capsys, *words.split())
    extra = "ray" if says.endswith("Ray") else "workbench"
    says = f"{says}, which is not installed: {install_command(extra)}\n"
    assert (done.code, done.out, done.err) == (2, "", says)


def test_the_server_is_imported_without_the_extras() -> None:
    """A plain install serves; what is left out is what rule writers need."""
    script = f"import sys; sys.modules |= dict.fromkeys({EXTRAS!r}); import {SERVE}"
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("on_path", "elsewhere", "printed"),
    [
        (True, True, "decision-service"),
        (False, False, "bin/decision-service"),
        (False, True, "{}/bin/decision-service"),
    ],
)
def test_a_hint_names_the_program_as_the_shell_finds_it(
    on_path: bool,
    elsewhere: bool,
    printed: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its name where that leads to it, and else by the path by which it was started."""
    monkeypatch.chdir(tmp_path)
    for folder in ("bin", "other"):
        Path(folder).mkdir()
        Path(folder, "decision-service").touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", ["bin/decision-service"])
    monkeypatch.setenv("PATH", str(tmp_path / ("bin" if on_path else "other")))
    text = "run `decision-service rules check` in /etc/decision-service, decision-service failed"
    hint = printed.format(tmp_path)
    assert as_typed(text, elsewhere=elsewhere) == text.replace("decision-service", hint, 1)
