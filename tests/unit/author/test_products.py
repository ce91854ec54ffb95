"""Products that pass every gate: a new one, the page's edits, segments and every construct."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from textwrap import dedent, indent

import pytest

from decision_service.factors.registry import catalogue
from decision_service.rules.language.types import SIGNATURES
from decision_service.rules.schema import ruleset_schema
from tests.unit.cli.commands import ROOT, SHIPPED, command, without_laws


@pytest.fixture
def rules(tmp_path):
    """A rules folder with the shared data files and no product."""
    folder = tmp_path / "rules"
    folder.mkdir()
    shutil.copytree(SHIPPED / "_data", folder / "_data")
    return folder


@pytest.mark.parametrize("words", [(), ("--currency", "JPY", "--time-zone", "Asia/Tokyo")])
def test_a_new_product_passes_every_gate(capsys, rules, words):
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
    done = command(capsys, "rules", "new", *words, "--rules", rules)
    assert (done.code, said in done.err) == (2, True)
    assert [path.name for path in rules.iterdir()] == ["_data"]


def test_a_product_that_is_there_is_left_alone(capsys, rules):
    assert command(capsys, "rules", "new", "weekend-loan", "--rules", rules).code == 0
    done = command(capsys, "rules", "new", "weekend-loan", "--rules", rules)
    assert (done.code, "is there already" in done.err) == (2, True)


def test_the_next_version_has_tests_and_the_plans_line_and_says_what_comes_next(capsys, rules):
    shutil.copytree(SHIPPED / "gig-advance-ph", rules / "gig-advance-ph")
    done = command(capsys, "rules", "new", "--from", "gig-advance-ph@2", "--rules", rules)
    assert (done.code, done.err) == (0, "")
    product = rules / "gig-advance-ph"
    assert "version: 3\n" in (product / "v3.yaml").read_text()
    assert "version: 3\n" in (product / "tests/v3.yaml").read_text()
    assert (product / "rollout.yaml").read_text().endswith("shadow: [{version: 3, percent: 100}]\n")
    assert "rules diff gig-advance-ph@2 gig-advance-ph@3" in done.out
    assert command(capsys, "rules", "check", product).code == 0
    again = command(capsys, "rules", "new", "--from", "gig-advance-ph@3", "--rules", rules)
    assert "add `{version: 4, percent: 100}` to `shadow:`" in again.out
    assert (product / "rollout.yaml").read_text().count("shadow:") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name a new PRODUCT"),
        (("weekend-loan", "--from", "gig-advance-ph@1"), "name a new PRODUCT"),
        (("--from", "gig-advance-ph@9"), "has no version gig-advance-ph@9"),
        (("--from", "weekend-loan"), "has no version weekend-loan"),
    ],
    ids=["nothing", "both", "another version", "no version"],
)
def test_a_next_version_of_nothing_is_refused(capsys, rules, words, said):
    shutil.copytree(SHIPPED / "gig-advance-ph", rules / "gig-advance-ph")
    done = command(capsys, "rules", "new", *words, "--rules", rules)
    assert (done.code, said in done.err) == (2, True)
    assert not (rules / "gig-advance-ph" / "v3.yaml").exists()


SALARY = ROOT / "tests" / "rulesets" / "analyst" / "salary-loan-ph"
LOOKED_AT = """\
  - name: a watched employer is looked at
    lists: {watched_employers: [ACME-001]}
    expect: REFER POLICY EMPLOYER_TO_REVIEW
"""


def salary(rules, *changes):
    """The analyst's product with its file of cases changed."""
    product = rules / "salary-loan-ph"
    shutil.copytree(SALARY, product)
    cases = product / "tests" / "v1.yaml"
    text = cases.read_text()
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    cases.write_text(text)
    return product


def test_errors_in_a_file_of_cases_end_in_no_list_of_what_is_not_reached(capsys, rules):
    product = salary(
        rules,
        ("expect: REFER POLICY", "expect: REFERS POLICY"),
        ("name: a first loan has", "nam: a first loan has"),
    )
    done = command(capsys, "rules", "test", product, "--fail-under", 100)
    assert (done.code, "not reached" in done.out, "coverage" in done.out + done.err) == (
        1,
        False,
        False,
    )
    assert "goals are looked at once these errors are mended" in done.out
    assert len(done.out.splitlines()) < 20


