"""`rules test` and `rules check`: what they print and how they exit."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from tests.unit.cli.commands import command, product_folder

RECORDED = "  - name: a recorded person"


@pytest.fixture
def product(tmp_path):
    """The worked example's product, with the tests that need no recording."""
    folder = product_folder(tmp_path)
    tests = folder / "tests" / "v1.yaml"
    tests.write_text(tests.read_text().partition(RECORDED)[0])
    return folder


@pytest.fixture
def run(capsys, tmp_path):
    """A `rules` command on the folder."""
    return lambda word, *words: command(capsys, "rules", word, tmp_path / "rules", *words)


def edit(folder, old, new):
    """Change the product's tests."""
    tests = folder / "tests" / "v1.yaml"
    text = tests.read_text()
    assert old in text
    tests.write_text(text.replace(old, new, 1))


def suite(done):
    """The one suite of a JUnit report."""
    (found,) = ElementTree.fromstring(done.out)
    return found


def test_what_is_not_covered_is_named_and_a_floor_fails(run, product):
    """Coverage below the floor is a finding, in one sentence with both figures."""
    done = run("test")
    assert done.code == 0
    assert "not reached: rule `debt_high` true" in done.out
    done = run("test", "--fail-under", "100")
    assert done.code == 1
    assert "less than the 100 % asked for" in done.err


def test_a_failing_case_shows_expected_beside_actual_in_every_form(run, product):
    """People see both lines; programs get the case's name and why; all exit with 1."""
    edit(product, "{outcome: APPROVE, reasons: []", "{outcome: DECLINE, reasons: []")
    done = run("test")
    assert done.code == 1
    assert "FAILED a steady earner is approved" in done.out
    assert "expected DECLINE\n    actual   APPROVE" in done.out
    done = run("test", "--format", "json")
    assert done.code == 1
    (version,) = json.loads(done.out)
    assert [case["name"] for case in version["failed"]] == ["a steady earner is approved"]
    done = run("test", "--format", "junit")
    assert done.code == 1
    found = suite(done)
    assert (found.get("failures"), found.get("errors")) == ("1", "0")
    assert len(found.findall("testcase/failure")) == 1


def test_a_case_that_cannot_run_is_an_error_in_junit(run, product):
    """A case that leaves a factor out is counted, and told with its line, not left out."""
    edit(product, "    accounts.connected_count: 1\n", "")
    done = run("test", "--format", "junit")
    assert done.code == 1
    found = suite(done)
    errors = found.findall("testcase/error")
    assert found.get("errors") == str(len(errors)) != "0"
    assert int(found.get("tests")) == len(found.findall("testcase"))
    assert "accounts.connected_count" in errors[0].get("message")


def test_no_test_is_a_failure(run, product):
    """A product without any test fails, with what to do."""
    (product / "tests" / "v1.yaml").unlink()
    done = run("test")
    assert done.code == 1
    assert "no test was found" in done.err


def test_the_last_line_of_a_check_says_what_errors_mean(run, product):
    """With an error nothing would be loaded; a warning says nothing of the kind."""
    _with_data(product)
    done = run("check")
    assert done.code == 0
    assert done.out.endswith("0 errors, 2 warnings in 2 files.\n")
    file = product / "v1.yaml"
    file.write_text(file.read_text().replace("income.months_24m <", "income.months_24 <"))
    done = run("check")
    assert done.code == 1
    assert "did you mean `income.months_24m`" in done.out
    assert done.out.endswith("would load nothing of this and keep the rules it has.\n")


def test_a_folder_without_shared_data_is_warned_of(run, product):
    """A rules folder without `_data/` is told once, for the folder and not for each version."""
    done = run("check")
    assert done.code == 0
    assert done.out.count("warning R004: `rules` has no `_data/`") == 1
    _with_data(product)
    assert "R004" not in run("check").out


def _with_data(product):
    data = product.parent / "_data"
    data.mkdir()
    (data / "employers.yaml").write_text("not_employers: [voluntary]\n")


