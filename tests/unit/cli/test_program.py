"""The program as a whole: help, what it imports, hostile words, and every line of the pages."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, groupby
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from decision_service.build import install_command
from decision_service.cli.main import PROGRAM
from decision_service.cli.output import Exit, as_typed
from decision_service.cli.table import COMMANDS, GROUPS
from decision_service.runtime import gone
from tests.fakes.examples import ALL
from tests.unit.cli.commands import ROOT, command, product_folder

SEED = 19
EACH = 3 if ALL else 1
"""So many of the words are tried at each place, chosen by the seed."""

WHOLE_RULES = {("preflight",), *(("rules", one) for one in ("diff", "publish", "test"))}
"""These go through all rules for most words: seconds each, so that one is tried at each place."""

PATIENCE = 300.0
"""Seconds after which a command counts as hanging, on a busy machine too."""

WORDS = (
    "", " ", " 5", "-1", "0", "1,000", "1_000", "1e3", "1e999999", "-1e999999", "nan", "inf",
    "9" * 19, "9" * 400, "9" * 5000, "-" + "9" * 40, "0x10", "١", "٣٫٥", "½", "\udcff\udcfe",
    "a\udcffb", "\x1b[31mred", "line\nline", "[bold]x[/]", "[/]", "{}", "%s%n", "../" * 40,
    "x" * 100_000, "--", "-", "--debug", "=", "a=", "=b", "a=1e999999", "a=PHP 1e999999",
    "a=PHP ١", "a=" + "9" * 5000, "2026-02-30", "9999-12-31", "0000-00-00", "/dev/full",
    "/dev/zero", "/dev/null", "/", "/proc/self/mem", "no/such/file", ".", "http://x", "https://",
    "https://[::", "sqlite:///", "postgresql://", "[::1]:99999", "::::", "host:port", "127.0.0.1:١",
    "\u202egnol", "\ufeff", "é" * 300, "NULL", "true", "table", "json",
)  # fmt: skip
GOOD = {
    **dict.fromkeys(("before", "after", "version"), "personal-loan-ph@1"),
    "product": "personal-loan-ph",
    "url": "https://127.0.0.1:1/x",
}
CODES = frozenset({Exit.DONE, Exit.FINDINGS, Exit.USAGE, Exit.SERVER})
SERVING = frozenset({("serve",), *(("sandbox", one) for one in ("demo", "simulator", "console"))})
"""Commands that would serve: in this test they are without what they need to begin."""


def _places() -> Iterator[tuple]:
    """Every command with each of its options and arguments."""
    top = get_command(PROGRAM)
    yield from chain.from_iterable(_below((name,), top) for name in COMMANDS)


def _below(words: tuple[str, ...], group) -> Iterator[tuple]:
    found = group.get_command(None, words[-1])
    if isinstance(found, TyperGroup):
        for name in found.list_commands(None):
            yield from _below((*words, name), found)
    else:
        yield from ((words, found, each) for each in found.params)


PLACES = {words: list(group) for words, group in groupby(_places(), lambda place: place[0])}


def _given(parameter, word: str) -> list[str]:
    """A parameter with a word, as it stands on the line."""
    if parameter.param_type_name == "argument":
        return [word]
    return (
        [parameter.opts[0]] if getattr(parameter, "is_flag", False) else [parameter.opts[0], word]
    )


def _lines(words: tuple[str, ...], pick: random.Random) -> Iterator[list[str]]:
    """Lines in which one place has a hostile word and the other needed ones a good one."""
    for _, command_of, tried in PLACES[words]:
        others = [one for one in command_of.params if one is not tried]
        others = [one for one in others if one.required or one.name in {"port", "listen_at"}]
        good = [word for one in others for word in _given(one, GOOD.get(one.name, "x"))]
        for word in pick.sample(WORDS, 1 if words in WHOLE_RULES else EACH):
            if (tried.name, word) != ("port", "0"):  # with it the stand-in would serve
                yield [*words, *_given(tried, word), *good]


class _Hangs(BaseException):
    """A command takes longer than PATIENCE."""


@contextmanager
def _patience(line: list[str]) -> Iterator[None]:
    def hangs(*_: object) -> None:
        raise _Hangs([word[:80] for word in line])

    before = signal.signal(signal.SIGALRM, hangs)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a small product, no server, no settings, an empty standard input."""
    for name in [name for name in os.environ if name.startswith("DECISION_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DECISION_GRPC_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("HOME", str(tmp_path))
    product_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        yield tmp_path


@pytest.mark.long
@pytest.mark.parametrize("words", PLACES, ids=" ".join)
def test_any_word_at_any_place_ends_in_a_sentence(words, nowhere, capsys, monkeypatch):
    """No traceback, no hang, a code of the documented ones, and words wherever it is not 0."""
    if words in SERVING:
        rules = nowhere / "rules"
        rules.rename(nowhere / "elsewhere")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setitem(GOOD, "port", str(taken.getsockname()[1]))
        for line in _lines(words, random.Random(f"{SEED} {words}")):
            with _patience(line):
                done = command(capsys, *line)
            shown = [word[:80] for word in line]
            assert done.code in CODES, (shown, done.err)
            assert "Traceback" not in done.err, (shown, done.err)
            assert not done.code or done.err or done.out, shown


SERVER = (
    "decision_service.app.wiring",
    "decision_service.server.transport.grpc",
    "sqlalchemy",
    "alembic",
)
LIGHT = [
    *(("sandbox",), ("rules",), ("tokens", "check"), ("health",), ("serve",)),
    *(("migrate",), ("config", "check"), ("keys", "data", "add"), ("webhooks", "list")),
    *(("decide",), ("reviews", "list"), ("init",)),
]
EXTRAS = ("pyarrow", "ray", "z3")
BACKTEST = "backtest personal-loan-ph --set params.min_monthly_income=9000"
SERVE = "decision_service.cli.serve"


def test_help_names_every_command_and_each_explains_itself(capsys):
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


@pytest.mark.parametrize("words", gone.COMMANDS)
def test_a_command_of_an_earlier_release_says_what_to_use(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is wrong usage, and the sentence of the one table says what takes its place."""
    done = command(capsys, *words.split())
    assert done.code == Exit.USAGE
    assert f"there is no command {words} any more: {gone.COMMANDS[words]}" in done.err


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


TYPED = "decision-service"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^ *```\w*\n(.*?)^ *```$", re.M | re.S)


def lines() -> Iterator[str]:
    """What begins with the program, in lines of blocks and between backquotes."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in _BLOCK.findall(text):
            yield from re.findall(rf"^(?:.* )?({TYPED} [^;|\n]+)", block.replace("\\\n", " "), re.M)
        rest = _BLOCK.sub("", text)
        yield from (" ".join(one.split()) for one in re.findall(rf"`({TYPED} [^`]+)`", rest))


@pytest.mark.parametrize("line", sorted(set(lines())))
def test_a_line_of_a_page_can_be_typed(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, *words = (word for word in shlex.split(line, comments=True) if word != "…")
    done = command(capsys, *words, "--help")
    assert (done.code, done.err) == (Exit.DONE, "")
