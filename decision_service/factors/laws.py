"""Laws between factors: what holds of every applicant whose values are known, and is missing alike.

A law is a condition of the rule language on factors of the catalogue. It says nothing of an
applicant of whom one of its factors is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import combinations

import msgspec

from decision_service.factors.income_laws import CONTRIBUTIONS, INCOME
from decision_service.factors.law_forms import LawText
from decision_service.factors.law_groups import DEFINED, TOGETHER_TEXTS
from decision_service.factors.other_laws import (
    EMPLOYMENT,
    LIABILITIES,
    OTHERS,
    OWN_RECORDS,
    TRANSACTIONS,
)

_NAME = re.compile(r"[a-z]\w*\.[a-z]\w*", re.ASCII)


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


def _laws(texts: Iterable[LawText]) -> Iterator[Law]:
    """The laws of texts, each once: several orders may have a pair of factors in common."""
    found: dict[str, Law] = {}
    for text in texts:
        for words in _windows(text):
            expression = text.expression.format(**words)
            law = Law(text.name.format(**words), expression, named(expression))
            found.setdefault(expression, law)
    yield from found.values()


def _windows(text: LawText) -> Iterator[dict[str, str | int]]:
    """What stands for `{n}`, or for `{a}` and `{b}`: each window, or each with any longer one."""
    if not text.windows:
        yield {}
    elif "{b}" in text.expression:
        for a, b in combinations(text.windows, 2):
            yield {"a": a, "b": b, "more": _length(b) - _length(a)}
    else:
        for n in text.windows:
            yield {"n": n, "length": _length(n)}


def _length(window: str) -> int:
    digits = window.rstrip("dm")
    return int(digits) if digits.isdigit() else 0


def _together() -> Iterator[tuple[str, ...]]:
    for family, names, windows in TOGETHER_TEXTS:
        for n in windows or ("",):
            yield tuple(f"{family}.{name.format(n=n)}" for name in names)


_FAMILIES = (
    INCOME,
    CONTRIBUTIONS,
    TRANSACTIONS,
    EMPLOYMENT,
    LIABILITIES,
    OWN_RECORDS,
    OTHERS,
)

LAWS: tuple[Law, ...] = tuple(law for family in _FAMILIES for law in _laws(family))
"""Every law of the catalogue, family by family."""

TOGETHER: tuple[tuple[str, ...], ...] = tuple(_together())
"""Groups of factors of which all are known, all are absent, or a failure hides all."""

DEFINITIONS: tuple[Definition, ...] = tuple(
    Definition(factor, expression, named(expression)) for factor, expression in DEFINED
)
"""Factors that are computed from the values of others alone."""
