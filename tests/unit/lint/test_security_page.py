"""docs/security.md claims nothing without a test, and every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`((?:tests|deploy)/[\w/]+\.py)::(\w+)`", TEXT)))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_is_named_is_there(file: str, name: str) -> None:
    """A claim never rests on a test that was renamed or removed."""
    written = rf"^ *(?:async )?def {name}\("
    assert re.search(written, (ROOT / file).read_text(encoding="utf-8"), re.M)


def test_every_claim_names_its_test() -> None:
    """Each row of what stops somebody ends with a test."""
    claims = [line for line in TEXT.splitlines() if line.startswith("| ") and line.count("|") == 4]
    parts = [line.split("|") for line in claims]
    shown = [part for part in parts if part[2].strip().startswith("what stops")]
    assert len(shown) >= 8, "the tables of what stops whom"
    heads = {"shown by", "what the service does about it"}
    bare = [
        line
        for line, part in zip(claims, parts, strict=True)
        if part[3].strip() not in heads | {"–"} and not re.search("`(tests|deploy)/", part[3])
    ]
    assert bare == []
