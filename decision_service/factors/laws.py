"""Laws between factors: what holds of every applicant, and what is missing alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

import msgspec

from decision_service.build import packaged

_NAME = re.compile(r"[a-z]\w*\.[a-z]\w*", re.ASCII)


class _Tables(msgspec.Struct, frozen=True):
    """`laws.yaml`, which says how its lines are read."""

    windows: Mapping[str, str]
    of_months: str
    income: str
    others: str
    together: str


_TABLES = packaged(__package__, "laws.yaml", _Tables)


class Law(msgspec.Struct, frozen=True):
    """A condition that holds of every applicant; `factors` are those that it names, in order."""

    name: str
    expression: str
    factors: tuple[str, ...]


class Definition(msgspec.Struct, frozen=True):
    """A factor that others make up exactly wherever all of them have a value."""

    factor: str
    expression: str
    factors: tuple[str, ...]


def named(expression: str) -> tuple[str, ...]:
    """The factors that an expression names, each once, in the order of the text."""
    return tuple(dict.fromkeys(_NAME.findall(expression)))


def _rows(table: str) -> Iterator[tuple[str, list[str]]]:
    for line in table.replace("\n    ", " ").strip().splitlines():
        text, _, windows = line.partition(" @ ")
        yield text, _TABLES.windows.get(windows, windows).split()


def _laws(tables: Sequence[str]) -> tuple[Law, ...]:
    """The laws of tables, each once: several chains may have a pair of factors in common."""
    found: dict[str, Law] = {}
    for table in tables:
        for text, windows in _rows(table):
            for name, expression in _texts(text):
                for words in _words(windows, pairs="{b}" in expression):
                    law = expression.format(**words)
                    found.setdefault(law, Law(name.format(**words), law, named(law)))
    return tuple(found.values())


def _texts(text: str) -> Iterable[tuple[str, str]]:
    name, _, expression = text.partition(" | ")
    if expression:
        return [(name, expression.strip())]
    pairs = combinations(text.split(" <= "), 2)
    return [(_at_most(low, high), f"{low} <= {high}") for low, high in pairs]


def _at_most(low: str, high: str) -> str:
    family, _, short = low.partition(".")
    return f"{family}: {short} at most {high.removeprefix(f'{family}.')}"


def _words(windows: list[str], *, pairs: bool) -> Iterator[dict[str, str | int]]:
    """What replaces `{n}`, or `{a}` and `{b}`: each window, or each with any longer one."""
    if pairs:
        for a, b in combinations(windows, 2):
            yield {"a": a, "b": b, "more": _length(b) - _length(a)}
    else:
        for n in windows or ("",):
            yield {"n": n, "length": _length(n)}


def _length(window: str) -> int:
    digits = window.rstrip("dm")
    return int(digits) if digits.isdigit() else 0


def _of(kind: str, *, counted: str, summed: str) -> str:
    text = _TABLES.of_months.replace("KIND", kind)
    return text.replace("COUNTED", counted).replace("SUMMED", summed)


_OF_INCOME = _of("income", counted="months", summed="statistics")
_OF_CONTRIBUTIONS = _of("contributions", counted="records", summed="amounts")
LAWS = _laws((_OF_INCOME, _TABLES.income, _OF_CONTRIBUTIONS, _TABLES.others))
"""Every law of the catalogue, family by family."""


def _together() -> Iterator[tuple[str, ...]]:
    for text, windows in _rows(_TABLES.together):
        family, _, names = text.partition(": ")
        for n in windows or ("",):
            yield tuple(f"{family}.{name.format(n=n)}" for name in names.split())


TOGETHER: tuple[tuple[str, ...], ...] = tuple(_together())
"""Groups of factors of which all are known, all are absent, or a failure hides all."""

_DEBT = "liabilities.monthly_amortization / income.conservative_6m"
DEFINITIONS = (Definition("liabilities.scheme_debt_to_income", _DEBT, named(_DEBT)),)
"""Factors that are computed from the values of others alone."""
