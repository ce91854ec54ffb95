"""`rules new`: a product to begin with, which passes everything that is asked of one."""

from __future__ import annotations

import re
import shutil
from textwrap import dedent

import pytest

from tests.unit.cli.commands import ROOT, SHIPPED, command


@pytest.fixture
def rules(tmp_path):
    """A rules folder with the shared data files and no product."""
    folder = tmp_path / "rules"
    folder.mkdir()
    shutil.copytree(SHIPPED / "_data", folder / "_data")
    return folder


@pytest.mark.parametrize("words", [(), ("--currency", "JPY", "--time-zone", "Asia/Tokyo")])
def test_a_new_product_passes_every_gate(capsys, rules, words):
    """No warning, all of it covered, no figure that could be another one."""
    done = command(capsys, "rules", "new", "weekend-loan", "--rules", rules, *words)
    assert (done.code, done.err) == (0, "")
    product = rules / "weekend-loan"
    assert command(capsys, "rules", "check", "--strict", product).code == 0
    gates = ("--fail-under", 100, "--fail-under-figures", 100)
    tested = command(capsys, "rules", "test", product, *gates)
    assert (tested.code, "3 marked, 0 not noticed" in tested.out) == (0, True)


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


REASON = """\
reasons:
  UNDER_AGE:
    text: {en: Too young for this loan}
    regulatory: Age
    group: age
    priority: 1
"""


@pytest.mark.long
def test_the_change_that_the_page_tells_reaches_every_gate(capsys, rules):
    """Each command says the next step; what it prints is what the page shows, and is pasted."""
    rule, printed = page_blocks("yaml"), page_blocks("", "not reached")
    product = rules / "weekend-loan-ph"
    command(capsys, "rules", "new", "weekend-loan-ph", "--title", "Weekend loan", "--rules", rules)
    version, tests = product / "v1.yaml", product / "tests" / "v1.yaml"

    def says(*words):
        return command(capsys, "rules", *words, product).out

    edit(version, "reason: SHORT_INCOME_HISTORY\n\n", f"reason: SHORT_INCOME_HISTORY\n{rule}\n")
    assert "R207: unknown reason `UNDER_AGE`" in says("check")
    edit(version, "reasons:\n", REASON)
    assert "R803: neither the case nor the defaults say what `identity.age_years` is" in says(
        "check"
    )
    edit(tests, "income.months_24m: 24\n", "income.months_24m: 24\n    identity.age_years: 30\n")
    reached = says("test")
    assert reached.startswith(printed)
    paste(tests, reached)
    noticed = says("test", "--figures")
    assert (noticed.count(" is 21 and not "), noticed.count("  - name: ")) == (1, 1)
    paste(tests, noticed)
    gates = ("--fail-under", 100, "--fail-under-figures", 100)
    assert command(capsys, "rules", "test", product, *gates).code == 0
    assert command(capsys, "rules", "check", "--strict", product).code == 0


def page_blocks(language, word=""):
    """The block of the section of new products in this language that has a word."""
    page = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    section = page.split("\n## A new product\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^ *```(\w*)\n(.*?)^ *```$", section, re.M | re.S)
    [found] = [text for named, text in blocks if named == language and word in text]
    return found if language else dedent(found)


def edit(file, old, new):
    """Replace a text that is there, once."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def paste(file, out):
    """Put the printed block as it is below the cases of the file."""
    [block] = re.findall(r"^  # read .*\n(?:  .*\n)+", out, re.M)
    file.write_text(file.read_text() + block)