def test_unnoticed_figures_and_all_wrong_marks_are_shown_at_once(capsys, rules):
    """A segment that is taken away is such a figure; a mark of no check is as wrong as another."""
    marks = ("{at: legal.none, because: x}", "{at: params.no, from: 1, to: [2], because: x}")
    wrong = f"unnoticed:\n  - {marks[0]}\n  - {marks[1]}\n"
    one_card = "    expect: APPROVE scores.next_loan=none\n"
    product = salary(
        rules, ("unnoticed:\n", wrong), (LOOKED_AT, ""), (one_card, "    expect: APPROVE\n")
    )
    done = command(capsys, "rules", "test", product, "--figures")
    assert done.code == 1
    for said in (
        "`at` is `legal.none`",
        "no change of params.no",
        "no test notices looks.watched_employer",
        "no test notices score_of_next_loans.segment from existing to none",
    ):
        assert said in done.out, said


def test_a_list_that_is_expected_to_be_none_is_empty(capsys, rules):
    change = (
        "expect: REFER POLICY EMPLOYER_TO_REVIEW",
        "expect: REFER POLICY EMPLOYER_TO_REVIEW conditions=none tags=none",
    )
    assert command(capsys, "rules", "test", salary(rules, change)).code == 0
    shutil.rmtree(rules / "salary-loan-ph")
    wrong = salary(rules, ("APPROVE conditions=payslip", "APPROVE conditions=none"))
    done = command(capsys, "rules", "test", wrong)
    assert (done.code, "expected none" in done.out, "actual   payslip" in done.out) == (
        1,
        True,
        True,
    )


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
    rule, printed = page_blocks("yaml", "id: under_age"), page_blocks("", "not reached")
    written = [page_blocks("yaml", word) for word in ("name: too young", "name: just old enough")]
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
    paste(tests, written[0])
    assert "no test notices" in says("test", "--figures")
    paste(tests, written[1])
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


def paste(file, cases):
    """Put the page's cases below those of the file."""
    file.write_text(file.read_text() + indent(dedent(cases), "  "))


PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^   ```\n   \$ decision-service (.*)\n((?:   .*\n)*?)   ```\n", re.MULTILINE)


