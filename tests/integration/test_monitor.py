"""`decision-service monitor` on stores of both databases, and what is wrong in one sentence."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.kits.monitored_people import record
from tests.kits.recorded_people import PRODUCT, RULES
from tests.unit.cli.commands import command

SEPTEMBER = ("--from", "2026-09-01", "--to", "2026-09-30")
SUMMER = ("--baseline", "2026-07-01..2026-08-31")


def monitor(capsys: pytest.CaptureFixture[str], store: str, out: Path, *words: object):
    """The command, and its report where all is well."""
    given = ("--store", store, "--rules", RULES, "--out", out, *words)
    done = command(capsys, "monitor", PRODUCT, *given)
    return done, json.loads((out / "monitor.json").read_text()) if done.code == 0 else {}


@pytest.mark.long
def test_a_report_of_a_store_finds_what_was_planted(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Drift of income, overrides and vintages; an earlier report is as good a baseline."""
    asyncio.run(record(url))
    groups = tmp_path / "groups.csv"
    groups.write_text("decision_id,group\n" + "".join(f"dec_{n:026},g\n" for n in range(920)))
    out, frozen = tmp_path / "now", tmp_path / "before"
    _, found = monitor(capsys, url, out, *SEPTEMBER, *SUMMER, "--groups", groups)
    best = found["drift"][0]
    assert best["now"]["scale"]["name"] == "income.conservative_6m"
    assert best["adjusted"] < 0.001
    assert (found["decisions"], found["baseline"]["applicants"]) == (300, 620)
    assert [(m["day"], m["kind"]) for m in found["marks"]] == [("2026-09-09", "plan")]
    persons = {(row["rules"], row["person"]): row["decisions"] for row in found["overrides"]}
    assert persons["REFER", "APPROVE"] > persons["APPROVE", "DECLINE"] > 0
    assert [row["month"] for row in found["vintages"]] == ["2026-07", "2026-08"]
    assert [row["shares"]["of"] for row in found["groups"]["rows"]] == [300]
    assert "dec_0" not in (out / "monitor.json").read_text() + (out / "monitor.html").read_text()
    monitor(capsys, url, frozen, "--from", "2026-07-01", "--to", "2026-08-31")
    _, again = monitor(capsys, url, out, *SEPTEMBER, "--baseline", frozen / "monitor.json")
    assert again["drift"] == found["drift"]
    _, few = monitor(capsys, url, out, *SEPTEMBER, "--baseline", "2026-08-20..2026-08-31")
    assert {row["psi"] for row in few["drift"]} == {None}
    assert "fewer than 200 applicants" in (out / "monitor.html").read_text()


WRONG = [
    (("--to", "2026-08-31"), "--from and --to: 2026-08-31 is before 2026-09-01"),
    (("--to", "soon"), "--from and --to: soon is no day, write it as 2026-10-31"),
    (
        ("--baseline", "2026-08-01..2026-09-01"),
        "--baseline 2026-08-01..2026-09-01 shares days with",
    ),
    (("--baseline", "gone.json"), "--baseline gone.json cannot be read (No such file"),
    (("--baseline", "made.csv"), "is not what `decision-service monitor --out` wrote"),
    (("--forecast", "made.csv"), "is not what `decision-service backtest --out` wrote"),
    (("--groups", "made.csv"), "must be decision_id,group or customer_ref,group"),
    (("--groups", "twice.csv"), "twice.csv:3: this customer_ref has another group above"),
    (("--groups", "torn.csv"), "torn.csv:2: a line is one customer_ref and one group"),
    ((), f"there are no decisions of {PRODUCT} from 2026-09-01 to 2026-09-30 in Asia/Manila"),
]


@pytest.mark.parametrize(("words", "sentence"), WRONG)
def test_what_is_wrong_is_one_sentence(
    words: tuple[str, ...],
    sentence: str,
    url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is written, and no key of a file is in the sentence."""
    monkeypatch.chdir(tmp_path)
    Path("made.csv").write_text("name,group\nc-1,a\n")
    Path("twice.csv").write_text("customer_ref,group\nc-1,a\nc-1,b\n")
    Path("torn.csv").write_text("customer_ref,group\nc-1\n")
    done, _ = monitor(capsys, url, Path("out"), *SEPTEMBER, *words)
    assert done.code != 0
    assert sentence in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert "c-1" not in done.err
    assert not Path("out").exists()
