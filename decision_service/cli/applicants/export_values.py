"""Values of records as HTML: texts, lists, tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from decision_service.cli.applicants.export_words import name_of


def html_value(value: Any) -> str:
    """A value within a text or a cell."""
    if value in (None, "", [], {}):
        return "–"
    match value:
        case bool():
            return "yes" if value else "no"
        case Mapping():
            return _inner(f"{escape(name_of(one))}: {html_value(of)}" for one, of in value.items())
        case list():
            return _inner(map(html_value, value)) if len(value) > 1 else html_value(value[0])
        case str() if "\n" in value:
            return f"<pre>{escape(value)}</pre>"
    return escape(f"{value}")


def definitions(values: Mapping[str, Any]) -> str:
    """Values with their names, under each other."""
    pairs = (
        f"<dt>{escape(name_of(name))}</dt><dd>{html_value(value)}</dd>"
        for name, value in values.items()
    )
    return f"<dl>{''.join(pairs)}</dl>"


def rows(records: Sequence[Mapping[str, Any]], label: str) -> str:
    """A table of records, which scrolls by itself where it is too wide.

    Records with texts of several lines, such as letters, stand one under the other.
    """
    if any(isinstance(one, str) and "\n" in one for record in records for one in record.values()):
        return "".join(map(definitions, records))
    columns = [*dict.fromkeys(name for record in records for name in record)]
    head = "".join(f'<th scope="col">{escape(name_of(name))}</th>' for name in columns)
    body = "".join(_row(record, columns) for record in records)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(label)}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>\n"
    )


def _row(record: Mapping[str, Any], columns: Sequence[str]) -> str:
    cells = (f"<td>{html_value(record.get(name))}</td>" for name in columns)
    return f"<tr>{''.join(cells)}</tr>"


def _inner(lines: Iterator[str]) -> str:
    return f'<ul class="in">{"".join(f"<li>{line}</li>" for line in lines)}</ul>'
