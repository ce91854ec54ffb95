"""The files that a backtest reads in place of a store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from decision_service.cli.output import CommandError, Exit
from decision_service.domain.ports import PagePosition
from decision_service.workbench.backtest.case_files import CaseReader
from decision_service.workbench.backtest.replica import KeyRange, RangeCounts
from decision_service.workbench.backtest.report import BrokenLines
from decision_service.workbench.commands.backtest_run import Applicants, named
from tests.unit.storage.test_case_line import line

PRODUCT = "personal-loan-ph"
EVER = KeyRange(datetime(2026, 10, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def cases(folder: Path, good: int, broken: int) -> Path:
    """So many decisions, of another product every second one, below broken lines."""
    file = folder / "cases.jsonl"
    names = (PRODUCT, "gig-advance-ph")
    lines = [line(decision=f"a{n}", unit=f"u{n}", product=names[n % 2]) for n in range(good)]
    file.write_bytes(b"\n".join([b"{"] * broken + lines))
    return file


def test_few_broken_lines_are_counted(tmp_path: Path) -> None:
    """Up to 5 % are left out, and handed to the report."""
    _, broken = named(Applicants(EVER, cases=cases(tmp_path, 38, 2)), PRODUCT, {})
    assert broken == (BrokenLines("cases.jsonl", 2, 40, (1, 2)),)


def test_many_broken_lines_stop_the_command(tmp_path: Path) -> None:
    """Above 5 % with one sentence and exit code 1."""
    found = Applicants(EVER, cases=cases(tmp_path, 37, 2))
    sentence = "cases.jsonl: 2 of 39 lines are broken, more than 5 %"
    with pytest.raises(CommandError, match=sentence) as error, named(found, PRODUCT, {}):
        pass
    assert error.value.code is Exit.FINDINGS


async def test_a_file_is_read_as_a_store_is(tmp_path: Path) -> None:
    """Each applicant by the first decision in the window, with what is known of loans."""
    file = tmp_path / "cases.jsonl"
    days = (
        ("a1", "u1", 1, None),
        ("a2", "u2", 2, True),
        ("a3", "u1", 3, True),
        ("a4", "u3", 4, False),
    )
    rows = [
        line(decision=name, unit=unit, decided=f"2026-10-0{day}T00:00:00Z", loan_bad=bad)
        for name, unit, day, bad in reversed(days)
    ]
    file.write_bytes(b"\n".join([*rows, line(outcome="NOT_ENROLLED", decision="a5", unit="u4")]))
    reader = CaseReader(file, PRODUCT, {})
    first, second, end = (datetime(2026, 10, day, tzinfo=UTC) for day in (1, 2, 5))
    whole = KeyRange(first, end)
    last, undecided = datetime(2026, 10, 4, tzinfo=UTC), datetime(2026, 10, 31, 16, 30, tzinfo=UTC)
    assert await reader.counts(PRODUCT, whole) == RangeCounts(4, 0, first, last)
    assert await reader.counts(PRODUCT, KeyRange(end, undecided)) == RangeCounts(0, 0)
    ever = await reader.counts(PRODUCT, EVER)
    assert ever == RangeCounts(4, 1, first, undecided + timedelta(seconds=0.5))

    async def found(window: datetime, after: PagePosition | None, limit: int) -> list[object]:
        page = await reader.applicants(PRODUCT, whole, window, after, limit)
        return [(one.entry.decision_id, one.loan and one.loan.bad) for one in page]

    assert await found(first, None, 9) == [("a1", None), ("a2", True), ("a4", False)]
    assert await found(first, None, 1) == [("a1", None)]
    assert await found(first, PagePosition(first, "a1"), 1) == [("a2", True)]
    assert await found(second, None, 9) == [("a2", True), ("a3", True), ("a4", False)]
    await reader.aclose()
