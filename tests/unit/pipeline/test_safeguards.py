"""What guards the rules, and is gone, altered or looser, is named with its direction."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest

from decision_service.rulebook.folder import read_rules
from decision_service.rulebook.load import load_rules
from decision_service.workbench.safeguards import guard_changes, loosened, unaccepted
from tests.unit.ruleset.rulesets import ROOT

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LOAN = "personal-loan-ph"


@pytest.fixture(scope="module")
def shipped():
    """The shipped folder, as it is and loaded."""
    folder = read_rules(ROOT / "rules")
    return folder, load_rules(folder, NOW).rulebook


def edited(tmp_path, edits):
    """The shipped folder with texts replaced, by file."""
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", rules)
    for name, (old, new) in edits.items():
        file = rules / name
        text = file.read_text() if file.exists() else ""
        assert old in text, name
        file.write_text(text.replace(old, new, 1) if old else new)
    return read_rules(rules)


def between(text, first, then):
    """The part of a text from one word to the next other word."""
    begin = text.index(first)
    return text[begin : text.index(then, begin + len(first))]


def part(name, first, then):
    """The part of a shipped file, to be taken out."""
    return {name: (between((ROOT / "rules" / name).read_text(), first, then), "")}


MISSING = "metric data_missing_rate, scope product, maximum 0.3, window 6h, minimum units 200"
PLAN = f"{LOAN}/rollout.yaml"
DESK = f"{LOAN}/desk.yaml"
EDITS = {
    "a case": (
        part(f"{LOAN}/tests/v1.yaml", "  - name: a steady earner gets", "  - name: "),
        f"{LOAN}/tests/v1.yaml: case a steady earner gets what was asked for is gone (loosens)",
    ),
    "a case's answer": (
        {
            f"{LOAN}/tests/v1.yaml": (
                "income.tenure_months_known: 37",
                "income.tenure_months_known: 36",
            )
        },
        f"{LOAN}/tests/v1.yaml: defaults factors differs (changes)",
    ),
    "a guarantee": (
        part(f"{LOAN}/v1.yaml", "  - name: nobody under age is approved", "  - name: "),
        f"{LOAN}/v1.yaml: guarantee nobody under age is approved is gone (loosens)",
    ),
    "the right to contest": (
        part(f"{LOAN}/notices/en.yaml", "contest_again:", "limits:"),
        f"{LOAN}/notices/en.yaml: contest_again is gone (loosens)",
    ),
    "the words of it": (
        {
            f"{LOAN}/notices/en.yaml": (
                "You may ask us within 30 days",
                "You may ask us within 3 days",
            )
        },
        f"{LOAN}/notices/en.yaml: contest differs (changes)",
    ),
    "data": (
        {"_data/employers.yaml": ("  - voluntary member\n", "")},
        "_data/employers.yaml: not_employers differs (changes)",
    ),
    "a guardrail": (
        part(PLAN, "  - {name: missing", "  - {name"),
        f"{PLAN}: guardrail missing is gone; it was: {MISSING}, action pause (loosens)",
    ),
    "its ceiling": (
        {PLAN: ("max: 0.40", "max: 0.99")},
        f"{PLAN}: guardrail referrals: maximum from 0.4 to 0.99 (loosens)",
    ),
    "authority": (
        {DESK: ("{review: 20000", "{review: 90000")},
        f"{DESK}: the authority: review from 20000 to 90000 (loosens)",
    ),
    "a share": (
        {PLAN: ("name: pilot, percent: 1,", "name: pilot, percent: 2,")},
        f"{PLAN}: stage pilot: percent from 1 to 2 (loosens)",
    ),
    "a hold": (
        {PLAN: ("hold: 14d", "hold: 26h")},
        f"{PLAN}: stage early: hold from 14d to 26h (loosens)",
    ),
    "a segment": (
        {PLAN: ("segments: []", 'segments: [{name: x, when: "true", percent: 100}]')},
        f"{PLAN}: segment x is new: the condition true, percent 100 (loosens)",
    ),
    "a floor": (
        {"policy.yaml": ("figures: 100", "figures: 99")},
        "policy.yaml: floors figures from 100 to 99 (loosens)",
    ),
}
NAMED = {
    "another case": {f"{LOAN}/tests/v1.yaml": ("cases:\n", "cases:\n  - {name: new}\n")},
    "more cases": {f"{LOAN}/tests/v9.yaml": ("", "ruleset: x\nversion: 1\n")},
    "a lower ceiling": {PLAN: ("max: 0.40", "max: 0.30")},
    "less authority": {DESK: ("{review: 20000", "{review: 10000")},
    "another champion": {PLAN: ("champion: 1", "champion: 2")},
    "another layout": {f"{LOAN}/notices/en.yaml": ("counter_offer:", "# so\ncounter_offer:")},
}


@pytest.mark.parametrize("what", EDITS)
def test_a_guard_that_is_less_is_to_be_accepted_by_name(shipped, tmp_path, what):
    """The sentence has the file, the part and the direction; its name or its file accepts it."""
    edits, sentence = EDITS[what]
    after = edited(tmp_path, edits)
    found = [*loosened(*shipped, after, load_rules(after, NOW).rulebook, NOW)]
    assert unaccepted(found, ()) == [sentence]
    file = next(iter(edits))
    assert unaccepted(found, (f"{found[0].group}: {found[0].subject}",)) == []
    assert unaccepted(found, (file,)) == []
    assert unaccepted(found, ("personal-loan-ph", sentence)) == [sentence]


@pytest.mark.parametrize("what", NAMED)
def test_what_is_more_or_no_guard_needs_no_acceptance(shipped, tmp_path, what):
    """Added tests, tighter bounds and another champion are named and block nothing."""
    folder, rulebook = shipped
    after = edited(tmp_path, NAMED[what])
    again = load_rules(after, NOW).rulebook or rulebook
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
