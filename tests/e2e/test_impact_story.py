"""What docs/impact.md tells: its question on the demo's store, and a report on made-up people."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.e2e.process import command
from tests.e2e.service import ROOT
from tests.kits.recorded_people import PRODUCT, RULES, recorded_people

PAGE = ROOT / "docs" / "impact.md"
TEXT = PAGE.read_text(encoding="utf-8")
PICTURES = ROOT / "docs" / "pictures" / "impact"
PEOPLE = 120
CHANGED = {
    "params.min_monthly_income": ("8000", "16000"),
    "params.max_disagreement": ("0.40", "0.9"),
    "params.max_debt_to_income": ("0.35", "0.30"),
    "score.bands.B.from": ("340", "300"),
}
"""What the page says of the report in its pictures."""


@pytest.mark.long
def test_the_question_is_answered_by_one_command_on_the_demos_store(tmp_path: Path) -> None:
    """The two lines of the page, typed in a folder of their own, and the answer that it shows."""
    demo, asked = re.findall(r"^decision-service (.*demo\.db.*)$", TEXT, re.MULTILINE)
    assert "params.min_monthly_income=9000" in asked
    settings = {"store_url": "sqlite:///nothing.db", "rules_dir": str(RULES)}
    made = command(*shlex.split(demo), folder=tmp_path, cwd=tmp_path, **settings)
    assert made.returncode == 0, made.stderr
    words = (*shlex.split(asked), "--rules", str(RULES))
    done = command(*words, folder=tmp_path, cwd=tmp_path, **settings)
    assert done.returncode == 0, done.stderr
    [answer] = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)
    assert f"## In short\n\n{answer}" in done.stdout


@pytest.mark.long
def test_a_report_on_many_people_tells_of_all_that_the_page_teaches(tmp_path: Path) -> None:
    """Swap-in and swap-out, amounts, causes, reasons, cells, curves and loans; all reproduced."""
    people = recorded_people(tmp_path, PEOPLE)
    words = [w for at, (_, value) in CHANGED.items() for w in ("--set", f"{at}={value}")]
    asked = ("--store", people, "--rules", str(RULES))
    told = ("--by", "amount", "--params-as-of", "2026-11-01", "--format", "json")
    done = command("backtest", PRODUCT, *asked, *words, *told, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    coverage, rates = report["coverage"], report["rates"]
    assert (coverage["applicants"], coverage["reproduced"]) == (PEOPLE, PEOPLE)
    assert {at: (old, new) for at, old, new in report["subject"]["figures"]} == CHANGED
    moved = {(row["before"], row["after"]) for row in report["matrix"]}
    assert moved >= {("APPROVE", "APPROVE"), ("APPROVE", "DECLINE"), ("REFER", "APPROVE")}
    assert rates[0]["difference"]["low"] < rates[0]["difference"]["high"] < 0.1
    assert report["causes"][0]["name"] == "eligibility.low_income"
    assert {row["dimension"] for row in report["segments"]} == {"month", "arm", "amount"}
    assert [curve["figure"] for curve in report["margins"]] == [*CHANGED]
    assert {row["group"] for row in report["loans"]} == {"kept in", "swap out"}
    assert [row["cell"] for row in report["dated"]] == ["2026-12-01"]


def test_every_part_of_the_page_has_its_picture() -> None:
    """Each is there, is small, is described in words, and none is left over."""
    shown = re.findall(r"!\[([^\]]{20,})\]\(pictures/impact/([\w-]+\.png)\)", TEXT)
    assert sorted(name for _, name in shown) == sorted(one.name for one in PICTURES.iterdir())
    parts = TEXT.partition("## Read the report")[2].partition("\n## ")[0].split("\n### ")[1:]
    assert [part.partition("\n")[0] for part in parts if "](pictures/impact/" not in part] == []
    assert [one.name for one in PICTURES.iterdir() if one.stat().st_size > 60 * 1024] == []
