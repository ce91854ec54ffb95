"""The authors' guide explains every code that the checker can give, and no other."""

from __future__ import annotations

import re
from collections import Counter

from tests.unit.ruleset.rulesets import ROOT

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
