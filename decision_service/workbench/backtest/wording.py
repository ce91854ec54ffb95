"""Numbers and sentences of an impact report in words."""

from __future__ import annotations

from collections.abc import Iterator

from decision_service.domain.values import to_major
from decision_service.rollout.impact import Interval, Rate, Share
from decision_service.workbench.backtest.report import AmountRow, ImpactReport, SegmentRow


def percent(share: float) -> str:
    """`61.2 %`."""
    return f"{share * 100:.1f} %"


def rate(one: Share) -> str:
    """`61.2 % (58.0 to 64.3)`."""
    return f"{percent(one.share)} ({one.low * 100:.1f} to {one.high * 100:.1f})"


def points(share: float) -> str:
    """`-4.8 points`."""
    return f"{share * 100 + 0.0:+.1f} points"


def interval(one: Interval) -> str:
    """`-4.8 points (-6.1 to -3.6)`."""
    return f"{points(one.difference)} ({one.low * 100:+.1f} to {one.high * 100:+.1f})"


def change(row: Rate | SegmentRow) -> str:
    """`go from 61.2 % (…) to 56.4 % (…): -4.8 points (…)`, or `stay at 61.2 % (…)`."""
    if row.before == row.after:
        return f"stay at {rate(row.before)}"
    return f"go from {rate(row.before)} to {rate(row.after)}: {interval(row.difference)}"


def money(minor: int | None, currency: str) -> str:
    """`PHP 1,234,567`, rounded to whole major units; a dash where there is none."""
    return "–" if minor is None else f"{currency} {to_major(minor, currency):,.0f}"


def amount(row: AmountRow, value: int | None, currency: str) -> str:
    if row.money:
        return money(value, currency)
    return "–" if value is None else f"{value:,}"


def headline(report: ImpactReport) -> Iterator[str]:
    coverage, currency = report.coverage, report.subject.currency
    for one in report.subject.broken:
        share = f"{one.broken:,} of {one.lines:,} lines ({percent(one.broken / one.lines)})"
        numbers = ", ".join(f"{number:,}" for number in one.first)
        yield f"Broken, and in no figure: {share} of {one.file}, line {numbers}."
    if not coverage.compared:
        yield "Nobody could be compared."
        return
    yield f"Approvals {change(report.rates[0])}."
    yield f"{_swap(report, gained=True)} {_swap(report, gained=False)}"
    totals = [sum(getattr(r, f"amount_{side}") for r in report.matrix) for side in _SIDES]
    yield f"Approved in all: {money(totals[0], currency)}, then {money(totals[1], currency)}."
    referrals = report.rates[1]
    yield f"Referrals: {rate(referrals.before)}, then {rate(referrals.after)}."
    if report.causes:
        first = report.causes[0]
        yield f"Most are moved by {first.name}: {first.first:,} applicants."
    yield from dated(report)


def dated(report: ImpactReport) -> Iterator[str]:
    for row in report.dated:
        figures = [one for one in report.subject.dated if str(one.day) == row.cell]
        named = " and ".join(f"{one.at} goes from {one.before} to {one.after}" for one in figures)
        yield f"On {row.cell} {named}: approvals then {change(row)}."


_SIDES = ("before", "after")


def _swap(report: ImpactReport, *, gained: bool) -> str:
    currency = report.subject.currency
    side, other = ("after", "before") if gained else ("before", "after")
    rows = [
        row
        for row in report.matrix
        if getattr(row, side) == "APPROVE" and getattr(row, other) != "APPROVE"
    ]
    total = sum(row.applicants for row in rows)
    worth = money(sum(getattr(row, f"amount_{side}") for row in rows), currency)
    name, verb = ("Swap-in", "newly approved") if gained else ("Swap-out", "no longer approved")
    return f"{name}: {total:,} {verb}, {worth}."


def honesty(report: ImpactReport) -> Iterator[str]:
    coverage = report.coverage
    yield (
        f"{coverage.decisions:,} decisions in the window: {coverage.applicants:,} applicants, "
        f"each by the first decision, and {coverage.repeats:,} repeats."
    )
    if coverage.not_enrolled:
        yield f"{coverage.not_enrolled:,} more were outside the go-live, so that no data was read."
    asked = coverage.reproduced + coverage.differing
    yield f"The recorded rules reproduce {coverage.reproduced:,} of {asked:,} decisions exactly."
    if coverage.differing:
        yield f"Those that differ, for example: {', '.join(coverage.differing_examples)}."
    left_out = sum(coverage.left_out.values())
    kinds = ", ".join(f"{number:,} {kind}" for kind, number in coverage.left_out.items())
    yield f"{left_out:,} cannot be compared{f': {kinds}' if kinds else ''}."
    if coverage.lacking:
        names = ", ".join(
            f"{name} ({number:,})" for name, number in [*coverage.lacking.items()][:5]
        )
        yield f"Factors that were lacking most: {names}."
    if report.subject.sample < 1:
        yield f"A sample of {percent(report.subject.sample)}, seed {report.subject.seed}."


def bad_rates(report: ImpactReport) -> Iterator[str]:
    for row in report.loans:
        yield f"{row.group}: {rate(row.bad_rate)} bad of {row.loans:,} known loans"
    if any(row.group == "swap in" for row in report.loans):
        yield "swap in: loans that persons approved, who chose them; others may pay otherwise"
    elif report.loans:
        yield (
            "swap in: unknown, since nobody lent to these applicants; between 0 % and 100 %, and "
            "by experience worse than kept in"
        )


def replay(decision_id: str) -> str:
    if not decision_id.startswith("dec_"):
        return f"decision {decision_id} of the case file"
    return f"decision-service decisions replay {decision_id}"
