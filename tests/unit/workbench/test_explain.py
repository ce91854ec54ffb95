"""`rules explain`: a version on given factor values."""

from __future__ import annotations

import json

import pytest

from tests.kits.cases import cases
from tests.unit.cli.commands import WORKED_EXAMPLE, command, product_folder

EXAMPLE = WORKED_EXAMPLE / "v1.yaml"
FACTORS = {
    "accounts.connected_count": "1",
    "income.months_24m": "18",
    "income.months_12m": "8",
    "income.conservative_6m": "25000",
    "contributions.months_12m": "11",
    "liabilities.monthly_amortization": "0",
}
ASKED = ("--input", "requested_amount=20000", "--input", "requested_term_months=6")


@pytest.fixture
def explain(capsys, tmp_path):
    """Explain the worked example on these factors, some of them changed."""

    def run(*words, path=EXAMPLE, text=None, day="2026-11-15", **changed):
        file = tmp_path / "factors.yaml"
        given = {**FACTORS, **{name.replace("__", "."): v for name, v in changed.items()}}
        lines = "".join(f"{name}: {value}\n" for name, value in given.items())
        file.write_text(lines if text is None else text)
        dated = ("--as-of", day) if day else ()
        return command(capsys, "rules", "explain", path, "--factors", file, *ASKED, *dated, *words)

    return run


def lines_of(done):
    """The lines of a tree without its guides, which must be the answer of a good run."""
    assert (done.code, done.err) == (0, "")
    return [line.strip("│├└─ ") for line in done.out.splitlines()]


def test_the_tree_tells_the_outcome_the_version_and_the_day(explain):
    first = lines_of(explain())[0]
    assert first.startswith("APPROVE · personal-loan-ph v1 ")
    assert first.endswith("· as of 2026-11-15 (Asia/Manila)")


@pytest.mark.parametrize(("changed", "shown"), cases("cli/rules_explain")["parts"])
def test_each_part_shows_what_it_came_to_and_the_values_it_saw(explain, changed, shown):
    lines = lines_of(explain(**changed))
    assert [line for line in shown if line not in lines] == []


def test_a_reduced_offer_shows_what_limits_it(explain):
    lines = lines_of(explain("--input", "requested_amount=60000"))
    assert "offer · 37,500 PHP · 6 months · 0.05 a month · limited by limit.max_amount" in lines


def test_dated_parameters_follow_the_day(explain):
    before = explain(income__months_24m="5", day="2026-11-30")
    after = explain(income__months_24m="5", day="2026-12-01")
    assert [lines_of(d)[0].split(" · ")[0] for d in (before, after)] == ["APPROVE", "DECLINE"]


def test_json_holds_the_same_for_programs(explain):
    done = explain("--format", "json", income__months_12m="12")
    found = json.loads(done.out)
    assert (found["outcome"], found["version"]) == ("OUTCOME_APPROVE", 1)
    assert found["as_of"] == "2026-11-15"
    stages = {stage["name"]: stage for stage in found["stages"]}
    assert stages["eligibility"]["rules"][0]["truth"] == "FALSE"
    assert [row["truth"] for row in stages["limit"]["rules"]] == ["FALSE", "TRUE"]


def test_a_file_may_hold_inputs_and_the_day_as_a_case_does(explain):
    """`factors`, `inputs` and `as_of` in the file count, and the command line goes before them."""
    factors = ", ".join(f"{name}: {value}" for name, value in FACTORS.items())
    text = f"as_of: 2026-12-05\ninputs: {{requested_amount: 99}}\nfactors: {{{factors}}}\n"
    first = lines_of(explain(text=text, day=None))[0]
    assert first.startswith("APPROVE")
    assert "as of 2026-12-05" in first


def test_json_factors_are_read_too(explain):
    given = {**{name: int(value) for name, value in FACTORS.items()}}
    text = json.dumps({**given, "income.months_24m": "missing NO_DATA"}, indent=2)
    assert "short_history        UNKNOWN → REFER  DATA_MISSING" in lines_of(explain(text=text))


def test_a_version_is_found_by_product_and_number(explain, tmp_path):
    product_folder(tmp_path)
    done = explain("--rules", tmp_path / "rules", path="personal-loan-ph@1")
    assert lines_of(done)[0].startswith("APPROVE · personal-loan-ph v1 ")


@pytest.mark.parametrize(("words", "changed", "part"), cases("cli/rules_explain")["faults"])
def test_what_is_given_wrongly_is_said_and_located(explain, words, changed, part):
    done = explain(*words, day=None, **changed)
    assert (done.code, done.out) == (2, "")
    assert part in done.err


def test_a_factor_that_is_needed_and_not_named_is_an_error(explain):
    done = explain(text="accounts.connected_count: 1\n")
    assert done.code == 2
    assert "does not say what 5 factors are" in done.err
    assert "  income.months_24m:" in done.err.splitlines()


@pytest.mark.parametrize("path", ["nowhere.yaml", "personal-loan-ph@99", "no-product@1"])
def test_a_version_that_is_not_there_is_one_sentence(explain, path):
    done = explain(path=path)
    assert (done.code, len(done.err.splitlines())) == (2, 1)


def test_a_version_that_does_not_compile_shows_its_errors(explain, tmp_path):
    path = tmp_path / "v1.yaml"
    path.write_text(EXAMPLE.read_text().replace("income.months_24m <", "income.months_25m <"))
    done = explain(path=path)
    assert done.code == 1
    assert "error R204" in done.err


def test_tags_are_told_of_the_decision_and_of_each_rule(capsys, tmp_path):
    """Those for desks and those told to nobody stand apart, and below the rule that set them."""
    path = WORKED_EXAMPLE.parent / "constructs" / "tags" / "v1.yaml"
    factors = {"income.volatility_6m": "0.1", "income.conservative_6m": "25400"}
    file = tmp_path / "factors.yaml"
    given = {**factors, "reuse.users_of_account": "2"}
    file.write_text("".join(f"{name}: {value}\n" for name, value in given.items()))
    words = ("rules", "explain", path, "--factors", file, "--input", "requested_amount=20000")
    lines = lines_of(command(capsys, *words, "--as-of", "2026-11-15"))
    assert "tags · senior_desk" in lines
    assert "tags not disclosed · shared_account" in lines
    assert "tagged senior_desk, shared_account" in lines


def test_a_chosen_term_shows_what_each_term_came_to(capsys, tmp_path):
    path = WORKED_EXAMPLE.parent / "constructs" / "longest-term" / "v1.yaml"
    file = tmp_path / "factors.yaml"
    file.write_text("income.conservative_6m: 30000\n")
    asked = ("--input", "requested_amount=20000", "--input", "requested_term_months=11")
    words = ("rules", "explain", path, "--factors", file, *asked, "--as-of", "2026-11-15")
    lines = lines_of(command(capsys, *words))
    why = "offer.term_months <= inputs.requested_term_months"
    assert f"offer · 20,000 PHP · 6 months · 0.032 a month · term by {why}" in lines
    assert "12: false, 6: true, 3: true" in lines
