"""A report as one HTML file: no script, nothing fetched, light or dark, fit for print."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from decision_service.impact.figures import ImpactReport
from decision_service.impact.render.section import Section
from decision_service.impact.render.sections import sections

_STYLE = """
:root { color-scheme: light dark; --ink: #1a2330; --paper: #fff; --line: #c9d1dc; --soft: #f3f5f8;
  --before: #8a97a8; --after: #0b6bcb; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf2; --paper: #12161c; --line: #3a4452;
  --soft: #1b212a; --before: #74808f; --after: #5aa9f5; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .7rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
th { background: var(--soft); } .number { text-align: right; white-space: nowrap; }
code { overflow-wrap: anywhere; }
svg { max-width: 100%; height: auto; margin: .6rem 0; }
svg text { fill: var(--ink); font-size: 12px; }
svg .figure { font-size: 11px; } .before { fill: var(--before); } .after { fill: var(--after); }
.bounds { fill: var(--ink); }
@media print { body { max-width: none; padding: 0; } section { break-inside: avoid; } }
"""


def html(report: ImpactReport) -> str:
    """The whole report."""
    title = escape(f"What {report.subject.other} would change in {report.subject.product}")
    body = "".join(part for section in sections(report) for part in _section(section))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{title}</h1>{body}</main></body></html>\n"
    )


def _section(section: Section) -> Iterator[str]:
    yield f"<section><h2>{escape(section.title)}</h2>"
    for line in section.lines:
        yield f"<p>{_marked(line)}</p>"
    yield section.chart
    if section.columns:
        yield from _table(section)
    yield "</section>\n"


def _marked(line: str) -> str:
    """A sentence; what stands between backquotes is code."""
    parts = escape(line).split("`")
    return "".join(
        f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts)
    )


def _table(section: Section) -> Iterator[str]:
    yield f'<div class="wide" tabindex="0" role="region" aria-label="{escape(section.title)}">'
    yield f"<table><thead><tr>{_cells(section, section.columns, 'th')}</tr></thead><tbody>"
    for row in section.rows:
        yield f"<tr>{_cells(section, row, 'td')}</tr>"
    yield "</tbody></table></div>"


def _cells(section: Section, row: tuple[str, ...], tag: str) -> str:
    scope = ' scope="col"' if tag == "th" else ""
    return "".join(
        f"<{tag}{scope}{_class(place, section)}>{escape(cell)}</{tag}>"
        for place, cell in enumerate(row)
    )


def _class(place: int, section: Section) -> str:
    return "" if place < section.words else ' class="number"'
