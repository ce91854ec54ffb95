"""Every command line of README and docs/ names a command, and options, that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest

from decision_service.cli.output import Exit
from tests.unit.cli.commands import ROOT, command

PROGRAM = "decision-service"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^ *```\w*\n(.*?)^ *```$", re.M | re.S)


def lines() -> Iterator[str]:
    """What begins with the program, in lines of blocks and between backquotes."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in _BLOCK.findall(text):
            yield from re.findall(
                rf"^(?:.* )?({PROGRAM} [^;|\n]+)", block.replace("\\\n", " "), re.M
            )
        rest = _BLOCK.sub("", text)
        yield from (" ".join(one.split()) for one in re.findall(rf"`({PROGRAM} [^`]+)`", rest))


@pytest.mark.parametrize("line", sorted(set(lines())))
def test_a_line_of_a_page_can_be_typed(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its help is shown; a command or an option that there is not would be refused."""
    _, *words = (word for word in shlex.split(line, comments=True) if word != "…")
    done = command(capsys, *words, "--help")
    assert (done.code, done.err) == (Exit.DONE, "")