@pytest.mark.long
def test_each_command_prints_what_the_page_shows(tmp_path, monkeypatch, capsys):
    """Counts and words are those of the shipped rules as they stand; lines may have moved."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(SHIPPED, "rules")
    shutil.copytree(SHIPPED, "before")
    edited = Path("rules/personal-loan-ph/v3.yaml")
    old, new = (f"max_months_without_income: {{type: integer, value: {n}}}" for n in (3, 2))
    assert old in PAGE
    edited.write_text(edited.read_text().replace(old, new))
    section = PAGE.partition("\n## Your first edit\n")[2].partition("\n## ")[0]
    typed = BLOCK.findall(section)
    assert len(typed) == 3
    for words, shown in typed:
        done = command(capsys, *words.replace("/tmp/before", "before").split())
        printed = {"…", *map(_without_line, done.out.splitlines())}
        assert [one for one in map(_without_line, shown.splitlines()) if one not in printed] == []


def _without_line(text: str) -> str:
    return re.sub(r"yaml:\d+:", "yaml:", text.strip())


SEGMENTS = ROOT / "tests" / "rulesets" / "segments"
PRODUCTS = sorted(path.name for path in SEGMENTS.iterdir())


@pytest.fixture(scope="module")
def segments(tmp_path_factory):
    """A rules folder with these products and the shared data files."""
    folder = tmp_path_factory.mktemp("segments") / "rules"
    shutil.copytree(SEGMENTS, folder)
    shutil.copytree(SHIPPED / "_data", folder / "_data")
    without_laws(folder)
    return folder


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_product_with_segments_passes_every_gate(capsys, segments, product):
    done = command(capsys, "rules", "check", "--strict", segments / product)
    assert (done.code, done.err) == (0, ""), done.out
    gates = ("--fail-under", 100, "--fail-under-figures", 100)
    done = command(capsys, "rules", "test", segments / product, *gates)
    assert (done.code, "0 marked, 0 not noticed" in done.out) == (0, True), done.out


def test_the_trace_of_a_case_says_that_a_stage_did_not_apply(capsys, segments):
    show = ("--show", "scored by the other card")
    shown = command(capsys, "rules", "test", segments / "two-cards-ph", *show).out
    assert "score_of_new (scorecard) → nothing" in shown
    assert "segment              false → does not apply" in shown
    assert "inputs.customer_type = existing   in (new)" in shown


COMBINED = ROOT / "tests" / "rulesets" / "combined"
PRODUCT = "every-construct-ph"
ANALYST = ROOT / "tests" / "rulesets" / "analyst"
ANALYSTS = sorted(ANALYST.iterdir())
PRICED = ANALYST / "payroll-loan-ph"
"""Its loans may be within the law, so that it states a price."""


@pytest.fixture(scope="module")
def combined(request, tmp_path_factory):
    """A rules folder with the product, what it shares, and the shared data files."""
    folder = tmp_path_factory.mktemp("combined") / "rules"
    source = getattr(request, "param", COMBINED)
    shutil.copytree(source, folder if source == COMBINED else folder / source.name)
    shutil.copytree(SHIPPED / "_data", folder / "_data")
    if source == PRICED:
        shutil.copytree(SHIPPED / "_law", folder / "_law")
    else:
        without_laws(folder, "tiny", "principal: 10000", "principal: 1")
    return folder


@pytest.mark.long
@pytest.mark.parametrize("combined", [COMBINED, *ANALYSTS], indirect=True, ids=lambda f: f.name)
def test_all_gates_pass_where_every_construct_meets_the_others(capsys, combined):
    assert command(capsys, "rules", "check", "--strict", combined).code == 0
    gates = ("--fail-under", 100, "--fail-under-figures", 100)
    done = command(capsys, "rules", "test", combined, *gates)
    assert (done.code, "0 failed, coverage 100 %" in done.out) == (0, True), done.out
    assert "0 not noticed; figures 100 %" in done.out


@pytest.mark.parametrize("product", ANALYSTS, ids=lambda folder: folder.name)
def test_an_analysts_product_is_short(product):
    """Its rules, plan, tables, lists, desk and letters have 330 lines at most, its tests 350."""
    lines = {path: len(path.read_text().splitlines()) for path in product.rglob("*.*")}
    tests = sum(count for path, count in lines.items() if path.parent.name == "tests")
    assert 0 < tests <= 350
    assert sum(lines.values()) - tests <= 330


def test_every_key_and_function_of_the_language_is_used(combined):
    """What is added to the language is added here, and so shown to meet the rest at 100 %."""
    text = (combined / PRODUCT / "v1.yaml").read_text()
    keys = set(re.findall(r"(\w+):", text))
    assert _keys(ruleset_schema(catalogue())) - keys == set()
    assert [name for name in SIGNATURES if f"{name}(" not in text] == []


def _keys(schema):
    """The names of all properties of a JSON schema."""
    if isinstance(schema, list):
        return set().union(*map(_keys, schema))
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", ())) | _keys(list(schema.values()))


def test_a_condition_of_a_scorecard_shows_its_truth(capsys, combined):
    """Whoever reads the trace of a card for some applicants sees that it was for this one."""
    shown = command(capsys, "rules", "test", combined / PRODUCT, "--show", "a steady earner").out
    assert shown.count("segment              TRUE") == 1
    assert shown.count("segment              false → does not apply") == 1


def test_a_change_of_each_construct_is_told_in_words(capsys, combined, tmp_path):
    """A label's figure of a shared file, a list in a condition, a tag and a term are told."""
    shutil.copytree(combined, tmp_path / "rules")
    changed = tmp_path / "rules" / PRODUCT / "v1.yaml"
    text = changed.read_text()
    for old, new in (
        ("of: [12, 6, 3]", "of: [3, 6, 12]"),
        (", told: nobody", ""),
        ("not in lists.partners", "in lists.partners"),
        ("VISAYAS: 9000", "VISAYAS: 9500"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    changed.write_text(text)
    prices = tmp_path / "rules" / "_shared" / "prices_2026.yaml"
    prices.write_text(prices.read_text().replace("0.035", "0.03"))
    shown = command(capsys, "rules", "diff", combined / PRODUCT / "v1.yaml", changed).out
    assert ": 5 changes" in shown
    assert "(monthly_rate) of NCR from 0.035 to 0.03 on 2026-12-01" in shown
    assert "(min_income) of VISAYAS from 9000 to 9500" in shown
    assert "tag round_income: told from nobody to not written" in shown
