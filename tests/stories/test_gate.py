"""Stories of a rules folder are a gate: an edit of the data below the rules is seen by one."""

from __future__ import annotations

import json
import shutil

import pytest
from msgspec.structs import replace

from decision_service.rulebook.load import load_rules
from decision_service.rulebook.manifest import manifest_problems
from decision_service.rulebook.rule_tests import failures, run_rule_tests
from tests.fakes.shipped import FOLDER
from tests.fakes.world import NOW
from tests.unit.cli.commands import SHIPPED, command, product_folder

FLAGS = "supported: [IDENTITIES, TRANSACTIONS, EINCOMES], charges_fees: true}"
EDITS = [
    ("posting_lags", '"sss_*": 2 months', '"sss_*": 1 month', "second half is paid some days late"),
    ("posting_lags", '"sss_*": 2 months', '"sss_*": 1 month', "early November, under version 2"),
    (
        "scheme_ceilings",
        "2025-01-01, amount: 35000",
        "2025-01-01, amount: 40000",
        "at the ceiling of SSS",
    ),
    (
        "scheme_ceilings",
        "2025-01-01, amount: 35000",
        "2027-01-01, amount: 35000",
        "at the ceiling of SSS",
    ),
    ("scheme_ceilings", "2024-01-01, amount: 100000", "2024-01-01, amount: 120000", "PhilHealth"),
    ("employers", "  - self-employed\n", "", "as self-employed"),
    ("employers", "  - voluntary\n", "", "for himself at the ceiling"),
    ("employers", "[Inc, ", "[", "two spellings"),
    ("provider_types", "supported: [], documents: true", "supported: []", "provider of documents"),
    ("provider_types", FLAGS, FLAGS.replace(", charges_fees: true", ""), "without a single fee"),
    ("provider_types", "{name: SSS, type: GOVERNMENT", "{name: SSS, type: SYSTEM", "SSS"),
    ("transaction_classes", "words: [top up, topup, ", "words: [topup, ", "top-ups of the wallet"),
    ("transaction_classes", "words: [loan, ", "words: [", "every kind of entry"),
    ("transaction_classes", "words: [padala]", "words: [pasabuy]", "every kind of entry"),
]
SECTIONS = [
    ("gig-advance-ph", 2, "max_age: 7d", "max_age: 10d", "nine days ago"),
    ("personal-loan-ph", 3, "max_age: 35d", "max_age: 40d", "thirty-six days ago"),
    ("personal-loan-ph", 2, "max_age: 35d", "max_age: 30d", "early November, under version 2"),
]


def broken(folder):
    """The failing tests of a folder, as a service that reads it finds them."""
    rulebook = load_rules(folder, NOW).rulebook
    assert rulebook is not None
    return [problem.message for problem in failures(run_rule_tests(folder, rulebook))]


@pytest.mark.long
@pytest.mark.parametrize(("name", "old", "new", "title"), EDITS)
def test_an_edit_of_a_data_file_breaks_a_story(name, old, new, title):
    """Each data file has a figure that a shipped story rests on."""
    text = FOLDER.data[f"{name}.yaml"]
    assert text.count(old) == 1
    data = {**FOLDER.data, f"{name}.yaml": text.replace(old, new)}
    assert any(title in one for one in broken(replace(FOLDER, data=data)))


@pytest.mark.long
@pytest.mark.parametrize(("product", "version", "old", "new", "title"), SECTIONS)
def test_an_edit_of_the_age_of_data_breaks_a_story(product, version, old, new, title):
    """What `max_age` of a version says is seen by no case of given factors, and by a story."""
    texts = next(one for one in FOLDER.products if one.product == product)
    file = texts.rulesets[version]
    assert file.text.count(old) == 1
    edited = replace(file, text=file.text.replace(old, new))
    changed = replace(texts, rulesets={**texts.rulesets, version: edited})
    products = tuple(changed if one is texts else one for one in FOLDER.products)
    assert any(title in one for one in broken(replace(FOLDER, products=products)))


STORY = """\
title: Nothing is connected
product: personal-loan-ph
today: 2026-11-15 09:30
application: {requested_amount: 20000, requested_term_months: 6}
accounts: []
expect: {outcome: REFER}
why: A person asks for an account.
"""


@pytest.fixture
def story(tmp_path):
    """A small product's folder with one story, and a way to change it."""
    folder = product_folder(tmp_path)
    shutil.copytree(SHIPPED / "_data", folder.parent / "_data")
    (folder / "stories").mkdir()

    def write(old="", new="", name="nobody.yaml"):
        assert old in STORY
        (folder / "stories" / name).write_text(STORY.replace(old, new, 1) if old else STORY)
        return folder

    return write


def test_a_story_is_a_test_in_every_form(capsys, story):
    folder = story()
    done = command(capsys, "rules", "test", folder)
    assert (done.code, "personal-loan-ph v1: 4 passed, 0 failed" in done.out) == (0, True)
    shown = command(capsys, "rules", "test", folder, "--show", "nothing is connected")
    assert (shown.code, "accounts.connected_count = 0" in shown.out) == (0, True)
    story("outcome: REFER", "outcome: DECLINE")
    done = command(capsys, "rules", "test", folder)
    assert done.code == 1
    assert "stories/nobody.yaml:1: FAILED Nothing is connected" in done.out
    (version,) = json.loads(command(capsys, "rules", "test", folder, "--format", "json").out)
    assert [one["name"] for one in version["failed"]] == ["Nothing is connected"]


def test_a_mistake_in_a_story_has_its_line(capsys, story):
    """`rules check` and `rules test` refuse it by the same words."""
    folder = story("accounts:", "acounts:")
    for word in ("check", "test"):
        done = command(capsys, "rules", word, folder)
        said = "stories/nobody.yaml:5:1: error R120: unknown key `acounts`"
        assert (done.code, said in done.out) == (1, True)


def test_two_stories_of_one_title_and_an_input_out_of_bounds_are_refused(capsys, story):
    """Titles differ; a refused request is no decision."""
    story()
    folder = story("months: 6", "months: 99", "other.yaml")
    assert "R124: the name of the case is repeated" in command(capsys, "rules", "test", folder).out
    (folder / "stories" / "nobody.yaml").unlink()
    done = command(capsys, "rules", "test", folder)
    assert "requested_term_months is 99; personal-loan-ph v1 needs 1 to 36" in done.out


def test_a_story_is_published_with_its_folder(capsys, story):
    folder = story()
    (folder.parent / "policy.yaml").write_text("floors: {coverage: 0, figures: 0}\n")
    assert command(capsys, "rules", "publish", folder.parent, "--by", "J. Cruz").code == 0
    manifest = (folder.parent / "manifest.yaml").read_text()
    assert '"personal-loan-ph/stories/nobody.yaml":' in manifest
    found = manifest_problems("rules/manifest.yaml", manifest, {})
    assert any("stories/nobody.yaml" in one.message for one in found)
