"""A report as one HTML file: no script, nothing fetched, light or dark, fit for print."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from decision_service.impact.figures import ImpactReport
from decision_service.impact.render.sections import sections

_PAGES = Environment(
    loader=PackageLoader("decision_service.impact", "render"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def html(report: ImpactReport) -> str:
    """The whole report."""
    title = f"What {report.subject.other} would change in {report.subject.product}"
    page = _PAGES.get_template("report.html")
    return page.render(title=title, sections=[*sections(report)]) + "\n"
