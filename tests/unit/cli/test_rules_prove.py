"""`rules prove`, `rules check --prove` and what they say of wrong usage."""

from __future__ import annotations

import json
from shutil import copytree

import pytest

from tests.unit.cli.commands import command
from tests.unit.ruleset.rulesets import ROOT

GIG = "gig-advance-ph@1"
TIME = ("--timeout", "500s")


@pytest.fixture
def tighter(tmp_path):
    """The shipped advance with a smaller largest advance, as a file beside its product."""
    folder = tmp_path / "rules"
    copytree(ROOT / "rules", folder)
    file = folder / "gig-advance-ph" / "v1.yaml"
    before, after = (f"largest_advance: {{type: money, value: {v}}}" for v in (8000, 7000))
    file.write_text(file.read_text().replace(before, after))
    return file


def test_a_proved_claim_ends_with_0(capsys, tighter):
    """One sentence says what is proved, of whom and from when."""
    done = command(capsys, "rules", "prove", GIG, tighter, "--from", "2026-11-27", *TIME)
    assert done.code == 0
    assert done.out.startswith("PROVED: gig-advance-ph v1 gives no applicant a better outcome")
    assert "from 2026-11-27 on" in done.out


def test_a_counterexample_ends_with_1_and_is_a_rule_test(capsys, tighter):
    """The person stands there with both verdicts; for programs too."""
    words = ("rules", "prove", GIG, tighter, "--claim", "loosens", "--from", "2026-11-27", *TIME)
    done = command(capsys, *words)
    assert done.code == 1
    assert "COUNTEREXAMPLE" in done.out
    assert "- name: found by a proof" in done.out
    told = json.loads(command(capsys, *words, "--format", "json").out)
    assert told["result"] == "COUNTEREXAMPLE"
    assert [each["of"] for each in told["verdicts"]] == ["v1 before", "v1 after"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--claim", "only"), "--claim only needs a condition"),
        (("income.months_12m < 6",), "the condition income.months_12m < 6 is for"),
        (("income.monhs_12m < 6", "--claim", "only"), "did you mean"),
        (("--timeout", "0"), "not a number of seconds"),
        (("--from", "tomorrow"), "write a day as 2026-12-01"),
    ],
)
def test_wrong_usage_is_told(capsys, words, told):
    """Exit code 2, and what to write."""
    done = command(capsys, "rules", "prove", GIG, GIG, *words)
    assert done.code == 2
    assert told in done.err
