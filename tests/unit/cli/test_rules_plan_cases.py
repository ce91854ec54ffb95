"""`rules check`, `rules test` and `rules review` of a plan's cases."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from decision_service.cli.rules.folder import loaded, select_rules
from decision_service.pipeline.trial.figures import try_figures
from decision_service.pipeline.trial.plan_tests import PlanResults
from decision_service.pipeline.trial.rule_tests import run_rule_tests
from decision_service.ruleset.figures.report import FiguresReport
from tests.unit.cli.commands import SHIPPED, Done, command
from tests.unit.ruleset.rulesets import ROOT

COMBINED = ROOT / "tests" / "rulesets" / "combined"
PRODUCT = "every-construct-ph"
Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A rules folder with a product whose plan has caps and a control share."""
    folder = tmp_path / "rules"
    shutil.copytree(COMBINED, folder)
    shutil.copytree(SHIPPED / "_data", folder / "_data")
    return folder


def edit(file: Path, old: str, new: str) -> None:
    """Change a file in one place."""
    text = file.read_text()
    assert text.count(old) >= 1
    file.write_text(text.replace(old, new, 1))


def cases(rules: Path) -> Path:
    """The cases of the plan."""
    return rules / PRODUCT / "tests" / "plan.yaml"


def ran(capsys: Capsys, rules: Path, *words: object) -> Done:
    """`rules test` of the product."""
    return command(capsys, "rules", "test", rules / PRODUCT, *words)


def test_a_wrong_figure_of_the_plan_fails_a_case(capsys: Capsys, rules: Path) -> None:
    """One person more is told with the case's line, expected beside actual."""
    edit(rules / PRODUCT / "rollout.yaml", "approvals_per_day: 400", "approvals_per_day: 401")
    done = ran(capsys, rules)
    assert done.code == 1
    assert "/tests/plan.yaml:9: FAILED the next one waits for a person\n  outcome\n" in done.out
    assert "  cap\n    expected all\n    actual   none\n" in done.out


def test_a_plan_without_cases_is_warned_of_and_its_cases_are_printed(
    capsys: Capsys, rules: Path
) -> None:
    """Strictly an error at the line of `caps`; 0 % covered; what is printed makes it 100 %."""
    cases(rules).unlink()
    checked = command(capsys, "rules", "check", rules)
    assert (checked.code, "rollout.yaml:20:1: warning T004" in checked.out) == (0, True)
    assert command(capsys, "rules", "check", "--strict", rules).code == 1
    done = ran(capsys, rules, "--fail-under", 100)
    assert done.code == 1
    assert f"coverage of {PRODUCT} plan is 0 %, less than the 100 % asked for" in done.err
    printed = re.findall("^  - name: .+\n(?:    .+\n)+", done.out, re.MULTILINE)
    cases(rules).write_text(f"plan: {PRODUCT}\ncases:\n" + "".join(printed))
    done = ran(capsys, rules, "--fail-under", 100)
    assert (done.code, done.err) == (0, ""), done.out
    assert f"{PRODUCT} plan: 12 passed, 0 failed, coverage 100 %" in done.out


def test_a_cap_that_a_smaller_one_hides_is_warned_of_at_its_figure(
    capsys: Capsys, rules: Path
) -> None:
    """A figure that no case can show to hold is told with its line and what to do."""
    edit(rules / PRODUCT / "rollout.yaml", "amount_per_day: 300000", "amount_per_day: 5000000")
    done = command(capsys, "rules", "check", rules)
    assert done.code == 0
    assert (
        "rollout.yaml:22:52: warning P317: `amount_per_day` of the cap `weakest-tier` holds nobody "
        "whom the cap `all`, with 5000000, does not hold" in done.out
    )
    assert "= remove the cap, or make it the smaller of the two" in done.out
    assert command(capsys, "rules", "check", "--strict", rules).code == 1


def test_cases_of_a_plan_are_none_of_its_champion(capsys: Capsys, rules: Path) -> None:
    """A version about which no case is stays refused, however well its plan is tested."""
    for file in (rules / PRODUCT / "tests").glob("v1*.yaml"):
        file.unlink()
    done = command(capsys, "rules", "check", rules)
    assert (done.code, done.out.count(": error T003"), done.out.count("T004")) == (1, 1, 0)


def test_a_fault_in_a_plan_s_cases_is_found_by_the_check(capsys: Capsys, rules: Path) -> None:
    """The cap's nearest name is told, and `rules test` runs none of the file's cases."""
    edit(cases(rules), "cap: weakest-tier", "cap: weakest_tier")
    done = command(capsys, "rules", "check", cases(rules))
    assert done.code == 1
    assert "R808: the plan of every-construct-ph has no cap `weakest_tier`" in done.out
    assert "did you mean `weakest-tier`?" in done.out
    done = ran(capsys, rules)
    assert (done.code, f"{PRODUCT} plan: 0 passed" in done.out) == (1, True)
    assert "cases that reach these are printed once all tests pass" in done.out


