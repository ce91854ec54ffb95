"""The check that the code stands on public ground."""

from __future__ import annotations

import pytest

from lint.public_ground import DATA, GroundRules
from tests.kits.cases import cases

FILE = "decision_service/some/place.py"
RULES = """
[[rule]]
name = "knobs"
match = 'use gc\\..*'
use = "leave it"
allowed = ["decision_service/cli/serve.py"]

[[rule]]
name = "private"
match = 'import (.*\\.)?_.*'
use = "use what is documented"
folders = ["decision_service", "tests"]
"""
KNOWN = f"""
[[known]]
rule = "knobs"
file = "{FILE}"
times = 1
reason = "for now"
"""
KNOB = "import gc\ngc.freeze()\n"


def errors(source: str, file: str = FILE, known: str = "") -> list[str]:
    return [*GroundRules.read(RULES + known).errors([(file, source)])]


def test_a_new_place_is_named_with_what_to_use_instead() -> None:
    """File, line, what it does, the rule, and the way that is open."""
    assert errors(KNOB) == [f"{FILE}:2: use gc.freeze (knobs): leave it"]


def test_a_rule_holds_in_its_folders() -> None:
    """A file that may always do it, and folders that the rule does not name, are left alone."""
    assert errors(KNOB, "decision_service/cli/serve.py") == []
    assert errors(KNOB, "tests/unit/test_x.py") == []
    assert len(errors("from a import _b", "tests/unit/test_x.py")) == 1


def test_a_known_place_may_stand() -> None:
    """As often as it is listed."""
    assert errors(KNOB, known=KNOWN) == []


def test_a_second_place_in_a_known_file_is_an_error() -> None:
    """All of the file's places are named, since none says which is new."""
    assert len(errors(f"{KNOB}gc.collect()\n", known=KNOWN)) == 2


@pytest.mark.parametrize("file", [FILE, "decision_service/other.py"])
def test_a_known_place_that_is_gone_is_an_error(file: str) -> None:
    """Whether the line went or the whole file did."""
    [error] = errors("import json\n", file, known=KNOWN)
    assert f"{FILE} breaks knobs 0 times and not 1" in error
    assert "take the entry out" in error


def test_a_known_place_names_a_rule() -> None:
    """A misspelt entry must not be taken for one that holds."""
    with pytest.raises(ValueError, match="no rule is called noobs"):
        GroundRules.read(RULES + KNOWN.replace("knobs", "noobs"))


@pytest.mark.parametrize("source", cases("lint/public_ground")["forbidden"])
def test_the_projects_rules_forbid_it(source: str) -> None:
    """However it is written."""
    assert [*GroundRules.read(DATA.read_text()).breaches(FILE, source)]


@pytest.mark.parametrize("source", cases("lint/public_ground")["allowed"])
def test_the_projects_rules_allow_it(source: str) -> None:
    """What is documented, and what only has a similar name."""
    assert [*GroundRules.read(DATA.read_text()).breaches(FILE, source)] == []
