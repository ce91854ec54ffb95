"""rules check and rules test: what they find, what they print and how they exit."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from decision_service.build import starter_rules
from decision_service.runtime import gone
from tests.kits.cases import case_text
from tests.unit.cli.commands import command, product_folder

HEADER = "stability.band,income.conservative_6m,max_amount,tier\n"
TABLE = f"{HEADER}-,-,2 * income.conservative_6m,T9\n"
SEGMENT = """\
  segments:
    - {name: small, when: inputs.requested_amount < 20000, percent: 5}
"""
SHADOW = "shadow: [{version: 2, percent: 100}]\n"


def with_table(product, table):
    """The text of version 1, once its limit is read from a file with this table."""
    file = product / "v1.yaml"
    text = file.read_text()
    rows = text[text.index("      rows:\n") : text.index("\noffer:")]
    text = text.replace(rows, "      rows: tables/limit.csv\n")
    file.write_text(text)
    (product / "tables").mkdir()
    (product / "tables" / "limit.csv").write_text(table)
    return text


@pytest.fixture
def shadowed(tmp_path):
    """The worked example with its limit in a table file, and a copy of it as a shadow."""
    folder = product_folder(tmp_path)
    text = with_table(folder, TABLE)
    (folder / "v2.yaml").write_text(text.replace("version: 1\n", "version: 2\n"))
    tests = (folder / "tests" / "v1.yaml").read_text()
    (folder / "tests" / "v2.yaml").write_text(tests.replace("version: 1\n", "version: 2\n"))
    plan = folder / "rollout.yaml"
    plan.write_text(plan.read_text().replace("  stages:\n", f"{SEGMENT}  stages:\n") + SHADOW)
    return folder


def errors(capsys, shadowed):
    """The headlines of all errors that `check` finds."""
    out = command(capsys, "rules", "check", shadowed.parent).out
    return re.findall(r"^\S+: error (.*)$", out, re.MULTILINE)


def test_the_product_is_sound(capsys, shadowed):
    assert errors(capsys, shadowed) == []


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
def test_a_table_file_with_one_slip_is_one_error(capsys, shadowed, content, error):
    """Two versions read the file, and the error is told once, with nothing that follows from it."""
    (shadowed / "tables" / "limit.csv").write_bytes(content)
    assert errors(capsys, shadowed) == [error]
    assert "R501" not in command(capsys, "rules", "check", shadowed.parent).out


def test_a_rule_file_over_the_size_limit_is_that_error_alone(capsys, shadowed):
    """The plan names the version, and its table is read by it; neither is a second problem."""
    with (shadowed / "v1.yaml").open("a") as file:
        file.write("#" * 300_000)
    assert errors(capsys, shadowed) == ["R002: the file is larger than 256 KiB: split it"]


def test_a_plan_is_not_measured_by_a_ruleset_that_does_not_compile(capsys, shadowed):
    """A segment's inputs are unknown while the champion has an error, which is the only one."""
    file = shadowed / "v1.yaml"
    file.write_text(file.read_text().replace("months_24m <", "months_24 <"))
    assert errors(capsys, shadowed) == ["R204: unknown factor `income.months_24`"]


