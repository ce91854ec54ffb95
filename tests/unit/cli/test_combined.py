"""A product with every construct at once: segments, labels, lists, tags, a term, shared files."""

from __future__ import annotations

import re
import shutil

import pytest

from decision_service.factors.registry import catalogue
from decision_service.rules.language.types import SIGNATURES
from decision_service.rules.schema import ruleset_schema
from tests.unit.cli.commands import SHIPPED, command, without_laws
from tests.unit.rules.kit import ROOT

COMBINED = ROOT / "tests" / "rulesets" / "combined"
PRODUCT = "every-construct-ph"


ANALYST = ROOT / "tests" / "rulesets" / "analyst"


@pytest.fixture(scope="module")
def rules(request, tmp_path_factory):
    """A rules folder with the product, what it shares, and the shared data files."""
    folder = tmp_path_factory.mktemp("combined") / "rules"
    shutil.copytree(getattr(request, "param", COMBINED), folder)
    shutil.copytree(SHIPPED / "_data", folder / "_data")
    without_laws(folder, "tiny", "principal: 10000", "principal: 1")
    return folder


@pytest.mark.long
@pytest.mark.parametrize("rules", [COMBINED, ANALYST], indirect=True, ids=lambda f: f.name)
def test_all_gates_pass_where_every_construct_meets_the_others(capsys, rules):
    """The check is content, and tests notice every figure."""
    assert command(capsys, "rules", "check", "--strict", rules).code == 0
    gates = ("--fail-under", 100, "--fail-under-figures", 100)
    done = command(capsys, "rules", "test", rules, *gates)
    assert (done.code, "0 failed, coverage 100 %" in done.out) == (0, True), done.out
    assert "0 not noticed; figures 100 %" in done.out


def test_an_analysts_product_is_short():
    """Its rules, plan, tables, lists and letters have 300 lines at most, its tests 350."""
    lines = {path: len(path.read_text().splitlines()) for path in ANALYST.rglob("*.*")}
    tests = sum(count for path, count in lines.items() if path.parent.name == "tests")
    assert 0 < tests <= 350
    assert sum(lines.values()) - tests <= 300


def test_every_key_and_function_of_the_language_is_used(rules):
    """What is added to the language is added here, and so shown to meet the rest at 100 %."""
    text = (rules / PRODUCT / "v1.yaml").read_text()
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


def test_a_condition_of_a_scorecard_shows_its_truth(capsys, rules):
    """Whoever reads the trace of a card for some applicants sees that it was for this one."""
    shown = command(capsys, "rules", "test", rules / PRODUCT, "--why", "a steady earner").out
    assert shown.count("segment              TRUE") == 1
    assert shown.count("segment              false → does not apply") == 1


def test_a_change_of_each_construct_is_told_in_words(capsys, rules, tmp_path):
    """A label's figure of a shared file, a list in a condition, a tag and a term are told."""
    shutil.copytree(rules, tmp_path / "rules")
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
    shown = command(capsys, "rules", "diff", rules / PRODUCT / "v1.yaml", changed).out
    assert ": 5 changes" in shown
    assert "(monthly_rate) of NCR from 0.035 to 0.03 on 2026-12-01" in shown
    assert "(min_income) of VISAYAS from 9000 to 9500" in shown
    assert "tag round_income: told from nobody to not written" in shown
