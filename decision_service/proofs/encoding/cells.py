"""Cells as terms: whether a value satisfies one."""

from __future__ import annotations

from decision_service.proofs.encoding.encoded import Encoded, absent, literal
from decision_service.proofs.terms.builder import Builder
from decision_service.proofs.terms.term import Term
from decision_service.ruleset.analysis.regions import ValueRange
from decision_service.ruleset.constructs.cells import Cell, CellKind


def covered(b: Builder, cell: Cell, term: Term) -> Term:
    """Whether a present value satisfies a cell."""
    if cell.sort is CellKind.ANYTHING:
        return b.true
    if cell.sort is CellKind.SPANS:
        return b.or_(*(_within(b, span, term) for span in cell.spans))
    return b.or_(*(b.eq(term, literal(b, label)) for label in cell.labels))


def satisfied(b: Builder, cell: Cell, value: Encoded) -> Term:
    """Whether a value, or its absence, satisfies a cell."""
    if cell.sort is CellKind.ANYTHING:
        return b.true
    if cell.sort is CellKind.MISSING:
        return absent(b, value)
    return b.and_(b.not_(value.gone), covered(b, cell, value.term))


def left_open(b: Builder, cell: Cell, value: Encoded) -> Term:
    """Whether a value that is not there leaves a cell UNKNOWN."""
    if cell.sort is CellKind.ANYTHING:
        return b.false
    return value.tainted if cell.sort is CellKind.MISSING else value.gone


def _within(b: Builder, span: ValueRange, term: Term) -> Term:
    found = b.true
    if span.low is not None:
        low = literal(b, span.low)
        found = b.lt(low, term) if span.open_low else b.le(low, term)
    if span.high is not None:
        high = literal(b, span.high)
        found = b.and_(found, b.lt(term, high) if span.open_high else b.le(term, high))
    return found