def test_programs_are_told_the_same(capsys: Capsys, rules: Path) -> None:
    """In JSON a plan has `plan` in place of `ruleset`; in JUnit a suite of its own."""
    edit(cases(rules), "    expect: {outcome: REFER, cap: all}", "    expect: {outcome: APPROVE}")
    done = ran(capsys, rules, "--format", "json")
    plan = json.loads(done.out)[-1]
    assert (plan["plan"], plan["passed"], plan["coverage"], plan["missed"]) == (
        PRODUCT,
        18,
        100,
        [],
    )
    assert plan["failed"] == [
        {"name": "and not a peso more", "why": "outcome is REFER, expected APPROVE"}
    ]
    suite = ElementTree.fromstring(ran(capsys, rules, "--format", "junit").out)[-1]
    assert (suite.get("name"), suite.get("failures")) == (f"{PRODUCT} plan", "1")


def test_why_shows_what_each_bound_did(capsys: Capsys, rules: Path) -> None:
    """What was given, then every bound of the plan, then what was decided."""
    done = ran(capsys, rules, "--why", "who comes when the day is full")
    assert done.code == 0
    assert "passed who comes when the day is full is turned away" in done.out
    assert "draw: 0\n" in done.out
    assert "explore.amount_per_day 100000 → holds" in done.out
    assert "caps.all.approvals_per_day 400 → does not matter" in done.out
    assert "charge: 0}" in " ".join(done.out.split())
    shown = json.loads(
        ran(capsys, rules, "--why", "who comes when the day", "--format", "json").out
    )[0]
    assert shown["given"]["day"] == {"explored": "90001"}
    assert [b["at"] for b in shown["bounds"] if b["effect"] == "holds"] == [
        "explore.amount_per_day"
    ]
    assert (shown["settled"]["outcome"], shown["settled"]["charge"]) == ("DECLINE", "0")


def figures(rules: Path) -> FiguresReport:
    """What becomes of changed figures of the plan."""
    selection = select_rules(rules)
    rulebook = loaded(selection).rulebook
    assert rulebook is not None
    [plan] = [
        each for each in run_rule_tests(selection.folder, rulebook) if isinstance(each, PlanResults)
    ]
    return try_figures(selection.folder, plan)


def test_a_figure_that_no_case_notices_is_told_with_a_case(rules: Path) -> None:
    """The change, what it would decide otherwise, and what to paste; a mark on it is an error."""
    head, _, rest = cases(rules).read_text().partition("  - name: the four hundredth")
    kept = head + rest[rest.index("  - name: five million") :]
    cases(rules).write_text(kept)
    unnoticed = figures(rules).unnoticed
    assert [(one.change.at, one.change.after) for one in unnoticed] == [
        ("caps.all.approvals_per_day", "440"),
        ("caps.all.approvals_per_day", "360"),
    ]
    witness = unnoticed[0].witness
    assert witness is not None
    assert (witness.before, witness.after) == ("outcome REFER", "outcome APPROVE")
    assert "day: {approvals: 400}" in witness.case
    mark = "{at: caps.all.approvals_per_day, from: 400, to: [440], because: nobody comes}"
    cases(rules).write_text(f"{kept}unnoticed:\n  - {mark}\n")
    [problem] = figures(rules).problems
    assert problem.code == "T010"
    assert problem.message.endswith("it matters: outcome REFER becomes outcome APPROVE")


def test_a_review_tells_the_tests_and_figures_of_a_changed_plan(
    capsys: Capsys, rules: Path, tmp_path: Path
) -> None:
    """The plan's failing case is a finding beside its difference."""
    before = tmp_path / "before"
    shutil.copytree(rules, before)
    edit(rules / PRODUCT / "rollout.yaml", "approvals_per_day: 400", "approvals_per_day: 500")
    edit(cases(rules), "{approvals: 399}", "{approvals: 499}")
    edit(cases(rules), "day: {approvals: 400}", "day: {approvals: 500}")
    done = command(capsys, "rules", "review", before, rules)
    assert f"## Tests of {PRODUCT} plan" in done.out
    assert "1 failed, coverage 100 %." not in done.out
    assert (
        f"## Figures of {PRODUCT} plan\n\n100 % of 13 changes of figures are noticed." in done.out
    )
    edit(cases(rules), "{approvals: 499}", "{approvals: 500}")
    done = command(capsys, "rules", "review", before, rules)
    assert f"- {PRODUCT} plan: 1 test fails" in done.out
