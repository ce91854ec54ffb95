"""A monitoring report as a page, by the renderer of the impact report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

import msgspec
from jinja2 import ChoiceLoader, PackageLoader

from decision_service.domain.decision import Outcome
from decision_service.rollout.impact import OUTCOMES, Share, share_of
from decision_service.workbench.backtest import render
from decision_service.workbench.monitor.drift import FEWEST, DriftRow
from decision_service.workbench.monitor.report import (
    AGES,
    MonitorReport,
    OutcomeShares,
    shares_of,
)

MOST_DAYS = 31
"""Days that have a row each; of a longer report months have one."""

MOST_SHOWN = 6
"""Scores and factors whose bins are shown besides those that drifted."""

MOST_REASONS = 6
"""Principal reasons of a version and arm that have a row."""


class Pale(str):
    """A cell that is not to be believed yet."""

    __slots__ = ()
    pale = True


class Column(msgspec.Struct, frozen=True):
    """A day of the chart: approvals, referrals, declines, and the numbers of its marks."""

    day: date
    counts: tuple[int, ...]
    marks: tuple[int, ...]


class PeriodRow(msgspec.Struct, frozen=True):
    """A day or month."""

    name: str
    decisions: int
    not_enrolled: int
    shares: OutcomeShares | None
    reason: str


class ReasonRow(msgspec.Struct, frozen=True):
    version: int
    arm: str
    reason: str
    decisions: int
    share: Share


class BinRow(msgspec.Struct, frozen=True):
    cell: str
    before: Share
    after: Share
    counts: tuple[int, int]


def columns(report: MonitorReport) -> list[Column]:
    """Every day of the report, those without decisions too."""
    counts: dict[date, Counter[Outcome]] = {}
    for row in report.volume:
        counts.setdefault(row.day, Counter())[row.outcome] += row.decisions
    numbers: dict[date, list[int]] = {}
    for number, mark in enumerate(report.marks, 1):
        numbers.setdefault(mark.day, []).append(number)
    first, last = report.subject.since, report.subject.until
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    none = Counter[Outcome]()
    return [
        Column(
            day,
            tuple(counts.get(day, none)[outcome] for outcome in OUTCOMES),
            tuple(numbers.get(day, ())),
        )
        for day in days
    ]


def periods(report: MonitorReport) -> Iterator[PeriodRow]:
    by_day = (report.subject.until - report.subject.since).days < MOST_DAYS
    outcomes: dict[str, Counter[Outcome]] = {}
    reasons: dict[str, Counter[str]] = {}
    for row in report.volume:
        name = row.day.isoformat()[: None if by_day else 7]
        outcomes.setdefault(name, Counter())[row.outcome] += row.decisions
        reasons.setdefault(name, Counter())[row.reason] += row.decisions
    for name, counts in sorted(outcomes.items()):
        every, outside = counts.total(), counts.pop(Outcome.NOT_ENROLLED, 0)
        del reasons[name][""]
        yield PeriodRow(
            name,
            every,
            outside,
            shares_of(counts) if counts else None,
            "".join(code for code, _ in reasons[name].most_common(1)) or "–",
        )


def reasons(report: MonitorReport) -> Iterator[ReasonRow]:
    """The most frequent principal reasons of each version and arm, of all that it decided."""
    found: dict[tuple[int, str], Counter[str]] = {}
    for row in report.volume:
        if row.reason and row.outcome is not Outcome.NOT_ENROLLED:
            found.setdefault((row.version, row.arm), Counter())[row.reason] += row.decisions
    every = {(way.version, way.arm): way.shares.of for way in report.ways}
    for way, counts in sorted(found.items()):
        for reason, many in counts.most_common(MOST_REASONS):
            yield ReasonRow(*way, reason, many, share_of(many, every[way]))


def shown(report: MonitorReport) -> list[DriftRow]:
    """Those that drifted, and of the others the nearest to it."""
    judged = [row for row in report.drift if row.psi is not None or not enough(report)]
    return [row for place, row in enumerate(judged) if row.drifted or place < MOST_SHOWN]


def enough(report: MonitorReport) -> bool:
    return report.baseline is not None and report.baseline.applicants >= FEWEST


def bins(row: DriftRow) -> list[BinRow]:
    """The bins that either population has anybody in."""
    n, m = row.baseline.applicants, row.now.applicants
    named = zip(row.now.scale.bins, row.baseline.counts, row.now.counts, strict=True)
    return [
        BinRow(name, share_of(old, n), share_of(new, m), (old, new))
        for name, old, new in named
        if n and m and old + new
    ]


def html(report: MonitorReport) -> str:
    page = _PAGES.get_template("monitor.j2")
    return f"{page.render(report=report).strip()}\n"


_PAGES = render.PAGES.overlay(
    loader=ChoiceLoader([PackageLoader(__package__), render.PAGES.loader or PackageLoader("")])
)
_VIEWS = (columns, periods, reasons, shown, enough, bins)
_PAGES.globals.update({one.__name__: one for one in _VIEWS}, pale=Pale, ages=AGES, fewest=FEWEST)
