"""Broken rule files, mutated ones, and what the guide and the table of keys say of them."""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.rules.compile import compile_ruleset
from decision_service.rules.keys import SECTIONS
from decision_service.rules.language.diagnostics import Severity, count, render_all
from decision_service.rules.language.keys import Change, Key, Section
from decision_service.rules.program import RulesetFiles
from decision_service.rules.tests_file import case_target, parse_cases
from tests.fakes.examples import examples
from tests.unit.rules.kit import CATALOGUE, ROOT, problems, rules, stages

FOLDER = ROOT / "tests" / "rulesets" / "broken"

FILES = sorted(FOLDER.glob("*.yaml"))

BLOCKED = frozenset({"identity.age_years", "inputs.gender"})

TABLES = {f"tables/{p.name}": p.read_text() for p in sorted((FOLDER / "tables").glob("*.csv"))}

LISTS = {f"lists/{p.name}": p.read_text() for p in sorted((FOLDER / "lists").glob("*.csv"))}

SHARED = {f"_shared/{p.name}": p.read_text() for p in sorted((FOLDER / "shared").glob("*.yaml"))}

# Faults that need another text than a rule file: bytes, size, cases of rule tests.
ELSEWHERE = {"R002", "R102", "R801", "R802", "R803", "R804", "R805", "R806", "R807", "R808", "R809"}


def _compiled(path):
    data = {p.name: p.read_text() for p in (FOLDER / "data" / path.stem).glob("*.yaml")}
    files = RulesetFiles(
        "broken",
        "rules/broken/v1.yaml",
        path.read_text(),
        data,
        TABLES,
        lists=LISTS,
        shared=SHARED,
    )
    return compile_ruleset(files, CATALOGUE, BLOCKED)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_broken_file_is_reported_as_saved(path):
    """A broken file is reported with exactly the text saved beside it."""
    diagnostics = _compiled(path).diagnostics
    text = f"{render_all(diagnostics)}\n{count(diagnostics)}\n"
    saved = path.with_suffix(".txt")
    if os.environ.get("SAVE_BROKEN"):
        saved.write_text(text)
    assert text == saved.read_text()


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_a_file_with_an_error_does_not_compile(path):
    """There is a ruleset exactly when no diagnostic is an error."""
    found = _compiled(path)
    failed = any(d.severity is Severity.ERROR for d in found.diagnostics)
    assert found.diagnostics
    assert (found.ruleset is None) is failed


def test_every_code_has_a_broken_file():
    """Each code that the language reports is shown by some broken file."""
    sources = [path.read_text() for path in (ROOT / "decision_service" / "rules").rglob("*.py")]
    codes = set(re.findall(r'"(R\d{3})"', "".join(sources)))
    shown = {d.code for path in FILES for d in _compiled(path).diagnostics}
    assert len(codes) > 80
    assert codes - shown - ELSEWHERE == set()


EXAMPLE = (ROOT / "tests" / "rulesets" / "worked_example" / "v1.yaml").read_text()

CASES = (ROOT / "tests" / "rulesets" / "worked_example" / "cases.yaml").read_text()

PIECES = [
    *"{}[]():,#&*!|>'\"%@`-=.<+\n\t ?",
    "  ",
    "\u2028",
    "\x00",
    "é",
    "null",
    "9" * 40,
    "- ",
    ": ",
    "[]",
    "{}",
    "missing",
    "0",
    "-1",
    "in",
    "derived.room",
    "stability.band",
    "params.rate_cap",
    "DECLINE",
]


def _mutated(text, seed, *, edits):
    chance = random.Random(seed)
    for _ in range(chance.randint(1, edits)):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice([0, 0, 1, 1, 2, 5, 20, 80]))
        text = text[:start] + chance.choice(PIECES) + text[end:]
    return text


def _moved(text, seed):
    """Lines taken out, repeated, indented or swapped."""
    chance = random.Random(seed)
    lines = text.split("\n")
    for _ in range(chance.randint(1, 4)):
        a, b = chance.randrange(len(lines)), chance.randrange(len(lines))
        how = chance.randrange(4)
        if how == 0:
            del lines[a]
        elif how == 1:
            lines.insert(a, lines[b])
        elif how == 2:
            lines[a] = "  " + lines[a]
        else:
            lines[a], lines[b] = lines[b], lines[a]
    return "\n".join(lines)


def _compile(text):
    files = RulesetFiles("personal-loan-ph", "rules/personal-loan-ph/v1.yaml", text)
    found = compile_ruleset(files, CATALOGUE)
    lines = len(text.splitlines()) + text.count("\x85") + text.count("\u2028") + 1
    assert all(1 <= d.line <= lines and d.column >= 1 for d in found.diagnostics)
    assert all(d.message and "Traceback" not in d.message for d in found.diagnostics)
    failed = any(d.severity is Severity.ERROR for d in found.diagnostics)
    assert (found.ruleset is None) is failed
    assert bool(render_all(found.diagnostics)) is bool(found.diagnostics)


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(0, 2**32))
def test_characters_changed_anywhere(seed):
    """A rule file with characters changed anywhere compiles or is reported, always located."""
    _compile(_mutated(EXAMPLE, seed, edits=3))


@settings(max_examples=examples(200), deadline=None)
@given(st.integers(0, 2**32))
def test_lines_moved_anywhere(seed):
    """A rule file with lines removed, repeated or moved compiles or is reported."""
    _compile(_moved(EXAMPLE, seed))


