"""The points that a characteristic of a scorecard can give, as terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from decision_service.language.encoding.encoded import Encoded
from decision_service.language.terms.builder import Builder
from decision_service.language.terms.term import Term
from decision_service.ruleset.constructs.cell_terms import covered
from decision_service.ruleset.constructs.scorecard.model import Characteristic
from decision_service.ruleset.program.encoded import EncodedState


@dataclass(frozen=True, slots=True)
class EncodedPoints:
    """The points that a characteristic can give and when; whether they are bounds, and tainted."""

    points: Mapping[Decimal, Term]
    bounded: Term
    tainted: Term


def points_of(each: Characteristic, state: EncodedState) -> EncodedPoints:
    """The points for any value, and for a missing one."""
    b, slot = state.builder, each.name.symbol.slot
    value, mark = state.read(slot), state.behind(frozenset({slot}))
    sure = b.not_(b.or_(value.gone, mark.marked))
    hits = _hits(b, each, value)
    no_bin = b.and_(sure, b.not_(b.or_(*hits)))
    failed = b.ite(mark.marked, mark.tainted, b.or_(value.tainted, no_bin))
    unsure = b.or_(b.not_(sure), no_bin)
    fixed = b.false if each.fixed is None else b.and_(unsure, b.not_(failed))
    bounded = b.and_(unsure, b.not_(fixed))
    points: dict[Decimal, Term] = {}
    for one, hit in zip(each.bins, hits, strict=True):
        points[one.points] = b.or_(points.get(one.points, b.false), b.and_(sure, hit), bounded)
    if each.fixed is not None:
        points[each.fixed] = b.or_(points.get(each.fixed, b.false), fixed)
    return EncodedPoints(points, bounded, b.and_(bounded, failed))


def _hits(b: Builder, each: Characteristic, value: Encoded) -> Sequence[Term]:
    """Of each bin, whether it is the first that has the value."""
    found: list[Term] = []
    for one in each.bins:
        hit = covered(b, one.cell, value.term)
        found.append(b.and_(hit, *(b.not_(before) for before in found)))
    return found
