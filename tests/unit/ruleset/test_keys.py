"""The table of keys: its page, how many words there are, and what follows from it.

`SAVE_KEYS=1 pytest tests/unit/ruleset/test_keys.py` writes docs/keys.md anew; read it then.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from decision_service.rules.keys import SECTIONS
from decision_service.rules.language.keys import Change, Key, Section

PAGE = Path(__file__).parents[3] / "docs" / "keys.md"
HEAD = """\
# All keys

After this page you can look up each key of a rule file, from the table that reads it.
[Writing rules](rules.md) explains them, [rollout](rollout.md) those of a plan. \\* is needed.
`rules schema` gives editors the same.
"""


def _row(key: Key) -> str:
    written = "" if key.default in (None, "", False) else f" Without it: `{key.default}`."
    about = key.about.replace("|", "\\|")
    mark = " \\*" if key.required else ""
    return f"| `{key.name}`{mark} | {about}.{written} |"


def _table(section: Section) -> str:
    rows = "\n".join(map(_row, section.keys))
    return f"\n## {section.what.capitalize()}\n\n| key | what it is |\n|---|---|\n{rows}\n"


def test_the_page_of_keys_is_what_the_table_gives():
    """docs/keys.md has each key of each map with what the table says of it."""
    page = HEAD + "".join(map(_table, SECTIONS))
    if os.environ.get("SAVE_KEYS"):
        PAGE.write_text(page, encoding="utf-8")
    assert page == PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("section", SECTIONS, ids=lambda one: one.what)
def test_every_key_says_what_it_is(section):
    """Editors and the page explain each; a word that changes has words to change to."""
    for key in section.keys:
        assert key.about
        assert key.kind.changes is not Change.WORD or key.kind.schema["enum"]
