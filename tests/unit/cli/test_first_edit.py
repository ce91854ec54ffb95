"""The first edit of docs/rules.md, typed as the page says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.unit.cli.commands import ROOT, SHIPPED, command

PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^   ```\n   \$ decision-service (.*)\n((?:   .*\n)*?)   ```\n", re.MULTILINE)


@pytest.mark.long
def test_each_command_prints_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counts and words are those of the shipped rules as they stand; lines may have moved."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(SHIPPED, "rules")
    shutil.copytree(SHIPPED, "before")
    edited = Path("rules/personal-loan-ph/v3.yaml")
    old, new = (f"max_months_without_income: {{type: integer, value: {n}}}" for n in (3, 2))
    assert old in PAGE
    edited.write_text(edited.read_text().replace(old, new))
    section = PAGE.partition("\n## Your first edit\n")[2].partition("\n## ")[0]
    typed = BLOCK.findall(section)
    assert len(typed) == 3
    for words, shown in typed:
        done = command(capsys, *words.replace("/tmp/before", "before").split())
        printed = {"…", *map(_without_line, done.out.splitlines())}
        assert [one for one in map(_without_line, shown.splitlines()) if one not in printed] == []


def _without_line(text: str) -> str:
    return re.sub(r"yaml:\d+:", "yaml:", text.strip())
