"""The rollout that docs/run.md tells can be typed, and prints what the page says."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.e2e.page import Page
from tests.e2e.service import running
from tests.e2e.terminal import PROGRAM, Terminal

HEADING = "An example from the first day to the last"
SETTING = "DECISION_"


@pytest.mark.long
async def test_the_rollout_of_the_page_can_be_typed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command has the words after its `#`, and the journal the cells that are shown."""
    terminal = Terminal(capsys, ("/tmp/story", tmp_path / "story"))
    async with AsyncExitStack() as stack:
        stack.enter_context(capture_logs())
        for language, text in Page("run.md").blocks(HEADING):
            if language == "text":
                shown(text, terminal.printed)
                continue
            for line in text.splitlines():
                if line == f"{PROGRAM} serve":
                    started = running(tmp_path, **settings(terminal))
                    live = await stack.enter_async_context(started)
                    terminal.address = live.service.address
                else:
                    await terminal.type(line)
    assert "go-live half → all" in terminal.printed


def settings(terminal: Terminal) -> dict[str, str]:
    """The settings that were exported, by their names in lower case."""
    given = terminal.variables.items()
    return {
        name.removeprefix(SETTING).lower(): value
        for name, value in given
        if name.startswith(SETTING)
    }


def shown(text: str, printed: str) -> None:
    """Each cell of the page's table is in the line that was printed, whatever the digits are."""
    lines = [without_digits(line) for line in printed.splitlines()]
    for row in text.strip().splitlines():
        cells = [without_digits(cell.removesuffix("…").strip()) for cell in split(row)]
        assert any(all(cell in line for cell in cells) for line in lines), row


def split(row: str) -> list[str]:
    """The cells between two or more spaces."""
    return re.split(r"\s{2,}", row.strip())


def without_digits(text: str) -> str:
    return re.sub(r"\d", "0", text)
