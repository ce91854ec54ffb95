"""Which rows of a table count, as terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from decision_service.language.encoding.encoded import Encoded, Values
from decision_service.language.terms.builder import Builder
from decision_service.language.terms.term import Term
from decision_service.ruleset.constructs.cell_terms import left_open, satisfied
from decision_service.ruleset.constructs.table.model import Grid, Hit, Row


@dataclass(frozen=True, slots=True)
class Lookup:
    """Which rows count and when; `gone` says that none does, for a value that is missing."""

    rows: Sequence[Term]
    gone: Term
    tainted: Term


def lookup_of(grid: Grid, values: Values) -> Lookup:
    """The rows that count for the values."""
    b = values.builder
    asked = [values.read(name.symbol.slot) for name in grid.names]
    sure = [_sure(b, row, asked) for row in grid.rows]
    possible = [_possible(b, row, asked) for row in grid.rows]
    if grid.hit is Hit.FIRST:
        first = _firsts(b, possible)
        open_ = [b.and_(f, b.not_(s)) for f, s in zip(first, sure, strict=True)]
        counts = [b.and_(f, s) for f, s in zip(first, sure, strict=True)]
    else:
        open_ = [b.and_(p, b.not_(s)) for p, s in zip(possible, sure, strict=True)]
        counts = sure
    lowest = _firsts(b, open_)
    hidden = b.or_(*open_)
    taints = [
        b.and_(low, _taint(b, row, asked)) for low, row in zip(lowest, grid.rows, strict=True)
    ]
    amiss = b.and_(b.not_(hidden), _amiss(b, grid.hit, counts))
    gone = b.or_(hidden, amiss)
    rows = [b.and_(count, b.not_(gone)) for count in counts]
    return Lookup(rows, gone, b.or_(amiss, *taints))


def _sure(b: Builder, row: Row, asked: Sequence[Encoded]) -> Term:
    return b.and_(*(satisfied(b, c, v) for c, v in zip(row.cells, asked, strict=True)))


def _possible(b: Builder, row: Row, asked: Sequence[Encoded]) -> Term:
    pairs = list(zip(row.cells, asked, strict=True))
    return b.and_(*(b.or_(satisfied(b, c, v), left_open(b, c, v)) for c, v in pairs))


def _taint(b: Builder, row: Row, asked: Sequence[Encoded]) -> Term:
    """Whether one of the values that leave the row open is tainted."""
    pairs = list(zip(row.cells, asked, strict=True))
    return b.or_(*(b.and_(left_open(b, c, v), v.tainted) for c, v in pairs))


def _firsts(b: Builder, terms: Sequence[Term]) -> Sequence[Term]:
    """Of each term, whether it is the first that holds."""
    found, before = [], b.false
    for term in terms:
        found.append(b.and_(term, b.not_(before)))
        before = b.or_(before, term)
    return found


def _amiss(b: Builder, hit: Hit, rows: Sequence[Term]) -> Term:
    """Whether no row counts, or several do where one must."""
    if hit is Hit.COLLECT:
        return b.false
    none, several, before = b.not_(b.or_(*rows)), b.false, b.false
    for row in rows:
        several = b.or_(several, b.and_(before, row))
        before = b.or_(before, row)
    return b.or_(none, several)
