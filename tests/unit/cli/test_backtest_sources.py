"""The files that a backtest reads: broken lines count nowhere, and many of them stop it."""

from __future__ import annotations

from pathlib import Path

import pytest

from decision_service.cli.backtest.local.sources import SourceNames, opened
from decision_service.cli.errors import CommandError, Exit
from decision_service.impact.figures import BrokenLines
from tests.unit.storage.test_case_line import line

PRODUCT = "personal-loan-ph"
HEAD = "decision_id,loan_id,as_of_date,status,overdue_days"


def cases(folder: Path, good: int, broken: int) -> Path:
    """So many decisions, of another product every second one, below broken lines."""
    file = folder / "cases.jsonl"
    names = (PRODUCT, "gig-advance-ph")
    lines = [line(decision=f"a{n}", unit=f"u{n}", product=names[n % 2]) for n in range(good)]
    file.write_bytes(b"\n".join([b"{"] * broken + lines))
    return file


def outcomes(folder: Path, good: int, broken: int) -> Path:
    """So many reports of loans, above lines without a day."""
    file = folder / "loans.csv"
    rows = [f"a{n},l-{n},2026-11-01,booked,0" for n in range(good)]
    file.write_text("\n".join([HEAD, *rows, *["a0,l-0,soon,booked,0"] * broken]))
    return file


def names(folder: Path, what: str, good: int, broken: int) -> SourceNames:
    """A case file, by itself or with a file of outcomes that has the broken lines."""
    if what == "cases":
        return SourceNames(cases=cases(folder, good, broken))
    loans = outcomes(folder, good, broken)
    return SourceNames(cases=cases(folder, 40, 0), outcomes=loans)


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("cases", BrokenLines("cases.jsonl", 2, 40, (1, 2))),
        ("outcomes", BrokenLines("loans.csv", 2, 40, (40, 41))),
    ],
)
def test_few_broken_lines_are_counted(what: str, told: BrokenLines, tmp_path: Path) -> None:
    """Up to 5 % are left out, and handed to the report."""
    with opened(names(tmp_path, what, 38, 2), PRODUCT, {}) as source:
        assert source.broken == (told,)


@pytest.mark.parametrize(
    ("what", "told"), [("cases", "cases.jsonl: 2 of 39"), ("outcomes", "loans.csv: 2 of 39")]
)
def test_many_broken_lines_stop_the_command(what: str, told: str, tmp_path: Path) -> None:
    """Above 5 % with one sentence and exit code 1."""
    found = names(tmp_path, what, 37, 2)
    with (
        pytest.raises(CommandError, match=f"{told} lines are broken, more than 5 %") as error,
        opened(found, PRODUCT, {}),
    ):
        pass
    assert error.value.code is Exit.FINDINGS