def test_cases_of_one_version_are_read_beside_the_errors_of_another(capsys, shadowed):
    """Version 2 does not compile, and what is wrong with the cases of version 1 is told as well."""
    file, cases = shadowed / "v2.yaml", shadowed / "tests" / "v1.yaml"
    file.write_text(file.read_text().replace("months_24m <", "months_24 <"))
    cases.write_text(cases.read_text().replace("income.months_24m: 5}", "income.months_24m: 55}"))
    assert errors(capsys, shadowed) == [
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
    (tmp_path / "empty").mkdir()
    (tmp_path / "letter.txt").write_text("Dear applicant")
    done = command(capsys, "rules", verb, tmp_path / name)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_every_file_of_the_part_is_counted(capsys, shadowed):
    """Tests, tables and letters are checked as versions and plans are, and counted with them."""
    assert "in 2 files." in command(capsys, "rules", "check", shadowed / "tests").out


@pytest.fixture
def product(tmp_path):
    """The worked example's product."""
    return product_folder(tmp_path)


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


def test_what_is_not_covered_is_named_and_a_floor_fails(run, product):
    """Coverage below the floor is a finding, in one sentence with both figures."""
    done = run("test")
    assert done.code == 0
    line = "rules/personal-loan-ph/v1.yaml:64: not reached: rule `no_source` true\n"
    assert line in done.out
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
    figures = run("test", "--figures")
    assert "personal-loan-ph v1: figures are tried once all tests pass\n" in figures.out
    done = run("test", "--format", "json")
    assert done.code == 1
    (version,) = json.loads(done.out)
    assert [case["name"] for case in version["failed"]] == ["a steady earner is approved"]


def test_a_form_of_an_earlier_release_says_what_to_use(run):
    """`--format junit` is wrong usage, and the sentence of the one table says what to take."""
    done = run("test", "--format", "junit")
    assert done.code == 2
    instead = gone.OPTIONS["rules test --format junit"]
    assert f"there is no --format junit any more: {instead}" in done.err


def without_tests(product):
    """Version 2 as a shadow that no case is about."""
    (product / "v2.yaml").write_text((product / "v1.yaml").read_text().replace("n: 1", "n: 2"))
    plan = product / "rollout.yaml"
    plan.write_text(plan.read_text().replace("champion: 1\n", f"champion: 1\n{SHADOW}"))


def test_a_version_of_the_plan_without_a_case_has_no_coverage(run, product):
    """`test` shows 0 % for a version that the plan names, tells its line, and ends with 1."""
    without_tests(product)
    done = run("test")
    assert done.code == 1
    assert "rollout.yaml:9:20: error T003: personal-loan-ph v2 is the plan's shadow" in done.out
    assert "personal-loan-ph v2: 0 passed, 0 failed, coverage 0 %" in done.out
    assert run("test", "--fail-under", "1").code == 1


@pytest.mark.parametrize("cases", [None, "ruleset: personal-loan-ph\nversion: 2\ncases: []\n"])
def test_a_version_of_the_plan_without_a_case_is_an_error_of_check(run, product, cases):
    without_tests(product)
    if cases is not None:
        (product / "tests" / "v2.yaml").write_text(cases)
    done = run("check")
    assert done.code == 1
    assert "rollout.yaml:9:20: error T003" in done.out
    assert "write cases in rules/personal-loan-ph/tests/v2.yaml" in done.out


def test_a_version_that_no_plan_names_needs_no_case(run, product):
    without_tests(product)
    plan = product / "rollout.yaml"
    plan.write_text(plan.read_text().replace("shadow: [{version: 2, percent: 100}]\n", ""))
    assert (run("check").code, run("test").code) == (0, 0)


def test_a_part_without_a_product_has_no_test(capsys, product):
    """A selection without any version says where tests belong."""
    _with_data(product)
    done = command(capsys, "rules", "test", product.parent / "_data")
    assert done.code == 1
    assert "no test was found" in done.err


def test_the_last_line_of_a_check_says_what_errors_mean(run, product):
    _with_data(product)
    done = run("check")
    assert done.code == 0
    assert done.out.endswith("0 errors, 5 warnings in 4 files.\n")
    file = product / "v1.yaml"
    file.write_text(file.read_text().replace("income.months_24m <", "income.months_24 <"))
    done = run("check")
    assert done.code == 1
    assert "did you mean `income.months_24m`" in done.out
    assert done.out.endswith("would load nothing of this and keep the rules it has.\n")


def test_the_check_says_which_data_files_are_used(run, product):
    """Each file is the folder's own or the package's, and the package's is not counted."""
    names = "employers.yaml, posting_lags.yaml, provider_types.yaml, scheme_ceilings.yaml, "
    names += "transaction_classes.yaml"
    done = run("check")
    assert done.code == 0
    assert f"_data: {names} of the package\n" in done.out
    assert done.out.endswith("in 3 files.\n")
    _with_data(product)
    done = run("check")
    own, _, others = names.partition(", ")
    assert f"_data: {own} of the folder; {others} of the package\n" in done.out
    assert done.out.endswith("in 4 files.\n")
    shutil.copytree(starter_rules() / "_data", product.parent / "_data", dirs_exist_ok=True)
    assert f"_data: {names} of the folder\n" in run("check").out


def _with_data(product):
    data = product.parent / "_data"
    data.mkdir()
    (data / "employers.yaml").write_text("not_employers: [voluntary]\n")


def test_strict_makes_warnings_findings(run, product):
    assert run("check", "--strict").code == 1


def test_one_file_is_checked_with_the_table_that_it_reads(run, product, capsys):
    with_table(product, f"{HEADER}A,>= about,2 * income.conservative_6m,T2\n-,-,0,T9\n")
    done = command(capsys, "rules", "check", product / "v1.yaml")
    assert done.code == 1
    assert "rules/personal-loan-ph/tables/limit.csv:2:3: error" in done.out


def test_a_table_that_no_version_reads_is_warned_of(run, product):
    assert "R510" not in run("check").out
    (product / "tables").mkdir()
    (product / "tables" / "old.csv").write_text("a,b\n1,2\n")
    done = run("check")
    assert done.code == 0
    words = "tables/old.csv:1:1: warning R510: no version of personal-loan-ph reads this table"
    assert words in done.out


def test_faults_of_cases_are_found_by_check(run, product):
    edit(
        product,
        "expect: {outcome: APPROVE,",
        "expect: {reasons: [NO], outcome: APPROVE,",
    )
    edit(product, "income.months_24m: 5}", "income.months_24m: 55}")
    done = run("check")
    assert done.code == 1
    assert "error R207: unknown reason `NO`" in done.out
    assert "error R807: `income.months_24m` is never 55" in done.out
    edit(product, "version: 1\n", "version: 7\n")
    assert "error T001: the tests are for version 7" in run("check").out


def test_a_segment_that_is_never_met_is_warned_of(run, product):
    plan = product / "rollout.yaml"
    segments = """\
  segments:
    - {name: small, when: inputs.requested_amount < 20000, percent: 5}
    - {name: tiny, when: inputs.requested_amount < 2000, percent: 5}
    - {name: none, when: inputs.requested_amount < 5 and inputs.requested_amount > 9, percent: 5}
    - {name: rest, when: inputs.requested_amount >= 20000, percent: 5}
    - {name: new, when: inputs.customer_type == "new" or inputs.requested_amount < 9, percent: 5}
"""
    plan.write_text(plan.read_text().replace("  stages:\n", f"{segments}  stages:\n"))
    done = run("check")
    assert done.code == 0
    assert done.out.count("P213") == 2
    told = "warning P213: no applicant is ever in the segment `tiny`: `small` takes them"
    assert told in done.out
    assert "the segment `none`: `inputs.requested_amount < 5 and" in done.out


GATE = case_text("cli/gate")
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
    done = run("test", "--fail-under-figures", "100")
    assert done.code == 1
    assert "/v1.yaml:9: no test notices params.least from 4 to 5\n" in done.out
    assert "less than the 100 % asked for" in done.err


def test_figures_are_there_for_programs(run, gate):
    (version,) = json.loads(run("test", "--figures", "--format", "json").out)
    figures = version["figures"]
    assert 0 < figures["percent"] < 100
    assert ("params.least", "4", "5", 9) in {
        (one["at"], one["from"], one["to"], one["line"]) for one in figures["unnoticed"]
    }


CHECK = """\
offer: {approved_amount: inputs.requested_amount, monthly_rate: params.rate}
"""
LEGAL = """\
  - name: legal
    component: LEGAL
    rules:
      - {id: cap, when: offer.monthly_rate > params.cap, then: REFER, reason: CAP}
"""
MARK = "unnoticed:\n  - {at: cap, because: the rate is far below the cap}\ncases:\n"


@pytest.mark.parametrize(
    ("rate", "mark", "said"),
    [
        ("0.04", "cases:\n", "coverage of personal-loan-ph v1 is"),
        ("0.04", MARK, ""),
        ("0.07", MARK, "T011: the check `cap` needs no mark: a case breaks it"),
        ("0.04", MARK.replace(": cap", ": cape"), "did you mean `cap`?"),
        ("0.06 if inputs.requested_amount < 99 else 0.04", MARK, "T010: the check `cap` is marked"),
    ],
)
def test_a_legal_check_that_nothing_breaks_today_may_be_marked(
    run, gate, tmp_path, rate, mark, said
):
    """Neither coverage nor figures ask for an impossible case; a possible one has no mark."""
    folder = tmp_path / "rules" / "personal-loan-ph"
    text = GATE.replace("least:", "cap: {type: number, value: 0.05}\n  least:")
    text += LEGAL + CHECK
    text = text.replace("params.rate,", f"{rate},").replace("params.rate}", f"{rate}}}")
    (folder / "v1.yaml").write_text(text.replace("  SHORT:", "  CAP: {text: {en: Cap}}\n  SHORT:"))
    more = "".join(
        f"  - {{name: {n} months, factors: {{income.months_12m: {n}}}, expect: {expect}}}\n"
        for n, expect in {4: "{outcome: APPROVE}", 0: "{outcome: DECLINE}"}.items()
    )
    missing = "  - {name: no data, factors: {income.months_12m: missing NO_DATA}, "
    cases = f"{GATE_TESTS}{more}{missing}expect: {{outcome: REFER, reasons: [DATA_MISSING]}}}}\n"
    (folder / "tests" / "v1.yaml").write_text(cases.replace("cases:\n", mark))
    done = run("test", "--fail-under", "100", "--figures")
    assert (done.code, said in done.out + done.err) == (int(bool(said)), True), done.out + done.err


def test_show_tells_a_failed_case_stage_by_stage(run, gate, tmp_path):
    """A part of its name finds it: expected beside actual, then what each comparison saw."""
    tests = tmp_path / "rules" / "personal-loan-ph" / "tests" / "v1.yaml"
    tests.write_text(GATE_TESTS.replace("{outcome: APPROVE}", "{outcome: DECLINE}"))
    assert '--show "NAME"' in run("test").out
    done = run("test", "--show", "si")
    assert done.code == 1
    assert "FAILED six" in done.out
    assert "expected DECLINE\n    actual   APPROVE" in done.out
    assert "income.months_12m = 6   < params.least (4)" in done.out
    assert "three" not in done.out
    (found,) = json.loads(run("test", "--show", "six", "--format", "json").out)
    assert (found["name"], found["passed"], found["outcome"]) == ("six", False, "OUTCOME_APPROVE")


def test_show_of_a_case_that_is_not_there_names_the_nearest(run, gate):
    done = run("test", "--show", "sixx")
    assert (done.code, "did you mean `six`?" in done.err) == (2, True)


def test_tests_in_another_products_folder_say_where_they_belong(run, gate, tmp_path):
    """A copied file names its own product: it is moved there, or renamed."""
    tests = tmp_path / "rules" / "personal-loan-ph" / "tests" / "v1.yaml"
    tests.write_text(GATE_TESTS.replace("ruleset: personal", "ruleset: weekend"))
    done = run("test")
    assert done.code == 1
    hint = "move the file into weekend-loan-ph/tests, or write `ruleset: personal-loan-ph`"
    assert hint in done.out
