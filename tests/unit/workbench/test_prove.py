"""`rules prove`, and what `rules diff` and `backtest` say with `--prove` of two versions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from decision_service.cli.output import Exit
from tests.unit.cli.commands import command
from tests.unit.storage.test_case_line import line

TIGHTER = "PROVED: no applicant gets a better outcome or a larger amount"
NOT_LOOSER = "COUNTEREXAMPLE: not so: no applicant gets a worse outcome or a smaller amount; "
OTHER = "COUNTEREXAMPLE: not so: no applicant is decided differently; "
GIG = "gig-advance-ph@1"
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def states(tmp_path: Path, capsys: Capture) -> tuple[Path, Path]:
    """The product that `rules new` writes, and the same with two months more of income asked."""
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
        command(capsys, "rules", "new", "small-loan", "--rules", folder)
    file = new / "small-loan" / "v1.yaml"
    months = "min_income_months: {type: integer, value: "
    file.write_text(file.read_text().replace(f"{months}6", f"{months}8"))
    return old, new


@pytest.fixture
def files(states: tuple[Path, Path]) -> list[Path]:
    """The two versions."""
    return [folder / "small-loan" / "v1.yaml" for folder in states]


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """A file with one decision."""
    file = tmp_path / "cases.jsonl"
    file.write_bytes(line(product="small-loan") + b"\n")
    return file


def test_a_proved_claim_ends_with_0(files: list[Path], capsys: Capture) -> None:
    """One sentence says what is proved, of which applicants and from when."""
    done = command(capsys, "rules", "prove", *files, "--from", "2026-11-27")
    assert done.code == 0
    assert done.out.startswith("PROVED: small-loan v1 gives no applicant a better outcome")
    assert "for every applicant from 2026-11-27 on" in done.out


def test_a_counterexample_ends_with_1_and_is_a_rule_test(files, capsys):
    """The person is shown with both verdicts; for programs too."""
    words = ("rules", "prove", *files, "--claim", "loosens", "--from", "2026-11-27")
    done = command(capsys, *words)
    assert done.code == 1
    assert "COUNTEREXAMPLE" in done.out
    assert "- name: found by a proof" in done.out
    told = json.loads(command(capsys, *words, "--format", "json").out)
    assert told["result"] == "COUNTEREXAMPLE"
    assert [each["of"] for each in told["verdicts"]] == ["v1 before", "v1 after"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--claim", "only"), "--claim only needs a condition"),
        (("income.months_12m < 6",), "the condition income.months_12m < 6 is for"),
        (("income.monhs_12m < 6", "--claim", "only"), "did you mean"),
        (("--timeout", "0"), "not a number of seconds"),
        (("--from", "tomorrow"), "write a day as 2026-12-01"),
    ],
)
def test_wrong_usage_is_told(capsys: Capture, words: tuple[str, ...], told: str) -> None:
    """Exit code 2, and what to write."""
    done = command(capsys, "rules", "prove", GIG, GIG, *words)
    assert done.code == 2
    assert told in done.err


def test_a_diff_of_versions_tells_what_is_proved(files: list[Path], capsys: Capture) -> None:
    """A sentence a claim; of an applicant who is decided differently both decisions."""
    done = command(capsys, "rules", "diff", *files, "--prove")
    assert done.code == Exit.DONE, done.err
    told = done.out.splitlines()[-6:]
    assert told[:2] == [TIGHTER, "PROVED: no decline and no referral becomes an approval"]
    assert told[2].startswith(NOT_LOOSER)
    assert told[2].endswith("v1 after: DECLINE")
    assert "income.months_24m" in told[2]
    assert told[4] == "PROVED: the price of a loan stays the same"
    assert told[5].startswith(OTHER)


def test_a_diff_of_states_names_the_version(states: tuple[Path, Path], capsys: Capture) -> None:
    """For programs too."""
    done = command(capsys, "rules", "diff", *states, "--prove", "--format", "json")
    assert json.loads(done.out)["proofs"][0] == f"small-loan v1 (champion): {TIGHTER}"


@pytest.mark.long
def test_a_backtest_tells_proofs_beside_its_figures(states, cases, capsys):
    """In the report, even where no applicant can be compared."""
    asked = ("backtest", "small-loan", "--rules", states[0], "--cases", cases, "--jobs", "1")
    done = command(capsys, *asked, "--set", "params.min_income_months=8", "--prove")
    assert "v1 with min_income_months 8 against the champion v1, from " in done.out
    assert "| no applicant gets a better outcome or a larger amount | PROVED |" in done.out
    assert NOT_LOOSER in done.out


@pytest.mark.long
def test_a_diff_of_states_says_what_it_does_to_people(states, cases, capsys):
    """In sentences."""
    done = command(capsys, "rules", "diff", *states, "--cases", cases)
    lines = done.out.splitlines()
    place = lines.index("What small-loan v1 (champion) would have decided")
    assert "1 decisions in the window: 1 applicants" in lines[place + 2]


def test_one_version_has_no_claims(states: tuple[Path, Path], cases: Path, capsys: Capture) -> None:
    """A sweep alone changes no version: what to add is said before an applicant is judged."""
    asked = ("backtest", "small-loan", "--rules", states[0], "--cases", cases, "--prove")
    done = command(capsys, *asked, "--sweep", "params.min_income_months=6..8/1")
    assert (done.code, done.out) == (Exit.USAGE, "")
    assert "change it with --with or --set" in done.err
