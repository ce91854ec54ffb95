"""Mutated rule files: never a traceback, always located."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_service.rules.compile import compile_ruleset
from decision_service.rules.language.diagnostics import Severity, render_all
from decision_service.rules.program import RulesetFiles
from decision_service.rules.tests_file import case_target, parse_cases
from tests.fakes.examples import examples
from tests.unit.ruleset.catalogue import CATALOGUE
from tests.unit.ruleset.rulesets import ROOT

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
