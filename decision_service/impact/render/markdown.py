"""A report in Markdown, as a review shows it."""

from __future__ import annotations

from collections.abc import Iterator

from decision_service.impact.figures import ImpactReport
from decision_service.impact.render.section import Section
from decision_service.impact.render.sections import sections


def markdown(report: ImpactReport) -> str:
    """The whole report."""
    told = report.subject
    title = f"# What {told.other} would change in {told.product}"
    return "\n".join((title, *(line for s in sections(report) for line in _section(s)))) + "\n"


def _section(section: Section) -> Iterator[str]:
    yield ""
    yield f"## {section.title}"
    for line in section.lines:
        yield ""
        yield line
    if section.columns:
        yield ""
        yield _row(section.columns)
        yield _row(
            tuple("---" if n < section.words else "---:" for n in range(len(section.columns)))
        )
        for row in section.rows:
            yield _row(row)


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
