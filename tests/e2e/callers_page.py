"""docs/callers.md as tests read it: the blocks of code and the rows of tables below a heading."""

from __future__ import annotations

import re
from textwrap import dedent

from tests.e2e.service import ROOT

TEXT = (ROOT / "docs" / "callers.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    """What stands between a heading and the next one."""
    return TEXT.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def blocks(heading: str) -> list[tuple[str, str]]:
    """The section's blocks as language and text; commands have no language."""
    found = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", section(heading), re.M | re.S)
    return [(language, dedent(text)) for language, text in found]


def program(heading: str, language: str) -> str:
    """The one block of a language."""
    [found] = [text for named, text in blocks(heading) if named == language]
    return found


def commands(heading: str, word: str) -> str:
    """The one block of commands that has a word."""
    [found] = [text for named, text in blocks(heading) if not named and word in text]
    return found.strip()


def rows(heading: str) -> list[list[str]]:
    """The cells of the section's tables, without their heads."""
    lines = [line for line in section(heading).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    rule = [at for at, row in enumerate(cells) if set("".join(row)) <= {"-", ""}]
    heads = {at - 1 for at in rule}
    return [row for at, row in enumerate(cells) if at not in heads and at not in rule]
