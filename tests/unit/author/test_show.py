"""`rules test --show`: how a case comes out, stage by stage, of a file that is not released."""

from __future__ import annotations

import json

import pytest

from tests.kits.cases import cases
from tests.unit.cli.commands import WORKED_EXAMPLE, command, product_folder

FACTORS = {
    "accounts.connected_count": "1",
    "income.months_24m": "18",
    "income.months_12m": "8",
    "income.conservative_6m": "25000",
    "contributions.months_12m": "11",
    "liabilities.monthly_amortization": "0",
}
FILE = """\
ruleset: {product}
version: 1
as_of: {day}
cases:
  - name: mine
    inputs: {{{inputs}}}
    factors:
{factors}
    expect: {{outcome: APPROVE}}
"""


@pytest.fixture
def show(capsys, tmp_path):
    """Show a case of the worked example on these factors, some of them changed."""
    product_folder(tmp_path)

    def run(*words, amount="20000", day="2026-11-15", **changed):
        given = {**FACTORS, **{name.replace("__", "."): v for name, v in changed.items()}}
        inputs = f"requested_amount: {amount}, requested_term_months: 6"
        return shown(capsys, tmp_path, *words, given=given, inputs=inputs, day=day)

    return run


def shown(capsys, folder, *words, given, inputs, day="2026-11-15", product="personal-loan-ph"):
    """What the command says of one case with these values."""
    factors = "".join(f"      {name}: {value}\n" for name, value in given.items())
    text = FILE.format(product=product, day=day, inputs=inputs, factors=factors)
    path = folder / "rules" / product
    (path / "tests" / "v1.yaml").write_text(text)
    return command(capsys, "rules", "test", path, "--show", "mine", *words)


def lines_of(done):
    """The lines of a tree without its guides."""
    assert done.err == ""
    return [line.strip("│├└─ ") for line in done.out.splitlines() if "mine" not in line]


def headline(done):
    """The line that says the outcome."""
    return next(line for line in lines_of(done) if "· as of" in line)


def test_the_tree_tells_the_outcome_the_version_and_the_day(show):
    first = headline(show())
    assert first.startswith("APPROVE · personal-loan-ph v1 ")
    assert first.endswith("· as of 2026-11-15 (Asia/Manila)")


@pytest.mark.parametrize(("changed", "parts"), cases("cli/rules_show")["parts"])
def test_each_part_shows_what_it_came_to_and_the_values_it_saw(show, changed, parts):
    lines = lines_of(show(**changed))
    assert [line for line in parts if line not in lines] == []


def test_a_reduced_offer_shows_what_limits_it(show):
    lines = lines_of(show(amount="60000"))
    assert "offer · 37,500 PHP · 6 months · 0.05 a month · limited by limit.max_amount" in lines


def test_dated_parameters_follow_the_day(show):
    before = show(income__months_24m="5", day="2026-11-30")
    assert headline(before).startswith("APPROVE")
    after = show(income__months_24m="5", day="2026-12-01")
    assert headline(after).startswith("DECLINE")


def test_json_holds_the_same_for_programs(show):
    done = show("--format", "json", income__months_12m="12")
    (found,) = json.loads(done.out)
    assert (found["outcome"], found["version"]) == ("OUTCOME_APPROVE", 1)
    assert found["as_of"] == "2026-11-15"
    stages = {stage["name"]: stage for stage in found["stages"]}
    assert stages["eligibility"]["rules"][0]["truth"] == "FALSE"
    assert [row["truth"] for row in stages["limit"]["rules"]] == ["FALSE", "TRUE"]


def constructs(tmp_path, name):
    """A folder with one of the rulesets of a construct, under its own name."""
    text = (WORKED_EXAMPLE.parent / "constructs" / name / "v1.yaml").read_text()
    product = text.partition("ruleset: ")[2].partition("\n")[0]
    product_folder(tmp_path, text, product=product)
    return product


def test_tags_are_told_of_the_decision_and_of_each_rule(capsys, tmp_path):
    """Those for desks and those told to nobody stand apart, and below the rule that set them."""
    product = constructs(tmp_path, "tags")
    given = {"income.volatility_6m": "0.1", "income.conservative_6m": "25400"}
    given["reuse.users_of_account"] = "2"
    asked = {"given": given, "inputs": "requested_amount: 20000", "product": product}
    lines = lines_of(shown(capsys, tmp_path, **asked))
    assert "tags · senior_desk" in lines
    assert "tags not disclosed · shared_account" in lines
    assert "tagged senior_desk, shared_account" in lines


def test_a_chosen_term_shows_what_each_term_came_to(capsys, tmp_path):
    product = constructs(tmp_path, "longest-term")
    inputs = "requested_amount: 20000, requested_term_months: 11"
    given = {"income.conservative_6m": "30000"}
    lines = lines_of(shown(capsys, tmp_path, given=given, inputs=inputs, product=product))
    why = "offer.term_months <= inputs.requested_term_months"
    assert f"offer · 20,000 PHP · 6 months · 0.032 a month · term by {why}" in lines
    assert "12: false, 6: true, 3: true" in lines


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        (("rules", "explain", "v1.yaml"), "use `rules test --show NAME`"),
        (("rules", "test", "--why", "mine"), "use `--show`"),
    ],
)
def test_what_went_says_what_to_use(capsys, words, instead):
    done = command(capsys, *words)
    assert (done.code, instead in done.err) == (2, True)
