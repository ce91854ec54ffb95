"""A small report for tests."""

from __future__ import annotations

from datetime import date

from decision_service.author.backtest.report import (
    BrokenLines,
    DatedFigure,
    ImpactReport,
    ReportSubject,
    report_of,
)
from decision_service.author.backtest.sums import BacktestApplicant, BacktestSums, KnownLoan
from decision_service.domain.decision import Outcome, ReferKind
from decision_service.rollout.impact import LeftOut, Side

APPROVED = Side(Outcome.APPROVE, None, 2_000_000, 180_000)
SMALLER = Side(Outcome.APPROVE, None, 1_000_000, 90_000, reduced=True)
REFERRED = Side(Outcome.REFER, ReferKind.POLICY, codes=("LOW",))
DECLINED = Side(Outcome.DECLINE, codes=("TOO_LOW",))


def report(cell: str = "NCR") -> ImpactReport:
    """100 people: 60 stay, 20 get less, 15 are swapped out, 5 in; two more are left out."""
    sums = BacktestSums(decisions=110, repeats=8, reproduced=101, differing=1)
    groups = ((60, APPROVED, APPROVED), (20, APPROVED, SMALLER), (15, APPROVED, DECLINED))
    for count, before, after in (*groups, (5, REFERRED, APPROVED)):
        for number in range(count):
            sums.count(_one(f"dec_{count}_{number}", before, after, cell))
    sums.leave_out(LeftOut.ERASED, Outcome.APPROVE, ("income.months_24m",))
    sums.leave_out(LeftOut.INPUT_NOT_SENT, Outcome.DECLINE)
    return report_of(_subject(), sums)


def _one(name: str, before: Side, after: Side, cell: str) -> BacktestApplicant:
    causes = () if before == after else ("eligibility.low_income",)
    loan = KnownLoan(bad=after is DECLINED) if before is APPROVED else None
    cells = (("inputs.region", cell), ("month", "2026-10"))
    points = (before, after)
    later = after if after is APPROVED else DECLINED
    dated = ((date(2026, 12, 1), before, later),)
    return BacktestApplicant(name, before, after, causes, cells, loan, points, dated)


def _subject() -> ReportSubject:
    return ReportSubject(
        product="test-loan",
        currency="PHP",
        base="v1",
        base_digest="a" * 64,
        other="v1 with least 9",
        other_digest="b" * 64,
        figures=(("params.least", "8", "9"), ("params.most", "50", "60")),
        since="2026-10-01",
        until="2026-10-31",
        engine_version="1.0",
        swept=("params.least",),
        points=(("8",), ("9",)),
        present=("8",),
        broken=(BrokenLines("cases.jsonl", 2, 80, (3, 5)),),
        dated=(DatedFigure(date(2026, 12, 1), "params.least", "9", "10"),),
    )
