"""Diagnostics of an author's text: place, problem, remedy; all of them in one run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from functools import cache

import msgspec

from decision_service.build import packaged

# What YAML 1.1 counts as a line break: else lines would be counted otherwise than by the parser.
_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
# Quoted as it is, a control character would act on the terminal, or move the carets.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_WIDEST_QUOTE = 160
_LONGEST_NAME = 100

# Nobody reads more, and a text made of faults would cost more than a good one.
MOST_PROBLEMS = 200


def split_lines(text: str) -> list[str]:
    return _LINE_BREAK.split(text)


class Hints(msgspec.Struct, frozen=True):
    """What authors write by mistake, with what to write instead (`hints.yaml`)."""

    gone: Mapping[str, Mapping[str, str]]
    options: Mapping[str, tuple[str, ...]]
    signs: Mapping[str, str]
    pairs: Mapping[str, str]
    words: Mapping[str, str]
    yaml: Mapping[str, tuple[str, str]]


# Read when the first mistake is met: sound rules need none of it.
@cache
def hints() -> Hints:
    return packaged(__package__, "hints.yaml", Hints)


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


class Place(msgspec.Struct, frozen=True, order=True):
    """A span of one line: `line` and `column` count from 1, `end` is the column after the span."""

    file: str
    line: int
    column: int
    end: int

    def part(self, start: int, end: int) -> Place:
        """The span of characters `start` to `end` (exclusive, from 0) of this text."""
        return Place(
            self.file, self.line, self.column + start, end=self.column + max(end, start + 1)
        )


class Diagnostic(msgspec.Struct, frozen=True):
    """One located problem.

    `code` is stable (`R204`); `quoted` the source line; `end` the column after the marked span;
    `hint` one line on what to do, or empty.
    """

    code: str
    severity: Severity
    file: str
    line: int
    column: int
    end: int
    message: str
    hint: str = ""
    quoted: str = ""

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        return (self.file, self.line, self.column, self.code, self.message)


def problem_at(
    code: str,
    place: Place,
    message: str,
    *,
    hint: str = "",
    severity: Severity = Severity.ERROR,
    quoted: str = "",
) -> Diagnostic:
    """A problem of what stands at a place."""
    return Diagnostic(
        code,
        severity,
        place.file,
        line=place.line,
        column=place.column,
        end=place.end,
        message=message,
        hint=hint,
        quoted=quoted,
    )


class Report(msgspec.Struct):
    """Collects problems, at most 200 errors and 200 warnings, with the lines to quote."""

    _lines: dict[str, list[str]] = msgspec.field(default_factory=dict)
    _found: dict[tuple[str, int, int, str, str], Diagnostic] = msgspec.field(default_factory=dict)
    _counts: dict[Severity, int] = msgspec.field(default_factory=lambda: dict.fromkeys(Severity, 0))

    def add_text(self, file: str, text: str) -> None:
        self._lines[file] = split_lines(text)

    def error(self, code: str, place: Place, message: str, hint: str = "") -> None:
        self._add(code, Severity.ERROR, place, message=message, hint=hint)

    def warning(self, code: str, place: Place, message: str, hint: str = "") -> None:
        self._add(code, Severity.WARNING, place, message=message, hint=hint)

    @property
    def failed(self) -> bool:
        return self._counts[Severity.ERROR] > 0

    @property
    def full(self) -> bool:
        """Whether the limit of errors is reached, so that further checks are useless."""
        return self._counts[Severity.ERROR] >= MOST_PROBLEMS

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return tuple(self._found[key] for key in sorted(self._found))

    def quote(self, file: str, line: int) -> str:
        lines = self._lines.get(file, [])
        return lines[line - 1] if 0 < line <= len(lines) else ""

    def _add(self, code: str, severity: Severity, place: Place, message: str, hint: str) -> None:
        if self._counts[severity] >= MOST_PROBLEMS:
            return
        quoted = self.quote(place.file, place.line)
        found = problem_at(code, place, message, hint=hint, severity=severity, quoted=quoted)
        if found.order not in self._found:
            self._found[found.order] = found
            self._counts[severity] += 1


def render(diagnostic: Diagnostic) -> str:
    d = diagnostic
    rows = [f"{d.file}:{d.line}:{d.column}: {d.severity} {d.code}: {d.message}"]
    if d.quoted.strip():
        quoted, shift = _window(_UNPRINTABLE.sub(" ", d.quoted), d.column)
        column = d.column - shift
        carets = max(1, min(d.end - shift, len(quoted) + 1) - column)
        rows.append(f"{d.line:5d} | {quoted.rstrip()}")
        rows.append(f"{'':5} | {' ' * (column - 1)}{'^' * carets}")
    if d.hint:
        rows.append(f"{'':5} = {d.hint}")
    return "\n".join(rows)


def _window(line: str, column: int) -> tuple[str, int]:
    if len(line) <= _WIDEST_QUOTE:
        return line, 0
    start = max(0, min(column - 1 - _WIDEST_QUOTE // 2, len(line) - _WIDEST_QUOTE))
    return line[start : start + _WIDEST_QUOTE], start


def render_all(diagnostics: Iterable[Diagnostic]) -> str:
    return "".join(f"{block}\n" for block in "\n\n".join(map(render, diagnostics)).splitlines())


def count(diagnostics: Iterable[Diagnostic]) -> str:
    """`3 errors, 1 warning`."""
    severities = [d.severity for d in diagnostics]
    errors = severities.count(Severity.ERROR)
    warnings = len(severities) - errors
    return f"{plural(errors, 'error')}, {plural(warnings, 'warning')}"


def plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like this one, if any does."""
    # Comparing takes time with the square of the length, and no known name is so long.
    if len(name) > _LONGEST_NAME:
        return None
    # Sorted: of names that are as near, a set would give another one in each process.
    matches = get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint that names the nearest known name, or lists the known ones while they are few."""
    names = sorted(known)
    match = nearest(name, names)
    if match is not None:
        return f"did you mean `{match}`?"
    if names and len(names) <= 12:
        return "known here: " + ", ".join(f"`{n}`" for n in names)
    return ""
