"""Broken rule files load as what they say, or are refused where they are wrong; nothing between."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
import yaml
from msgspec.structs import replace

from decision_service.factors.registry import catalogue
from decision_service.rulebook.load import load_rules
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.language.diagnostics import Diagnostic, Report, Severity
from decision_service.rules.language.yaml import decode
from decision_service.rules.program import CompiledRuleset, RulesetFiles
from tests.fakes.examples import FIRST
from tests.fakes.shipped import FILES, FOLDER, ruleset

ROOT = Path(__file__).parents[2]
SHIPPED = tuple(FILES.values())
WORDS = ("NO", "010", "1:30", "1e3", ".inf", "yes", "~", "0x1f", "2026-01-01", "!!int 3", "[0, 6)")
TORN = (
    "{id: low, when: min(income.months_12m, 3) < 2, then: REFER, reason: INCOME_GAPS}",
    "{id: low, when: income.months_12m in (1, 2), then: REFER, reason: INCOME_GAPS}",
    "{id: low, when: income.months_12m < 6 # of 12, then: REFER}",
    "{id: low, when: (income.months_12m < 6 # of 12",
    '{id: low, when: "income.months_12m" < 6, then: REFER, reason: INCOME_GAPS}',
    "{id: low, when: > 3, then: REFER, reason: INCOME_GAPS}",
    "{id: low, when: !income.months_12m, then: REFER, reason: INCOME_GAPS}",
    "{id: low, when: income.months_12m: 3, then: REFER, reason: INCOME_GAPS}",
    "{id: low, when, then: REFER, reason: INCOME_GAPS}",
    "{id: low, when: 'income.months_12m < 3, then: REFER, reason: INCOME_GAPS}",
    "[id, low, when]",
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What loading one file came to."""

    ruleset: CompiledRuleset | None
    diagnostics: tuple[Diagnostic, ...]


def load(files: RulesetFiles, raw: bytes) -> Judged:
    """Read a version's bytes as the loader does; tables and data are those of `files`."""
    report = Report()
    text = decode(files.path, raw, report)
    if text is None:
        return Judged(None, report.diagnostics())
    found = compile_ruleset(replace(files, text=text), catalogue())
    return Judged(found.ruleset, found.diagnostics)


Change = Callable[[bytes, Random], bytes]


def flipped(raw: bytes, rng: Random) -> bytes:
    """A few bytes changed to any other."""
    changed = bytearray(raw)
    for _ in range(rng.randint(1, 3)):
        changed[rng.randrange(len(raw))] = rng.randrange(256)
    return bytes(changed)


def cut(raw: bytes, rng: Random) -> bytes:
    """A file that is half written."""
    return raw[: rng.randrange(len(raw))]


def _lines(raw: bytes) -> list[bytes]:
    return raw.split(b"\n")


def without_lines(raw: bytes, rng: Random) -> bytes:
    """One to three neighbouring lines gone."""
    lines = _lines(raw)
    start = rng.randrange(len(lines))
    return b"\n".join(lines[:start] + lines[start + rng.randint(1, 3) :])


def repeated_line(raw: bytes, rng: Random) -> bytes:
    """A line twice, the second somewhere near."""
    lines = _lines(raw)
    index = rng.randrange(len(lines))
    lines.insert(min(len(lines), index + rng.randint(1, 4)), lines[index])
    return b"\n".join(lines)


def indented(raw: bytes, rng: Random) -> bytes:
    """A line moved to the right or to the left, with blanks or a tab."""
    lines = _lines(raw)
    index = rng.randrange(len(lines))
    moved = [b" " + lines[index], b"  " + lines[index], b"\t" + lines[index], lines[index][1:]]
    lines[index] = rng.choice([*moved, lines[index].lstrip()])
    return b"\n".join(lines)