@settings(max_examples=examples(100), deadline=None)
@given(st.integers(0, 2**32))
def test_cases_changed_anywhere(seed):
    """A file of cases with characters changed anywhere is read or reported, always located."""
    ruleset = compile_ruleset(
        RulesetFiles("personal-loan-ph", "rules/personal-loan-ph/v1.yaml", EXAMPLE), CATALOGUE
    ).ruleset
    text = _mutated(CASES, seed, edits=3)
    case_target("t.yaml", text)
    file = parse_cases("t.yaml", text, ruleset, CATALOGUE)
    assert all(d.line >= 1 and d.message for d in file.diagnostics)
    assert file.cases or any(d.severity is Severity.ERROR for d in file.diagnostics)


@pytest.mark.parametrize("cut", range(0, len(EXAMPLE), 97))
def test_a_half_written_file(cut):
    """A rule file cut at any byte compiles or is reported."""
    _compile(EXAMPLE[:cut])


def test_hostile_conditions_are_judged_in_bounded_steps():
    """Many long conditions are judged within the bounds of the search, not of their number."""
    parts = [
        f"(income.months_{n}m < {k} or contributions.months_{n}m > {k})"
        for n in (3, 6, 9, 12)
        for k in (1, 2)
    ]
    rules = "".join(
        f"      - id: r{i}\n        when: {' and '.join(parts)} and income.months_total < {i}\n"
        "        then: DECLINE\n        reason: SHORT_INCOME_HISTORY\n"
        for i in range(60)
    )
    _compile(
        EXAMPLE.replace(
            "  - name: affordability\n",
            f"  - name: many\n    component: POLICY\n    rules:\n{rules}  - name: affordability\n",
        )
    )


IN_CODE = re.compile(r"""["']([RPTM]\d{3})["']""")

PROVER_FAILED = "P500"  # is to be reported: no author can mend it

IN_GUIDE = re.compile(r"^\| ([RPTM]\d{3}) \| (.+) \|$", re.MULTILINE)


def codes_of_the_program():
    """Every code in the source, with a file that gives it."""
    found = {}
    for path in sorted((ROOT / "decision_service").rglob("*.py")):
        for code in IN_CODE.findall(path.read_text()):
            found.setdefault(code, path.relative_to(ROOT).as_posix())
    return found


def codes_of_the_guide():
    """Every code that has a row of its own."""
    return Counter(code for code, _ in IN_GUIDE.findall((ROOT / "docs" / "codes.md").read_text()))


def test_every_code_of_the_program_is_in_the_guide():
    """A code without a row in docs/codes.md fails here, with the file that gives it."""
    explained = codes_of_the_guide()
    found = codes_of_the_program()
    assert len(found) > 100
    assert {code for code in found if code not in explained} == {PROVER_FAILED}


def test_the_guide_explains_no_code_twice_and_none_that_is_gone():
    """A row whose code the program no longer gives, or that stands twice, fails here."""
    explained = codes_of_the_guide()
    assert sorted(set(explained) - set(codes_of_the_program())) == []
    assert [code for code, times in explained.items() if times > 1] == []


PAGE = Path(__file__).parents[3] / "docs" / "keys.md"

HEAD = """\
# All keys

After this page you can look up each key of a rule file, from the table that reads it.
[Writing rules](rules.md) explains them, [rollout](rollout.md) those of a plan. \\* is needed.
`rules/_schema/` gives editors the same.
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


FINE = "id: fine, when: inputs.requested_amount > 2000, then: APPROVE"

LOW = "id: low, when: income.months_12m < 6, then: DECLINE, reason: SHORT"

HIGH = "id: high, when: income.months_12m >= 6, then: REFER, reason: GAPS"

SKIPPED = f"{HIGH}, when_missing: SKIP, because: seen elsewhere"


def found(*lines):
    """The codes of the sense that these rules make, warnings left out."""
    return [code for code in problems(stages(rules(*lines))) if code < "R5"]


def test_rules_that_leave_no_value_to_approve_are_refused():
    """Two rules that together take every value leave nothing to a third that approves."""
    assert found(FINE, LOW, HIGH) == ["R406"]


def test_a_missing_value_that_is_skipped_can_be_approved():
    """Where one of the two skips what is missing, an approval is possible."""
    assert found(FINE, LOW, SKIPPED) == []


@pytest.mark.parametrize(
    ("then", "expected"), [("DECLINE", ["R409"]), ("REFER", ["R409"]), ("APPROVE", [])]
)
def test_a_later_rule_that_always_worsens_an_approval_is_found(then, expected):
    """An APPROVE that another rule covers is of no use; one that another APPROVE covers may be."""
    narrow = "id: narrow, when: income.months_12m >= 11, then: APPROVE"
    wide = f"id: wide, when: income.months_12m >= 9, then: {then}, reason: GAPS"
    assert found(narrow, wide) == expected


def test_an_approval_under_an_earlier_rule_is_told_once():
    """What R408 or R407 tells of a stage, R409 does not tell again."""
    wide = "id: wide, when: income.months_12m >= 9, then: REFER, reason: GAPS"
    narrow = "id: narrow, when: income.months_12m >= 11, then: APPROVE"
    assert found(wide, narrow, FINE) == ["R408"]
    same = "id: same, when: income.months_12m >= 9, then: APPROVE"
    assert found(same, wide, FINE) == ["R407"]
