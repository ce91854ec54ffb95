"""Schemas and rules factors: what editors complete rule files with."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from decision_service.factors.registry import catalogue
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.language.diagnostics import Report
from decision_service.rules.language.fields import Fields
from decision_service.rules.language.yaml import ListNode, MapNode, read
from decision_service.rules.program import RulesetFiles
from decision_service.rules.tests_file import parse_cases
from lint.schemas import main, schemas
from tests.kits.cases import case_text, cases
from tests.unit.cli.commands import ROOT, SHIPPED, WORKED_EXAMPLE, command

SEGMENTS = ROOT / "tests" / "rulesets" / "segments"
COMBINED = ROOT / "tests" / "rulesets" / "combined" / "every-construct-ph"
FOLDER = SHIPPED / "_schema"
CONSTRUCTS = sorted((WORKED_EXAMPLE.parent / "constructs").glob("*/v1.yaml"))
RULESETS = [
    *sorted(SHIPPED.glob("*/v*.yaml")),
    *sorted(SEGMENTS.glob("*/v1.yaml")),
    WORKED_EXAMPLE / "v1.yaml",
    COMBINED / "v1.yaml",
    *CONSTRUCTS,
]
CASES = [
    *sorted(SHIPPED.glob("*/tests/*.yaml")),
    WORKED_EXAMPLE / "cases.yaml",
    *sorted((COMBINED / "tests").glob("*.yaml")),
    *(path.parent / "tests" / "v1.yaml" for path in CONSTRUCTS),
]
EVERY_KEY = WORKED_EXAMPLE / "v1.yaml"


def plain(node):
    """A tree as an editor's YAML reader sees it."""
    if isinstance(node, MapNode):
        return {entry.key: plain(entry.value) for entry in node.entries}
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    if node.is_integer or node.is_number:
        return int(node.text) if node.is_integer else float(node.text)
    return node.text == "true" if node.is_flag else node.text


def document(text):
    return plain(read("x.yaml", text, Report()))


def validator(kind):
    """A validator for the schema as the code gives it."""
    schema = schemas()[kind]
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_committed_schemas_are_those_that_the_code_gives(capsys):
    """Editors read files that a change of keys or factors has to write anew."""
    assert main(["check"]) == 0
    assert capsys.readouterr().err == ""


def test_a_schema_that_differs_is_named_and_written_anew(capsys, tmp_path):
    """The check changes nothing and says the file and the remedy; after it all are right."""
    assert main([], tmp_path) == 0
    file = tmp_path / "plan.schema.json"
    file.write_text("{}\n")
    assert main(["check"], tmp_path) == 1
    assert capsys.readouterr().err == f"{file} is out of date: call `python -m lint.schemas`\n"
    assert file.read_text() == "{}\n"
    assert main([], tmp_path) == main(["check"], tmp_path) == 0
    assert main(["chekc"], tmp_path) == 2


@pytest.mark.parametrize("path", RULESETS, ids=lambda p: p.parent.name + "-" + p.stem)
def test_every_rule_file_satisfies_the_schema(path: Path):
    found = list(validator("ruleset").iter_errors(document(path.read_text())))
    assert [error.message for error in found] == []


PLANS = [
    *sorted(SHIPPED.glob("*/rollout.yaml")),
    *sorted(WORKED_EXAMPLE.parent.glob("**/rollout.yaml")),
    *sorted((ROOT / "docs" / "story" / "rules").glob("*/rollout.yaml")),
    ROOT / "docs" / "story" / "challenger.yaml",
]
EVERY_PLAN_KEY = case_text("cli/every_plan_key")


@pytest.mark.parametrize("path", PLANS, ids=lambda p: "-".join(p.parts[-3:]))
def test_every_plan_satisfies_the_schema(path: Path):
    found = validator("plan").iter_errors(document(path.read_text()))
    assert [error.message for error in found] == []


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*/desk.yaml")), ids=lambda p: p.parent.name)
def test_every_desk_satisfies_the_schema(path: Path):
    """Desks that are shipped; one without an authority does not."""
    checked, text = validator("desk"), path.read_text()
    assert [error.message for error in checked.iter_errors(document(text))] == []
    assert not checked.is_valid(document(text.replace("review:", "power:")))


def test_a_plan_with_every_key_satisfies_the_schema_and_no_other():
    """Each word that is wrong, and each bound that is passed, is seen while it is typed."""
    checked = validator("plan")
    assert [e.message for e in checked.iter_errors(document(EVERY_PLAN_KEY))] == []
    for right, wrong in (
        ("unit: customer_ref", "unit: customer"),
        ("percent: 2.5", "percent: 101"),
        ("tier: A, approvals_per_day: 10, amount_per_day: 90000", "tier: A"),
        ("metric: refer_rate", "metric: referrals"),
        ("max: 0.4, ", "max: 0.4, versus: champion, "),
        ("amount_per_day: 90000}", "daily: 90000}"),
    ):
        assert right in EVERY_PLAN_KEY
        assert not checked.is_valid(document(EVERY_PLAN_KEY.replace(right, wrong))), wrong