def swapped(raw: bytes, rng: Random) -> bytes:
    """The values of two keys exchanged."""
    lines = _lines(raw)
    valued = [i for i, line in enumerate(lines) if b": " in line]
    one, other = rng.choice(valued), rng.choice(valued)
    (key, _, value), (second, _, its) = lines[one].partition(b": "), lines[other].partition(b": ")
    lines[one], lines[other] = key + b": " + its, second + b": " + value
    return b"\n".join(lines)


def reworded(raw: bytes, rng: Random) -> bytes:
    """A value replaced by one that YAML's older versions read in their own way."""
    lines = _lines(raw)
    index = rng.choice([i for i, line in enumerate(lines) if b": " in line])
    lines[index] = lines[index].partition(b": ")[0] + b": " + rng.choice(WORDS).encode()
    return b"\n".join(lines)


def commented(raw: bytes, rng: Random) -> bytes:
    """A blank line and a comment more: no change of meaning."""
    lines = _lines(raw)
    index = rng.choice([i for i, line in enumerate(lines) if line and line[:1].isalpha()])
    lines[index:index] = [b"", b"# a remark: with {signs} & *stars", b""]
    return b"\n".join(lines)


CHANGES: Sequence[Change] = (
    flipped, cut, without_lines, repeated_line, indented, swapped, reworded, commented,
)  # fmt: skip


def mutant(seed: int) -> tuple[RulesetFiles, Change, bytes]:
    """A changed shipped file, the same for the same seed."""
    rng = Random(seed)
    files, change = rng.choice(SHIPPED), CHANGES[seed % len(CHANGES)]
    return files, change, change(files.text.encode(), rng)


def hostile() -> Iterator[tuple[str, bytes]]:
    """Texts that no person writes by mistake, and those that many do."""
    text = SHIPPED[-1].text
    raw = text.encode()
    yield "alias bomb", _bomb().encode()
    yield "deep lists", b"a: " + b"[" * 100_000
    yield "deep maps", "".join(f"{' ' * i}a:\n" for i in range(400)).encode()
    yield "deep flow in a rule", text.replace("when: ", f"when: {'(' * 900}", 1).encode()
    yield "300 KB", raw + b"# padding\n" * 30_000
    yield "one long line", b"title: " + b"x" * 250_000
    yield "many keys", b"".join(b"k%d: 1\n" % i for i in range(20_000))
    yield "the same key", b"title: x\n" * 25_000
    yield "tabs", raw.replace(b"  ", b"\t")
    yield "UTF-16", text.encode("utf-16")
    yield "Latin-1", text.replace("title:", "title: é", 1).encode("latin-1")
    yield "NUL", raw[:400] + b"\x00" + raw[400:]
    yield "empty", b""
    yield "only a comment", b"# nothing\n"
    yield "two documents", raw + b"\n---\n" + raw
    yield "binary", bytes(range(256)) * 40
    yield "many anchors", b"".join(b"k%d: &a%d 1\n" % (i, i) for i in range(9_000))
    for number, line in enumerate(TORN):
        yield f"torn {number}", text.replace("rules:\n", f"rules:\n      - {line}\n", 1).encode()
    for word in WORDS:
        yield (
            f"version {word}",
            text.replace(f"version: {_number(text)}", f"version: {word}").encode(),
        )


def _number(text: str) -> str:
    return text.partition("version: ")[2].split("\n", 1)[0]


def _bomb() -> str:
    levels = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    return "\n".join(["a0: &a0 [x, x]", *levels, ""])


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
    with counted() as calls:
        judged = load(SHIPPED[-1], HOSTILE[name])
    assert_judged(judged, HOSTILE[name])
    assert judged.ruleset is None
    assert calls[0] <= MOST_CALLS


@pytest.mark.parametrize("files", SHIPPED, ids=lambda files: files.path)
def test_a_byte_order_mark_changes_nothing(files):
    judged = load(files, b"\xef\xbb\xbf" + files.text.encode())
    assert judged.ruleset.digest == ruleset(files.path).digest


@pytest.mark.parametrize("lost", range(4))
def test_a_table_file_that_lost_a_column_is_refused(lost):
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
