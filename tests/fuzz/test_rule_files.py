"""Broken rule files load as what they say, or are refused where they are wrong; nothing between.

`python -m bench fuzz` measures how long it takes; here work is counted, not timed.
"""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import yaml
from msgspec.structs import replace

from decision_service.rulebook.load import load_rules
from decision_service.rules.language.diagnostics import Severity
from tests.fakes.examples import FIRST
from tests.fakes.shipped import FOLDER, ruleset
from tests.fuzz.corpus import ROOT, SHIPPED, commented, hostile, load, mutant

SEEDS = 480
BATCH = 40
HOSTILE = dict(hostile())
CODES = set(re.findall(r"^\| ([RTPM]\d{3}) \|", (ROOT / "docs" / "codes.md").read_text(), re.M))
MOST_CALLS = 500_000
"""Python calls while one file is read; the largest shipped one takes 60,000."""


@contextmanager
def counted():
    """Counts Python calls in the block."""
    calls = [0]

    def note(_frame, event, _argument):
        if event == "call":
            calls[0] += 1

    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(None)


def assert_judged(judged, raw):
    """All problems have a known code, a place in the text and one sentence; errors refuse."""
    lines = len(re.split("\r\n|[\n\r\x85\u2028\u2029]", raw.decode("utf-8", "replace")))
    for found in judged.diagnostics:
        assert found.code in CODES
        assert 1 <= found.line <= lines
        assert found.column >= 1
        assert found.message
        assert not {"\n", "Traceback"} & {*found.message, found.message.partition(" ")[0]}
    failed = any(d.severity is Severity.ERROR for d in judged.diagnostics)
    assert (judged.ruleset is None) is failed


def _content(raw):
    """What the text says, as PyYAML reads it with every scalar a string; None if it cannot."""
    try:
        return yaml.load(raw.decode().removeprefix("\ufeff"), Loader=yaml.CBaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError):
        return None


@pytest.mark.long
@pytest.mark.parametrize("start", range(0, SEEDS, BATCH))
def test_a_changed_file_means_what_it_says_or_is_refused(start):
    """Changed files are refused where they are wrong, or load; the same content as the same."""
    for seed in range(FIRST + start, FIRST + start + BATCH):
        files, change, raw = mutant(seed)
        judged = load(files, raw)
        assert_judged(judged, raw)
        if change is commented:
            assert judged.ruleset is not None
        if judged.ruleset is not None and _content(raw) == _content(files.text.encode()):
            assert judged.ruleset.digest == ruleset(files.path).digest, seed


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_bounded_work(name):
    """A hostile or wrongly saved file is refused, after a bounded number of steps."""
    with counted() as calls:
        judged = load(SHIPPED[-1], HOSTILE[name])
    assert_judged(judged, HOSTILE[name])
    assert judged.ruleset is None
    assert calls[0] <= MOST_CALLS


@pytest.mark.parametrize("files", SHIPPED, ids=lambda files: files.path)
def test_a_byte_order_mark_changes_nothing(files):
    """A file saved with a byte order mark is the same ruleset."""
    judged = load(files, b"\xef\xbb\xbf" + files.text.encode())
    assert judged.ruleset.digest == ruleset(files.path).digest


@pytest.mark.parametrize("lost", range(4))
def test_a_table_file_that_lost_a_column_is_refused(lost):
    """A CSV table without one of its columns is refused in its own file."""
    files = next(files for files in SHIPPED if "rows: tables/" in files.text)
    name = re.search(r"rows: (tables/\S+\.csv)", files.text)[1]
    rows = [line.split(",") for line in files.tables[name].splitlines()]
    lost %= len(rows[0])
    text = "\n".join(",".join(row[:lost] + row[lost + 1 :]) for row in rows)
    judged = load(replace(files, tables={**files.tables, name: text}), files.text.encode())
    assert judged.ruleset is None
    assert {d.file.rpartition("/")[2] for d in judged.diagnostics if d.code == "R132"} == {
        name.rpartition("/")[2]
    }


@pytest.mark.parametrize("seed", range(0, 64, 5))
def test_a_folder_loads_whole_or_not_at_all(seed):
    """With one file changed, the folder gives all its rulesets or none of them."""
    files, _, raw = mutant(seed)
    text = raw.decode("utf-8", "replace")
    products = tuple(
        replace(
            product,
            rulesets={
                number: replace(file, text=text if file.path == files.path else file.text)
                for number, file in product.rulesets.items()
            },
        )
        for product in FOLDER.products
    )
    loading = load_rules(replace(FOLDER, products=products), datetime(2026, 11, 15, tzinfo=UTC))
    assert (loading.rulebook is None) is bool(loading.errors)
    if loading.rulebook is not None:
        versions = [len(p.versions) for p in loading.rulebook.products.values()]
        assert sum(versions) == len(SHIPPED)
