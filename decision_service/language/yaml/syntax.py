"""libyaml's errors in words for authors of rules."""

from __future__ import annotations

import yaml

from decision_service.language.diagnostics import Place, Report

_CONTEXTS = {
    "while scanning an anchor": ("`&` starts an anchor, which is not allowed", "quote the value"),
    "while scanning an alias": ("`*` starts an alias, which is not allowed", "quote the value"),
    "while scanning a directive": ("`%` starts a directive, which is not allowed", ""),
}

_PROBLEMS = {
    "mapping values are not allowed in this context": (
        "a second `: ` stands in this value",
        "quote the value or put it on its own line",
    ),
    "found character that cannot start any token": (
        "a value cannot start with this character",
        'quote the value, as in ">= 6"',
    ),
    "found a tab character that violates indentation": ("a tab stands here", "use spaces"),
    "did not find expected key": (
        "this does not fit the map it stands in",
        "check the indentation; a value that starts with a quote ends at the next one",
    ),
    "did not find expected '-' indicator": (
        "this does not fit the list it stands in",
        "check the indentation",
    ),
    "did not find expected ',' or ']'": (
        "the list is not closed with `]`",
        'a `[` opens a list: quote an interval, as in "[0, 6)"',
    ),
    "did not find expected ',' or '}'": (
        "the map is not closed with `}`, or a second `: ` stands in a value",
        "quote the value or put it on its own line",
    ),
    "did not find expected comment or line break": (
        "a leading `>` or `|` starts a text block",
        'quote the value, as in ">= 6"',
    ),
    "could not find expected ':'": ("a key has no colon", "write `key: value`"),
    "found unexpected end of stream": ("a quote is not closed", "close it"),
    "block sequence entries are not allowed in this context": (
        "a list cannot start here",
        "put the `-` on its own line, or quote the value",
    ),
}


def report_syntax(file: str, lines: list[str], error: yaml.YAMLError, report: Report) -> None:
    """Report what the parser stopped at, on the last line that holds anything."""
    problem = str(getattr(error, "problem", None) or "it cannot be read")
    words = _CONTEXTS.get(str(getattr(error, "context", ""))) or _PROBLEMS.get(problem)
    message, hint = words or (f"this is not YAML: {problem}", "")
    place = _stopped_at(file, lines, error)
    line = lines[place.line - 1]
    strange = next((c for c in line if c.isspace() and not c.isascii()), None)
    if strange is not None:
        column = line.index(strange) + 1
        place = Place(file, place.line, column, column + 1)
        hint = (
            f"this is a no-break or other special space (U+{ord(strange):04X}): write a plain one"
        )
    report.error("R104", place, message, hint)


def _stopped_at(file: str, lines: list[str], error: yaml.YAMLError) -> Place:
    mark = getattr(error, "problem_mark", None)
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    if line >= len(lines) or not lines[line].strip():
        while line > 0 and (line >= len(lines) or not lines[line].strip()):
            line -= 1
        column = len(lines[line].rstrip())
    return Place(file, line + 1, column + 1, column + 2)
