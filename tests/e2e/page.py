"""A page of docs/ as tests read it: the blocks of code and the rows of tables below a heading."""

from __future__ import annotations

import re
from dataclasses import dataclass
from textwrap import dedent

from tests.e2e.service import ROOT


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
