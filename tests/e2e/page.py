"""A page of docs/ as tests read it, and its lines as its reader types them."""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from textwrap import dedent

import pytest

from decision_service.cli.output import Exit
from tests.e2e.service import ROOT
from tests.kits.cases import until
from tests.unit.cli.commands import Done, command


@dataclass(frozen=True, slots=True)
class Page:
    """A page by its name, for example `callers.md`."""

    name: str

    @property
    def text(self) -> str:
        return (ROOT / "docs" / self.name).read_text(encoding="utf-8")

    def section(self, heading: str) -> str:
        """What stands between a heading and the next one of its level or above."""
        found = re.search(rf"^(##+) {re.escape(heading)}\n", self.text, re.M)
        assert found, f"docs/{self.name} has no heading {heading}"
        return re.split(rf"^#{{2,{len(found[1])}}} ", self.text[found.end() :], flags=re.M)[0]

    def blocks(self, heading: str) -> list[tuple[str, str]]:
        """The section's blocks as language and text; commands may have no language."""
        found = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", self.section(heading), re.M | re.S)
        return [(language, dedent(text)) for language, text in found]

    def program(self, heading: str, language: str) -> str:
        [found] = [text for named, text in self.blocks(heading) if named == language]
        return found

    def commands(self, heading: str, word: str) -> str:
        """The one block of commands that has a word."""
        [found] = [text for named, text in self.blocks(heading) if not named and word in text]
        return found.strip()

    def rows(self, heading: str) -> list[list[str]]:
        """The cells of the section's tables, without their heads."""
        lines = [line for line in self.section(heading).splitlines() if line.startswith("|")]
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        rule = [at for at, row in enumerate(cells) if set("".join(row)) <= {"-", ""}]
        heads = {at - 1 for at in rule}
        return [row for at, row in enumerate(cells) if at not in heads and at not in rule]


CALLERS = Page("callers.md")

PROGRAM = "decision-service"
_LOOP = re.compile(r"for (\w+) in \$\(seq (\d+)\); do (.*?)(?: > /dev/null)?; done")
_READING = {"show", "history", "explain", "list"}
_WITHOUT_SERVER = {"rules", "backtest"}


@dataclass(slots=True)
class Terminal:
    """Runs a page's lines in order; the page's folder becomes one of the test's.

    `printed` is what the last command printed, `variables` are those that were exported.
    """

    capsys: pytest.CaptureFixture[str]
    moved: tuple[str, Path]
    address: str = ""
    printed: str = ""
    variables: dict[str, str] = field(default_factory=dict)

    async def type(self, line: str) -> None:
        """Run one line, and look for the words after its `#` in what it prints."""
        typed, _, expected = line.partition(" # ")
        for words in self._commands(typed.strip()):
            match words:
                case ["export", *given]:
                    self.variables |= dict(pair.split("=", 1) for pair in given)
                case ["cp", *rest]:
                    _copy(*rest)
                case [program, *rest] if program == PROGRAM:
                    await self._run(rest, expected.strip())
                case _:
                    raise AssertionError(f"a line that this terminal does not know: {line}")

    def _commands(self, typed: str) -> Iterator[list[str]]:
        """The words of a line, once for each turn of its loop."""
        loop = _LOOP.fullmatch(typed)
        name, turns, body = loop.groups() if loop else ("", "1", typed)
        for turn in range(1, int(turns) + 1):
            here = self.variables | {name: str(turn)}
            filled = Template(body).substitute(here)
            yield shlex.split(filled.replace(self.moved[0], str(self.moved[1])))

    async def _run(self, words: list[str], expected: str) -> None:
        """A command that only reads is repeated until it prints what is expected."""
        at = [] if words[0] in _WITHOUT_SERVER else ["--address", self.address]

        async def once() -> Done:
            done = await asyncio.to_thread(command, self.capsys, *words, *at)
            self.printed = done.out
            return done

        reads = _READING & set(words[:2])
        with suppress(TimeoutError):
            done = await until(once, lambda seen: expected in seen.out or not reads, pause=0.2)
            assert done.code == Exit.DONE, f"{shlex.join(words)}: {done.err}"
        assert expected in self.printed, f"{shlex.join(words)} printed:\n{self.printed}"


def _copy(*words: str) -> None:
    """`cp`, and `cp -r` into a folder that is there or is made."""
    match words:
        case ["-r", source, target]:
            inside = Path(target, Path(source).name) if Path(target).is_dir() else Path(target)
            shutil.copytree(ROOT / source, inside)
        case [source, target]:
            shutil.copyfile(ROOT / source, target)
        case _:
            raise AssertionError(f"cp with other words: {words}")
