"""One broken rule file per fault, with the rendered text saved beside it.

`data/<name>/` holds the `_data` files that go with a rule file.

`SAVE_BROKEN=1 pytest tests/unit/ruleset/test_broken.py` writes the texts anew; read them then.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from decision_service.rules.compile import compile_ruleset
from decision_service.rules.language.diagnostics import Severity, count, render_all
from decision_service.rules.program import RulesetFiles
from tests.unit.ruleset.catalogue import CATALOGUE

ROOT = Path(__file__).parents[3]
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
