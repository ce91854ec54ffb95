"""Facts of shipped cases with a few changes, and with one factor from its worst to its best."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.domain.factor import Better, FactorSpec, FactorValue, ValueType
from decision_service.domain.values import Missing, Money, exponent
from decision_service.rules.ranges import ValueRange
from decision_service.rules.reach import implied

_FIGURE = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?![\w.-])")
_ORDERED = frozenset({ValueType.INTEGER, ValueType.NUMBER, ValueType.MONEY})
_SMALL = frozenset(Decimal(n) for n in range(31))


def movable(ruleset, specs: Mapping[str, FactorSpec]) -> list[str]:
    """The factors of a ruleset of which it is known which way is better."""
    return [n for n in ruleset.needs.factors if _moves(specs[n])]


def _moves(spec: FactorSpec) -> bool:
    return spec.better is not Better.NONE and (spec.type in _ORDERED or spec.type is ValueType.FLAG)


@st.composite
def changed(draw, given, specs: Mapping[str, FactorSpec], text: str, currency: str):
    """A case's factor values with a few others, often at a figure of the rules, or missing."""
    near, changes = figures(text), {}
    for name in draw(st.lists(st.sampled_from(sorted(given)), max_size=4, unique=True)):
        if draw(st.integers(0, 2)) == 0:
            missing = Missing(draw(st.sampled_from(sorted(specs[name].causes))))
            changes[name] = FactorValue(name, None, (missing,))
        else:
            changes[name] = FactorValue(name, draw(_values(specs[name], near, currency)))
    return {**given, **changes}


def figures(text: str) -> list[Decimal]:
    """The figures of a rule file with their neighbours, and small counts."""
    found = {Decimal(figure) for figure in _FIGURE.findall(text)}
    return sorted({figure + by for figure in found for by in (-1, 0, 1)} | found | _SMALL)


def _values(spec: FactorSpec, near: list[Decimal], currency: str) -> st.SearchStrategy:
    match spec.type:
        case ValueType.TEXT:
            return st.sampled_from(spec.labels or ("other",))
        case ValueType.FLAG:
            return st.booleans()
        case ValueType.DATE:
            return st.dates()
    return st.sampled_from(near).map(lambda x: _typed(spec, _bounded(spec, x), currency))


def _bounded(spec: FactorSpec, value: Decimal) -> Decimal:
    low = value if spec.lower is None else max(value, spec.lower)
    return low if spec.upper is None else min(low, spec.upper)


def _typed(spec: FactorSpec, value: Decimal, currency: str):
    if spec.type is ValueType.INTEGER:
        return int(value)
    if spec.type is ValueType.MONEY:
        return Money(currency, int(value.scaleb(exponent(currency))))
    return value


def ladder(given, name: str, specs: Mapping[str, FactorSpec], near: list[Decimal], currency: str):
    """The facts with one factor at each of many values, from the worst to the best.

    What follows from it goes along: a count that the catalogue derives from it by as many, a
    count of months as far as another window's count bounds it, and the months that are proved: a
    month more is a month with proof, since one without may be asked about.
    """
    spec = specs[name]
    if spec.type is ValueType.FLAG:
        steps = [False, True]
    else:
        steps = [_typed(spec, x, currency) for x in sorted({_bounded(spec, x) for x in near})]
    ordered = steps if spec.better is Better.UP else steps[::-1]
    return [_at(given, name, value, specs) for value in ordered]


def _at(given, name: str, value, specs: Mapping[str, FactorSpec]):
    moved = {**given, name: replace(given[name], value=value)}
    for other, found in given.items():
        if other != name and found.value.__class__ is int and value.__class__ is int:
            count = _following(other, found.value, name, value - given[name].value, specs)
            span = implied(name, Decimal(value), other)
            count = count if span is None else _within(Decimal(count), span)
            moved[other] = replace(found, value=int(_bounded(specs[other], Decimal(count))))
    return moved if "backed_" in name else {**moved, **_proved(given, moved)}


def _proved(given, moved):
    """Months and months with proof of each window, so that as many as before are without proof."""
    found = {}
    for backed, before in given.items():
        months = backed.replace("backed_", "", 1)
        counts = (before.value, moved[months].value if months in moved else None)
        if months == backed or any(count.__class__ is not int for count in counts):
            continue
        unproved = max(0, given[months].value - before.value)
        most = max(moved[months].value, unproved)
        found[months] = replace(moved[months], value=most)
        found[backed] = replace(before, value=most - unproved)
    return found


def _following(other: str, count: int, name: str, by: int, specs) -> int:
    """A count that is derived from the one that moved, moved as far in its own direction."""
    spec = specs[other]
    if name not in spec.derived_from or spec.better is Better.NONE:
        return count
    return count + by if spec.better is specs[name].better else count - by


def _within(count: Decimal, span: ValueRange) -> Decimal:
    least = max(count, span.low)
    return least if span.high is None else min(least, span.high)