def test_strict_makes_warnings_findings(run, product):
    """The same warning ends with 1 where it is asked for."""
    assert run("check", "--strict").code == 1


GATE = """\
ruleset: personal-loan-ph
version: 1
title: A gate
currency: PHP
time_zone: Asia/Manila
inputs:
  requested_amount: {type: money, required: true}
params:
  least: {type: integer, value: 4}
reasons:
  SHORT: {text: {en: Too short}}
stages:
  - name: gate
    component: KNOCKOUT
    rules:
      - {id: short, when: income.months_12m < params.least, then: DECLINE, reason: SHORT}
      - {id: long, when: inputs.requested_amount >= 0 and income.months_12m > 0, then: APPROVE}
"""
GATE_TESTS = """\
ruleset: personal-loan-ph
version: 1
as_of: 2026-11-15
defaults: {inputs: {requested_amount: 1000}}
cases:
  - {name: three, factors: {income.months_12m: 3}, expect: {outcome: DECLINE, reasons: [SHORT]}}
  - {name: six, factors: {income.months_12m: 6}, expect: {outcome: APPROVE}}
"""


@pytest.fixture
def gate(tmp_path):
    """A product of two rules, with cases that leave a figure between them."""
    folder = product_folder(tmp_path, GATE)
    (folder / "tests" / "v1.yaml").write_text(GATE_TESTS)


def test_figures_that_no_test_notices_are_listed_and_a_floor_fails(run, gate):
    """Each is a line with file and line, old and new value; below the floor the command fails."""
    done = run("test", "--fail-under-figures", "100")
    assert done.code == 1
    assert "/v1.yaml:9: no test notices params.least from 4 to 5" in done.out
    assert "a case would: `" in done.out
    assert "less than the 100 % asked for" in done.err


def test_figures_are_there_for_programs(run, gate):
    """JSON has the share and each change that no test notices."""
    (version,) = json.loads(run("test", "--figures", "--format", "json").out)
    figures = version["figures"]
    assert 0 < figures["percent"] < 100
    assert ("params.least", "4", "5", 9) in {
        (one["at"], one["from"], one["to"], one["line"]) for one in figures["unnoticed"]
    }


def test_why_shows_a_failed_case_stage_by_stage(run, gate, tmp_path):
    """A part of its name finds it: expected beside actual, then what each comparison saw."""
    tests = tmp_path / "rules" / "personal-loan-ph" / "tests" / "v1.yaml"
    tests.write_text(GATE_TESTS.replace("{outcome: APPROVE}", "{outcome: DECLINE}"))
    assert '--why "NAME"' in run("test").out
    done = run("test", "--why", "si")
    assert done.code == 1
    assert "FAILED six" in done.out
    assert "expected DECLINE\n    actual   APPROVE" in done.out
    assert "income.months_12m = 6   < params.least (4)" in done.out
    assert "three" not in done.out
    (found,) = json.loads(run("test", "--why", "six", "--format", "json").out)
    assert (found["name"], found["passed"], found["outcome"]) == ("six", False, "OUTCOME_APPROVE")


def test_why_of_a_case_that_is_not_there_names_the_nearest(run, gate):
    """A name that fits no case is wrong usage."""
    done = run("test", "--why", "sixx")
    assert (done.code, "did you mean `six`?" in done.err) == (2, True)


def test_tests_in_another_products_folder_say_where_they_belong(run, gate, tmp_path):
    """A copied file names its own product: it is moved there, or renamed."""
    tests = tmp_path / "rules" / "personal-loan-ph" / "tests" / "v1.yaml"
    tests.write_text(GATE_TESTS.replace("ruleset: personal", "ruleset: weekend"))
    done = run("test")
    assert done.code == 1
    hint = "move the file into weekend-loan-ph/tests, or write `ruleset: personal-loan-ph`"
    assert hint in done.out
