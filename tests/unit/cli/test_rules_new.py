"""`rules new`: a product to begin with, which passes everything that is asked of one."""

from __future__ import annotations

import shutil

import pytest

from tests.unit.cli.commands import SHIPPED, command


@pytest.fixture
def rules(tmp_path):
    """A rules folder with the shared data files and no product."""
    folder = tmp_path / "rules"
    folder.mkdir()
    shutil.copytree(SHIPPED / "_data", folder / "_data")
    return folder


@pytest.mark.parametrize("words", [(), ("--currency", "JPY", "--time-zone", "Asia/Tokyo")])
def test_a_new_product_passes_every_gate(capsys, rules, words):
    """No warning, all of it covered, no figure that could be another one, the shipped layout."""
    done = command(capsys, "rules", "new", "weekend-loan", "--rules", rules, *words)
    assert (done.code, done.err) == (0, "")
    product = rules / "weekend-loan"
    assert command(capsys, "rules", "check", "--strict", product).code == 0
    assert command(capsys, "rules", "fmt", "--check", product).code == 0
    gates = ("--fail-under", 100, "--fail-under-figures", 100)
    tested = command(capsys, "rules", "test", product, *gates)
    assert (tested.code, "0 marked, 0 not noticed" in tested.out) == (0, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("Weekend_Loan",), "is no product name"),
        (("weekend-loan", "--currency", "PESO"), "is no currency"),
        (("weekend-loan", "--time-zone", "Manila"), "Manila"),
    ],
)
def test_what_would_not_pass_is_not_written(capsys, rules, words, said):
    """A wrong name, currency or zone is wrong usage, and leaves no file behind."""
    done = command(capsys, "rules", "new", *words, "--rules", rules)
    assert (done.code, said in done.err) == (2, True)
    assert [path.name for path in rules.iterdir()] == ["_data"]


def test_a_product_that_is_there_is_left_alone(capsys, rules):
    """Nothing is written over."""
    assert command(capsys, "rules", "new", "weekend-loan", "--rules", rules).code == 0
    done = command(capsys, "rules", "new", "weekend-loan", "--rules", rules)
    assert (done.code, "is there already" in done.err) == (2, True)
