"""A letter as one HTML page: nothing fetched, no script, fit for print and for a screen reader."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from decision_service.notices.model import Letter, LetterPart

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 0 auto;
  padding: 2rem 1.25rem; }
h1 { font-size: 1.4rem; line-height: 1.3; } h2 { font-size: 1.05rem; margin: 1.6rem 0 .3rem; }
p, ul { margin: .3rem 0; } .lender { font-weight: 600; } .reference { margin-top: 1.6rem; }
@media print { body { max-width: none; padding: 0; } section { break-inside: avoid; } }
"""


def html(letter: Letter) -> str:
    """The whole page."""
    title, body = escape(letter.title), "".join(map(_section, letter.parts))
    closing = f"<p>{escape(letter.closing)}</p>" if letter.closing else ""
    return (
        f'<!doctype html>\n<html lang="{escape(letter.language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main>"
        f'<p class="lender">{escape(letter.lender)}</p><h1>{title}</h1>'
        f"<p>{escape(letter.opening)}</p>{body}{closing}</main></body></html>\n"
    )


def _section(part: LetterPart) -> str:
    if not part.heading:
        return "".join(f'<p class="reference">{escape(line)}</p>\n' for line in part.lines)
    return f"<section><h2>{escape(part.heading)}</h2>{''.join(_content(part))}</section>\n"


def _content(part: LetterPart) -> Iterator[str]:
    for line in part.lines:
        yield f"<p>{escape(line)}</p>"
    if part.items:
        yield f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in part.items)}</ul>"
