"""A monitoring report as a page, by the renderer of the impact report."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from jinja2 import ChoiceLoader, PackageLoader

from decision_service.author.backtest import render
from decision_service.domain.decision import Outcome
from decision_service.operate.monitor.drift import FEWEST
from decision_service.operate.monitor.report import AGES, MonitorReport, shares_of
from decision_service.rollout.impact import OUTCOMES, share_of

MOST_DAYS = 31
"""Days that have a row each; of a longer report months have one."""

MOST_SHOWN = 6
"""Reasons of a version and arm, and scores and factors whose bins are shown undrifted."""

View = Mapping[str, Any]


def columns(report: MonitorReport) -> Iterator[View]:
    """Every day, also without decisions: how many of each outcome, and the numbers of its marks."""
    counts: defaultdict[object, Counter[Outcome]] = defaultdict(Counter)
    for row in report.volume:
        counts[row.day][row.outcome] += row.decisions
    for number in range((report.subject.until - report.subject.since).days + 1):
        day = report.subject.since + timedelta(days=number)
        yield {
            "day": day,
            "counts": [counts[day][outcome] for outcome in OUTCOMES],
            "marks": [place for place, mark in enumerate(report.marks, 1) if mark.day == day],
        }


def periods(report: MonitorReport) -> Iterator[View]:
    """Days, of a longer report months."""
    by_day = (report.subject.until - report.subject.since).days < MOST_DAYS
    found: dict[str, tuple[Counter[Outcome], Counter[str]]] = {}
    for row in report.volume:
        name = row.day.isoformat()[: None if by_day else 7]
        outcomes, reasons = found.setdefault(name, (Counter(), Counter()))
        outcomes[row.outcome] += row.decisions
        reasons[row.reason or "–"] += row.decisions * bool(row.reason)
    for name, (outcomes, reasons) in sorted(found.items()):
        outside = outcomes.pop(Outcome.NOT_ENROLLED, 0)
        yield {
            "name": name,
            "not_enrolled": outside,
            "shares": shares_of(outcomes) if outcomes else None,
            "decisions": outcomes.total() + outside,
            "reason": reasons.most_common(1)[0][0],
        }


def reasons(report: MonitorReport) -> Iterator[View]:
    """The most frequent principal reasons of each version and arm, of all that it decided."""
    for way in report.ways:
        found: Counter[str] = Counter()
        for row in report.volume:
            if row.reason and (row.version, row.arm) == (way.version, way.arm):
                found[row.reason] += row.decisions
        for reason, many in found.most_common(MOST_SHOWN):
            share = share_of(many, way.shares.of)
            yield {"way": way, "reason": reason, "decisions": many, "share": share}


def html(report: MonitorReport) -> str:
    page = _PAGES.get_template("monitor.j2")
    return f"{page.render(report=report).strip()}\n"


_PAGES = render.PAGES.overlay(
    loader=ChoiceLoader([PackageLoader(__package__), render.PAGES.loader or PackageLoader("")])
)
_VIEWS = {one.__name__: one for one in (columns, periods, reasons, share_of)}
_PAGES.globals.update(_VIEWS, ages=AGES, fewest=FEWEST, most_shown=MOST_SHOWN)
