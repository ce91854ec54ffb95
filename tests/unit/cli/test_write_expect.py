"""An expected change of approvals put into a rollout plan."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from decision_service.cli.backtest.local.rules import compared_rules
from decision_service.cli.backtest.plan_edit import with_expected
from decision_service.cli.backtest.write_expect import require_challenger, write_expected
from decision_service.cli.errors import CommandError, Exit
from decision_service.language.yaml.layout import laid_out
from decision_service.rollout.model import Metric
from tests.unit.cli.commands import SHIPPED, command
from tests.unit.impact.reports import report

PRODUCT = "personal-loan-ph"
HEAD = "product: p   # ours\nversions:\n  champion: 1\n"
BLOCK = HEAD + (
    "  challenger:\n    version: 2     # stricter\n    salt: s\n    stages:\n"
    "      - {name: all, percent: 10}\n    initial_stage: all   # at once\n"
)
TAIL = "guardrails: []\n"
NEW = "{change: -0.031, within: 0.012}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (BLOCK, BLOCK + f"    expect: {{approval_rate: {NEW}}}\n"),
        (
            BLOCK + "    expect: {refer_rate: {change: 0.1, within: 0.1}}  # said so\n",
            BLOCK
            + f"    expect: {{approval_rate: {NEW}, refer_rate: {{change: 0.1, within: 0.1}}}}"
            "  # said so\n",
        ),
        (
            BLOCK + "    expect:\n      refer_rate: {change: 0.1, within: 0.1}\n",
            BLOCK + f"    expect:\n      approval_rate: {NEW}\n"
            "      refer_rate: {change: 0.1, within: 0.1}\n",
        ),
        (
            BLOCK + "    expect:\n      approval_rate:\n        within: 0.5  # wide\n"
            "        change: 0.25\n",
            BLOCK + "    expect:\n      approval_rate:\n        within: 0.012  # wide\n"
            "        change: -0.031\n",
        ),
        (BLOCK + "    expect: {}\n", BLOCK + f"    expect: {{approval_rate: {NEW}}}\n"),
        (
            HEAD + "  challenger: {version: 2, initial_stage: all}   # short\n",
            HEAD + "  challenger: {version: 2, initial_stage: all, "
            f"expect: {{approval_rate: {NEW}}}}}   # short\n",
        ),
    ],
)
def test_the_rest_of_the_plan_stays(before: str, after: str) -> None:
    """Comments, order and layout too, with either line break; the layout is a canonical one's."""
    told = ("-0.031", "0.012", "rollout.yaml")
    assert with_expected(before + TAIL, *told) == after + TAIL
    windows = (before + TAIL).replace("\n", "\r\n")
    assert with_expected(windows, *told) == (after + TAIL).replace("\n", "\r\n")
    assert with_expected(after + TAIL, *told) == after + TAIL
    assert laid_out(after + TAIL)


@pytest.mark.parametrize("text", [HEAD, "a: 1\n", HEAD + "  challenger: {}\n"])
def test_without_a_challenger_nothing_is_written(text: str) -> None:
    """One sentence says what is lacking."""
    with pytest.raises(CommandError, match=r"rollout\.yaml has no challenger"):
        with_expected(text, "0", "0", "rollout.yaml")


def test_a_plan_without_a_challenger_is_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is judged."""
    url = f"sqlite:///{tmp_path}/nothing.db"
    words = ("--rules", str(SHIPPED), "--store", url, "--set", "params.min_monthly_income=9000")
    done = command(capsys, "backtest", "personal-loan-ph", *words, "--write-expect")
    assert done.code == Exit.USAGE
    assert "rollout.yaml has no challenger" in done.err


@pytest.mark.long
def test_the_challenger_gets_what_its_report_expects(tmp_path: Path) -> None:
    """The plan is read again with it; a report of other figures is none of the challenger."""
    rules = tmp_path / "rules"
    shutil.copytree(SHIPPED, rules)
    plan = rules / PRODUCT / "rollout.yaml"
    asked = "  champion: 1\n  challenger: {version: 2, salt: c, stages: [{name: a, percent: 1}], "
    text = plan.read_text().replace("  champion: 1\n", f"{asked}initial_stage: a}}\n")
    plan.write_text(text)
    other = compared_rules(rules, PRODUCT, "", {"params.min_monthly_income": "9000"}, ())
    with pytest.raises(CommandError, match=rf"say --with {PRODUCT}@2"):
        require_challenger(rules, other)
    compared = compared_rules(rules, PRODUCT, f"{PRODUCT}@2", {}, ())
    require_challenger(rules, compared)
    assert write_expected(rules, compared, report()) == plan
    expected = "initial_stage: a, expect: {approval_rate: {change: -0.100, within: 0.090}}}"
    assert plan.read_text() == text.replace("initial_stage: a}", expected)
    again = compared_rules(rules, PRODUCT, f"{PRODUCT}@2", {}, ())
    challenger = again.product.plan.versions.challenger
    assert challenger is not None
    assert challenger.expect[Metric.APPROVAL_RATE].change == Decimal("-0.1")
