"""What guards the rules, and is gone, altered or looser, is named with its direction."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest

from decision_service.rulebook.folder import read_rules
from decision_service.workbench.safeguards import guard_changes, loosened, unaccepted
from tests.fakes.world import loaded
from tests.kits.cases import cases
from tests.unit.rules.kit import ROOT

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LOAN = "personal-loan-ph"


ONE_PRODUCT = shutil.ignore_patterns("gig-advance-ph")


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """A folder of one shipped product, as it is and loaded."""
    folder = edited(tmp_path_factory.mktemp("shipped"), {})
    return folder, loaded(folder).rulebook


def edited(tmp_path, edits):
    """The folder with texts replaced, by file."""
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", rules, ignore=ONE_PRODUCT)
    for name, edit in edits.items():
        file = rules / name
        text = file.read_text() if file.exists() else ""
        old, new = edit.get("old"), edit.get("new", "")
        if "from" in edit:  # up to the next place of a word
            begin = text.index(edit["from"])
            old = text[begin : text.index(edit["to"], begin + len(edit["from"]))]
        assert old in text, name
        file.write_text(text.replace(old, new, 1) if old else new)
    return read_rules(rules)


CASES = cases("safeguards")


@pytest.mark.parametrize("case", CASES["less"], ids=lambda case: case["name"])
def test_a_guard_that_is_less_is_to_be_accepted_by_name(shipped, tmp_path, case):
    """The sentence has the file, the part and the direction; its name or its file accepts it."""
    edits, sentence = case["edits"], case["told"]
    after = edited(tmp_path, edits)
    found = [*loosened(*shipped, after, loaded(after).rulebook, NOW)]
    assert unaccepted(found, ()) == [sentence]
    file = next(iter(edits))
    assert unaccepted(found, (f"{found[0].group}: {found[0].subject}",)) == []
    assert unaccepted(found, (file,)) == []
    assert unaccepted(found, ("personal-loan-ph", sentence)) == [sentence]


@pytest.mark.parametrize("case", CASES["named"], ids=lambda case: case["name"])
def test_what_is_more_or_no_guard_needs_no_acceptance(shipped, tmp_path, case):
    """Added tests, tighter bounds and another champion are named and block nothing."""
    folder, rulebook = shipped
    after = edited(tmp_path, case["edits"])
    again = loaded(after).rulebook or rulebook
    assert unaccepted(loosened(folder, rulebook, after, again, NOW), ()) == []


def test_a_file_that_is_gone_is_one_change(shipped, tmp_path):
    """All its parts are accepted together."""
    after = edited(tmp_path, {})
    shutil.rmtree(tmp_path / "rules" / LOAN / "tests")
    (tmp_path / "rules" / LOAN / "v2.yaml").unlink()
    found = guard_changes(shipped[0], read_rules(tmp_path / "rules"))
    assert {(one.group, one.subject) for one in found} == {
        (path, "the file")
        for path in after.contents
        if path.startswith(f"{LOAN}/tests/") or path == f"{LOAN}/v2.yaml"
    }


def test_a_list_with_fewer_keys_is_to_be_accepted(shipped, tmp_path):
    """More keys are no less; fewer, an emptied list and one that is gone are named."""
    name = f"{LOAN}/lists/blocked.csv"
    folder, rulebook = shipped
    full, less = (edited(tmp_path / at, {}) for at in "ab")
    for at, text in (("a", "key\nx\ny\n"), ("b", "key\nx\n")):
        file = tmp_path / at / "rules" / name
        file.parent.mkdir()
        file.write_text(text)
    full, less = (read_rules(tmp_path / at / "rules") for at in "ab")
    asked = [(folder, full), (less, full), (full, less), (full, folder)]
    found = [unaccepted(loosened(b, rulebook, a, rulebook, NOW), ()) for b, a in asked]
    assert found == [
        [],
        [],
        [f"{name}: the list has 0 keys more and 1 fewer (changes)"],
        [f"{name}: the list is gone; it had 2 keys (changes)"],
    ]
