"""`rules check`: one slip is one error, and says what it is."""

from __future__ import annotations

import re

import pytest

from tests.unit.cli.commands import command, product_folder

TABLE = "stability.band,income.conservative_6m,max_amount,tier\n-,-,2 * income.conservative_6m,T9\n"
SEGMENT = """\
  segments:
    - {name: small, when: inputs.requested_amount < 20000, percent: 5}
"""
SHADOW = "shadow: [{version: 2, percent: 100}]\n"


@pytest.fixture
def product(tmp_path):
    """The worked example with its limit in a table file, and a copy of it as a shadow."""
    folder = product_folder(tmp_path)
    file = folder / "v1.yaml"
    text = file.read_text()
    rows = text[text.index("      rows:\n") : text.index("\noffer:")]
    text = text.replace(rows, "      rows: tables/limit.csv\n")
    file.write_text(text)
    (folder / "v2.yaml").write_text(text.replace("version: 1\n", "version: 2\n"))
    (folder / "tables").mkdir()
    (folder / "tables" / "limit.csv").write_text(TABLE)
    tests = (folder / "tests" / "v1.yaml").read_text()
    (folder / "tests" / "v2.yaml").write_text(tests.replace("version: 1\n", "version: 2\n"))
    plan = folder / "rollout.yaml"
    plan.write_text(plan.read_text().replace("  stages:\n", f"{SEGMENT}  stages:\n") + SHADOW)
    return folder


def errors(capsys, product):
    """The headlines of all errors that `check` finds."""
    out = command(capsys, "rules", "check", product.parent).out
    return re.findall(r"^\S+: error (.*)$", out, re.MULTILINE)


def test_the_product_is_sound(capsys, product):
    """Without a slip there is no error."""
    assert errors(capsys, product) == []


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (TABLE.replace(",", ";").encode(), "R135: the cells are separated by `;`, not by commas"),
        (TABLE.encode("utf-16"), "R002: the file is UTF-16: save it as UTF-8"),
        (TABLE.encode("utf-16-le"), "R002: the file is UTF-16: save it as UTF-8"),
        (TABLE.encode() + b"\n" * 300_000, "R002: the file is larger than 256 KiB: split it"),
        (
            TABLE.replace("tier", "teir", 1).encode(),
            "R132: the header's `teir` is not a column of the table",
        ),
    ],
)
def test_a_table_file_with_one_slip_is_one_error(capsys, product, content, error):
    """Two versions read the file, and the error is told once, with nothing that follows from it."""
    (product / "tables" / "limit.csv").write_bytes(content)
    assert errors(capsys, product) == [error]
    assert "R501" not in command(capsys, "rules", "check", product.parent).out


def test_a_rule_file_over_the_size_limit_is_that_error_alone(capsys, product):
    """The plan names the version, and its table is read by it; neither is a second problem."""
    with (product / "v1.yaml").open("a") as file:
        file.write("#" * 300_000)
    assert errors(capsys, product) == ["R002: the file is larger than 256 KiB: split it"]


def test_a_plan_is_not_measured_by_a_ruleset_that_does_not_compile(capsys, product):
    """A segment's inputs are unknown while the champion has an error, which is the only one."""
    file = product / "v1.yaml"
    file.write_text(file.read_text().replace("months_24m <", "months_24 <"))
    assert errors(capsys, product) == ["R204: unknown factor `income.months_24`"]


def test_cases_of_one_version_are_read_beside_the_errors_of_another(capsys, product):
    """Version 2 does not compile, and what is wrong with the cases of version 1 is told as well."""
    file, cases = product / "v2.yaml", product / "tests" / "v1.yaml"
    file.write_text(file.read_text().replace("months_24m <", "months_24 <"))
    cases.write_text(cases.read_text().replace("income.months_24m: 5}", "income.months_24m: 55}"))
    assert errors(capsys, product) == [
        "R807: `income.months_24m` is never 55",
        "R204: unknown factor `income.months_24`",
    ]


@pytest.mark.parametrize("verb", ["check", "test"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "nowhere cannot be opened (No such file or directory): name the rules folder"),
        ("empty", "empty holds nothing of a rules folder: name the rules folder"),
        ("letter.txt", "letter.txt holds nothing of a rules folder: name the rules folder"),
    ],
)
def test_a_path_without_rules_is_no_success(capsys, tmp_path, verb, name, said):
    """A path that names no file of a rules folder is wrong usage, with the path and what to do."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "letter.txt").write_text("Dear applicant")
    done = command(capsys, "rules", verb, tmp_path / name)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_every_file_of_the_part_is_counted(capsys, product):
    """Tests, tables and letters are checked as versions and plans are, and counted with them."""
    assert "in 2 files." in command(capsys, "rules", "check", product / "tests").out
