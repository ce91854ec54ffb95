"""A product with every construct at once: segments, labels, lists, tags, a term, shared files."""

from __future__ import annotations

import shutil

import pytest

from tests.unit.cli.commands import SHIPPED, command
from tests.unit.ruleset.rulesets import ROOT

COMBINED = ROOT / "tests" / "rulesets" / "combined"
PRODUCT = "every-construct-ph"


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    """A rules folder with the product, what it shares, and the shared data files."""
    folder = tmp_path_factory.mktemp("combined") / "rules"
    shutil.copytree(COMBINED, folder)
    shutil.copytree(SHIPPED / "_data", folder / "_data")
    return folder


def test_all_gates_pass_where_every_construct_meets_the_others(capsys, rules):
    """The check, the layout and coverage are content: nothing impossible is asked for."""
    assert command(capsys, "rules", "check", "--strict", rules).code == 0
    assert command(capsys, "rules", "fmt", "--check", rules / PRODUCT).code == 0
    done = command(capsys, "rules", "test", rules / PRODUCT, "--fail-under", 100)
    assert (done.code, "0 failed, coverage 100 %" in done.out) == (0, True), done.out


def test_a_condition_of_a_scorecard_shows_its_truth(capsys, rules):
    """Whoever reads the trace of a card for some applicants sees that it was for this one."""
    shown = command(capsys, "rules", "test", rules / PRODUCT, "--why", "a steady earner").out
    assert shown.count("applies_when         TRUE") == 2
    assert shown.count("applies_when         false → does not apply") == 1


def test_a_change_of_each_construct_is_told_in_words(capsys, rules, tmp_path):
    """A label's figure of a shared file, a list in a condition, a tag and a term are told."""
    shutil.copytree(rules, tmp_path / "rules")
    changed = tmp_path / "rules" / PRODUCT / "v1.yaml"
    text = changed.read_text()
    for old, new in (
        ("choose: longest", "choose: shortest"),
        (", told: nobody", ""),
        ('== "existing" or', '!= "new" or'),
        ("new: 10000", "new: 12000"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    changed.write_text(text)
    prices = tmp_path / "rules" / "_shared" / "prices.yaml"
    prices.write_text(prices.read_text().replace("0.035", "0.03"))
    shown = command(capsys, "rules", "diff", rules / PRODUCT / "v1.yaml", changed).out
    assert ": 5 changes" in shown
    assert "(monthly_rate) of NCR from 0.035 to 0.03 on 2026-12-01" in shown
    assert "(largest_loan) of new from 10000 to 12000" in shown
    assert "tag round_income: told from nobody to not written" in shown