def test_a_shared_file_satisfies_its_schema():
    """A shared file with a reason, and a parameter by segment, validates; a wrong key does not."""
    text = (
        "params:\n  rate: {type: number, value: {GIG: 0.04, default: 0.05}}\n"
        "reasons:\n  SHORT:\n    text: {en: Too few months}\n"
    )
    assert list(validator("shared").iter_errors(document(text))) == []
    wrong = document(text.replace("value", "by: employment.status, value"))
    assert not validator("shared").is_valid(wrong)


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.parent.parent.name + "-" + p.stem)
def test_every_file_of_rule_tests_satisfies_its_schema(path: Path):
    found = list(validator("tests").iter_errors(document(path.read_text())))
    assert [error.message for error in found] == []


@pytest.mark.parametrize(("old", "new"), cases("cli/rules_schema")["forms"])
def test_what_the_readers_refuse_by_form_the_schema_refuses(old, new):
    text = (WORKED_EXAMPLE / "v1.yaml").read_text()
    assert old in text
    assert not validator("ruleset").is_valid(document(text.replace(old, new, 1)))


@pytest.mark.parametrize(("old", "new"), cases("cli/rules_schema")["words"])
def test_a_wrong_word_in_rule_tests_does_not_validate(old, new):
    text = (WORKED_EXAMPLE / "cases.yaml").read_text()
    assert old in text
    assert not validator("tests").is_valid(document(text.replace(old, new, 1)))


def test_the_names_of_all_factors_complete():
    """Where a name or an expression is expected, an editor offers every factor with its meaning."""
    shared = schemas()["ruleset"]["$defs"]
    factor = shared["factor"]
    assert factor["enum"] == list(catalogue())
    assert len(factor["enumDescriptions"]) == len(factor["enum"])
    for place in ("name", "condition", "expression"):
        assert shared[place]["anyOf"][0] == {"$ref": "#/$defs/factor"}
    rule = shared["rule"]["properties"]
    assert rule["when"]["$ref"] == "#/$defs/condition"
    assert shared["characteristic"]["properties"]["factor"]["$ref"] == "#/$defs/name"


def test_the_schemas_maps_have_the_keys_that_the_readers_have(monkeypatch):
    """Every closed map the readers open has a map in the schema with the same keys, and back."""
    read_maps = _maps_that_are_opened(monkeypatch)
    described = {*_closed_maps("ruleset"), *_closed_maps("tests")}
    made_up = {keys for keys in described if keys[1] >= set(catalogue())}
    assert described - made_up == read_maps


def _maps_that_are_opened(monkeypatch):
    opened = set()
    keep = Fields.__init__

    def record(self, node, what, report, *, required=(), optional=()):
        opened.add((frozenset(required), frozenset((*required, *optional))))
        keep(self, node, what, report, required=required, optional=optional)

    monkeypatch.setattr(Fields, "__init__", record)
    text = EVERY_KEY.read_text().replace("rows:\n", "rows: tables/x.csv\n    ignored:\n", 1)
    text = text.replace("\nconditions:\n", "\n  price: {fees: offer.fees}\nconditions:\n", 1)
    text += "guarantees:\n  - {name: all are seen by a person, never: APPROVE}\n"
    files = RulesetFiles("personal-loan-ph", "rules/personal-loan-ph/v1.yaml", text)
    compile_ruleset(files, catalogue())
    ruleset = compile_ruleset(
        RulesetFiles("personal-loan-ph", "rules/personal-loan-ph/v1.yaml", EVERY_KEY.read_text()),
        catalogue(),
    ).ruleset
    for path in CONSTRUCTS:
        name = path.parent.name
        compile_ruleset(RulesetFiles(name, f"rules/{name}/v1.yaml", path.read_text()), catalogue())
    cases = (WORKED_EXAMPLE / "cases.yaml").read_text()
    cases += "unnoticed:\n  - {at: effective_rate_cap, because: it is far below}\n"
    parse_cases("tests/v1.yaml", cases, ruleset, catalogue())
    return opened


def _closed_maps(kind):
    todo, found = [schemas()[kind]], set()
    while todo:
        part = todo.pop()
        if isinstance(part, list):
            todo.extend(part)
        elif isinstance(part, dict):
            todo.extend(part.values())
            if part.get("additionalProperties") is False:
                found.add((frozenset(part["required"]), frozenset(part["properties"])))
    return found


def test_the_shipped_files_name_the_schema():
    for path in sorted((ROOT / "rules").glob("*/v*.yaml")):
        first = path.read_text().splitlines()[0]
        assert first == "# yaml-language-server: $schema=../_schema/ruleset.schema.json"


def test_a_factor_is_told_with_its_direction(capsys):
    """Programs read which way is better, what a factor is derived from, and what it is kept for."""
    done = command(capsys, "rules", "factors", "--format", "json")
    told = {each["name"]: each for each in json.loads(done.out)}
    assert done.code == 0
    for name, spec in catalogue().items():
        found = told[name]
        assert found["better"] == spec.better.value
        assert found["derived_from"] == list(spec.derived_from)
        assert found["knock_out_only"] is spec.knock_out_only


def test_people_read_the_direction_in_the_table(capsys):
    done = command(capsys, "rules", "factors", "income")
    assert "better" in done.out.splitlines()[0]
