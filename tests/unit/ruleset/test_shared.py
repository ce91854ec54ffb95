"""Reasons and parameters that several products share, and what of them belongs to a version."""

from __future__ import annotations

import pytest

from decision_service.domain.decision import Outcome
from decision_service.rulebook.differences import compare
from decision_service.rules.evaluate import evaluate
from decision_service.rules.program import RulesetFiles
from decision_service.rules.tests import run_cases
from decision_service.rules.tests_file import parse_cases
from decision_service.workbench.constants import FigureSetter
from decision_service.workbench.mutants import Fate
from decision_service.workbench.mutation import FiguresRun
from tests.unit.ruleset.catalogue import CATALOGUE
from tests.unit.ruleset.rulesets import HEAD, codes, compiled, facts, problems, rules, stages

USES = HEAD.replace("inputs:", "uses: [_shared/common.yaml]\ninputs:", 1)
SHORT = "id: short, when: income.months_12m < params.fewest, then: DECLINE, reason: TOO_SHORT"
FINE = "id: fine, when: income.months_12m >= 6, then: APPROVE"
TEXT = stages(rules(SHORT, FINE), head=USES)
COMMON = """\
params:
  fewest: {type: integer, value: 4}
  rate_cap: {type: number, value: 0.1}
reasons:
  TOO_SHORT: {text: {en: Too short by far}}
  RATE_CAP: {text: {en: Too dear}}
"""
OWN = stages(
    rules(SHORT, FINE),
    head=HEAD.replace("reasons:", "params:\n  fewest: {type: integer, value: 4}\nreasons:", 1)
    + "  TOO_SHORT: {text: {en: Too short by far}}\n",
)


def using(common=COMMON, text=TEXT):
    """The ruleset of a text with a shared file."""
    return compiled(text, shared={"_shared/common.yaml": common})


def test_shared_entries_decide_as_if_they_stood_in_the_file():
    """The digest is that of a file that holds them itself, so that moving them changes nothing."""
    verdict = evaluate(using(), facts({"income.months_12m": 3}))
    assert (verdict.outcome, codes(verdict)) == (Outcome.DECLINE, ["TOO_SHORT"])
    assert verdict.reasons[0].texts == {"en": "Too short by far"}
    assert using().digest == compiled(OWN).digest


@pytest.mark.parametrize("old", ["value: 4", "Too short by far"])
def test_a_used_entry_that_changes_is_another_version(old):
    """Its content counts in the digest."""
    assert using(COMMON.replace(old, "value: 5" if "value" in old else "Short")).digest != (
        using().digest
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [("value: 0.1", "value: 0.2"), ("Too dear", "Dear"), ("params:", "# x\nparams:")],
)
def test_an_entry_of_other_products_is_no_part_of_a_version(old, new):
    """What a version does not use may change, come and go under it."""
    assert using(COMMON.replace(old, new)).digest == using().digest
    assert not {"rate_cap"} & set(using().params)
    assert "RATE_CAP" not in using().reasons


def test_entries_of_other_products_are_not_told_as_unused():
    """Only own entries and files of which nothing is used are warned of."""
    shared = {"_shared/common.yaml": COMMON, "_shared/more.yaml": "reasons: {Z: {text: {en: z}}}"}
    found = problems(TEXT, shared=shared)
    assert set(found) <= {"R501", "R504"}
    found = problems(TEXT.replace("common.yaml]", "common.yaml, _shared/more.yaml]"), shared=shared)
    assert found.count("R513") == 1


def test_a_rule_file_may_leave_all_reasons_to_shared_files():
    """`reasons` is needed, wherever they stand."""
    head = USES[: USES.index("reasons:")]
    assert using(text=stages(rules(SHORT, FINE), head=head)).reasons.keys() == {"TOO_SHORT"}
    assert "R121" in problems(stages(rules(FINE), head=HEAD[: HEAD.index("reasons:")]))


def test_a_comparison_tells_what_changed_in_shared_files():
    """`rules diff` speaks of the parameter, not of the file."""
    path = "rules/test-loan/v1.yaml"
    before, after = (
        RulesetFiles("test-loan", path, TEXT, shared={"_shared/common.yaml": common})
        for common in (COMMON, COMMON.replace("value: 4", "value: 5").replace("0.1", "0.2"))
    )
    [change] = compare(before, after, CATALOGUE).changes
    assert (change.group, change.words) == ("parameters", "from 4 to 5")


def test_figures_of_shared_files_are_moved_where_they_stand():
    """A shared parameter is a figure of each version that uses it; others are not."""
    files = RulesetFiles(
        "test-loan", "rules/test-loan/v1.yaml", TEXT, shared={"_shared/common.yaml": COMMON}
    )
    cases = (
        "ruleset: test-loan\nversion: 1\nas_of: 2026-11-15\ncases:\n"
        "  - {name: a, factors: {income.months_12m: 3}, expect: {outcome: DECLINE}}\n"
        "  - {name: b, factors: {income.months_12m: 4}, expect: {outcome: REFER}}\n"
    )
    ruleset = using()
    results = run_cases(ruleset, parse_cases("a.yaml", cases, ruleset, CATALOGUE).cases)
    tried = list(FiguresRun(files, ruleset, CATALOGUE, results).tried())
    shared = [one for one in tried if one.change.place.file == "rules/_shared/common.yaml"]
    assert {(one.change.at, one.change.after, one.fate) for one in shared} == {
        ("params.fewest", "3", Fate.NOTICED),
        ("params.fewest", "5", Fate.NOTICED),
    }


def test_a_shared_figure_is_set_like_an_own_one():
    """A backtest may set what a version uses of a shared file, and nothing else there."""
    files = RulesetFiles(
        "test-loan", "rules/test-loan/v1.yaml", TEXT, shared={"_shared/common.yaml": COMMON}
    )
    setter = FigureSetter(files, CATALOGUE)
    changed, [told] = setter.compiled({"params.fewest": "2"})
    assert (told.before, told.after) == ("4", "2")
    assert evaluate(changed, facts({"income.months_12m": 3})).outcome is Outcome.REFER
    assert "params.rate_cap" not in setter.names
