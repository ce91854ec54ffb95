"""docs/reliability.md has every row of the catalogue, and every test that it names is there."""

from __future__ import annotations

import re
from itertools import chain

import pytest

from bench.reliability.__main__ import PARTS
from bench.reliability.sabotage import SABOTAGES
from tests.e2e.service import ROOT

TEXT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))
COUNTS = {"U": 41, "S": 16, "P": 11, "C": 19, "L": 14, "W": 13, "O": 7}
ROWS = list(chain.from_iterable([f"{g}{n}" for n in range(1, c + 1)] for g, c in COUNTS.items()))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_is_named_is_there(file: str, name: str) -> None:
    """A row never rests on a test that was renamed or removed."""
    assert re.search(rf"^(?:async )?def {name}\(|^{name} = ", (ROOT / file).read_text(), re.M)


def test_every_row_is_in_the_table() -> None:
    """Each row says where it is shown, or why it is not."""
    found = {line.split("|")[1].strip(): line for line in TEXT.splitlines() if line[:2] == "| "}
    assert [row for row in ROWS if row not in found] == []
    for row in ROWS:
        _, _, _, tests, bench, remark, _ = found[row].split("|")
        shown = "`tests/" in tests or bench.strip() in PARTS
        assert shown or re.search("not yet|not applicable", remark), row


def test_every_part_and_sabotage_is_explained() -> None:
    """What the bench prints and what it can break stands in the text."""
    assert [name for name in (*PARTS, *SABOTAGES) if f"`{name}`" not in TEXT] == []
