"""Hostile words for every option and argument of every command."""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, groupby
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from decision_service.cli.main import PROGRAM
from decision_service.cli.output import Exit
from decision_service.cli.table import COMMANDS
from tests.fakes.examples import ALL
from tests.unit.cli.commands import command, product_folder

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
