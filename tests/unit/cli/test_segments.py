"""Products whose stages apply to some applicants only pass every gate of an author."""

from __future__ import annotations

import shutil

import pytest

from tests.unit.cli.commands import SHIPPED, command, without_laws
from tests.unit.rules.kit import ROOT

SEGMENTS = ROOT / "tests" / "rulesets" / "segments"
PRODUCTS = sorted(path.name for path in SEGMENTS.iterdir())


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    """A rules folder with these products and the shared data files."""
    folder = tmp_path_factory.mktemp("segments") / "rules"
    shutil.copytree(SEGMENTS, folder)
    shutil.copytree(SHIPPED / "_data", folder / "_data")
    without_laws(folder)
    return folder


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_checker_finds_nothing(capsys, rules, product):
    """No error and no warning."""
    done = command(capsys, "rules", "check", "--strict", rules / product)
    assert (done.code, done.err) == (0, ""), done.out


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_goal_is_reached_and_every_figure_noticed(capsys, rules, product):
    """All cases pass, and between them they reach and notice all there is."""
    gates = ("--fail-under", 100, "--fail-under-figures", 100)
    done = command(capsys, "rules", "test", rules / product, *gates)
    assert (done.code, "0 marked, 0 not noticed" in done.out) == (0, True), done.out


def test_the_trace_of_a_case_says_that_a_stage_did_not_apply(capsys, rules):
    """Below a stage that was not run stands its condition with the value that it saw."""
    why = ("--why", "scored by the other card")
    shown = command(capsys, "rules", "test", rules / "two-cards-ph", *why).out
    assert "score_of_new (scorecard) → nothing" in shown
    assert "segment              false → does not apply" in shown
    assert "inputs.customer_type = existing   in (new)" in shown
