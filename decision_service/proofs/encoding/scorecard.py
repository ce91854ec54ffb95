"""Scorecards as terms: which totals are possible, by adding one characteristic after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

from decision_service.domain.verdict import Outcome
from decision_service.proofs.encoding.cells import covered
from decision_service.proofs.encoding.encoded import Encoded, NotEncodable, present
from decision_service.proofs.encoding.state import EncodedState, ScoreMark
from decision_service.proofs.terms.builder import Builder
from decision_service.proofs.terms.term import Term
from decision_service.ruleset.constructs.scorecard.model import Card, Characteristic
from decision_service.ruleset.constructs.scorecard.run import ScorecardRunner
from decision_service.ruleset.program.state import MOST_WORLDS

_MOST_TOTALS = 3_000
_MOST_CHARACTERISTICS = 14

Possible = Mapping[Decimal, Term]


def encode_card(runner: ScorecardRunner, state: EncodedState) -> None:
    """Set score and band, split the worlds, and conclude."""
    b, card = state.builder, runner.card
    scored = [points_of(each, state) for each in card.characteristics]
    totals = _totals(b, card, scored)
    bands = [_of_band(b, card, totals, index) for index in range(len(card.bands))]
    _put(card, totals, bands, state)
    bounded, tainted = (b.or_(*(getattr(s, n) for s in scored)) for n in ("bounded", "tainted"))
    state.mark((card.score.slot, card.band.slot), ScoreMark(bounded, tainted))
    _split(card, totals, bands, state)
    state.count(_counts(b, card, scored))
    _conclude(card, bands, tainted, state)


def _totals(b: Builder, card: Card, scored: Sequence[EncodedPoints]) -> Possible:
    """Every total, lowest first, and when it is possible."""
    totals: dict[Decimal, Term] = {card.base: b.true}
    for each in scored:
        ways: dict[Decimal, list[Term]] = {}
        for total, when in totals.items():
            for more, and_when in each.points.items():
                ways.setdefault(total + more, []).append(b.and_(when, and_when))
        totals = {total: b.or_(*ways[total]) for total in sorted(ways)}
        if len(totals) > _MOST_TOTALS:
            raise NotEncodable(f"the scorecard `{card.id}`, which has too many totals")
    return totals


def _of_band(b: Builder, card: Card, totals: Possible, index: int) -> Term:
    """Whether a band is possible."""
    wanted = card.bands[index]
    return b.or_(*(when for total, when in totals.items() if card.band_of(total) is wanted))


def _put(card: Card, totals: Possible, bands: Sequence[Term], state: EncodedState) -> None:
    """The lowest total that is possible and its band."""
    b = state.builder
    lowest = b.chosen([(when, b.number(total)) for total, when in totals.items()])
    names = [b.text(band.name) for band in card.bands]
    worst = b.chosen(list(zip(bands[::-1], names[::-1], strict=True)))
    state.put(card.score.slot, present(b, lowest))
    state.put(card.band.slot, present(b, worst))


def _split(card: Card, totals: Possible, bands: Sequence[Term], state: EncodedState) -> None:
    """A world for each band, or for each total where anything reads the score."""
    b = state.builder
    if card.score.slot not in state.reads:
        pairs = zip(bands, card.bands, strict=True)
        worlds: list[tuple[Term, Mapping[int, Encoded]]] = [
            (when, {card.band.slot: present(b, b.text(band.name))}) for when, band in pairs
        ]
    else:
        worlds = [(when, _world(b, card, total)) for total, when in totals.items()]
    state.split([(when, world) for when, world in worlds if when is not b.false])


def _world(b: Builder, card: Card, total: Decimal) -> Mapping[int, Encoded]:
    band = b.text(card.band_of(total).name)
    return {card.score.slot: present(b, b.number(total)), card.band.slot: present(b, band)}


def _counts(b: Builder, card: Card, scored: Sequence[EncodedPoints]) -> Sequence[tuple[int, Term]]:
    """From how many totals on there are so many, by which characteristics have bounds."""
    open_ = [i for i, s in enumerate(scored) if s.bounded is not b.false]
    if len(open_) > _MOST_CHARACTERISTICS:
        raise NotEncodable(f"the scorecard `{card.id}`, which has too many characteristics")
    points = [{one.points for one in each.bins} for each in card.characteristics]
    found: dict[int, list[Term]] = {1: [b.true]}
    for size in range(1, len(open_) + 1):
        for some in combinations(open_, size):
            count = _count([points[i] for i in some])
            found.setdefault(count, []).append(b.and_(*(scored[i].bounded for i in some)))
    return [(count, b.or_(*ways)) for count, ways in sorted(found.items())]


def _count(points: Sequence[set[Decimal]]) -> int:
    """How many totals characteristics with bounds make; more than are looked at are all alike."""
    totals = {Decimal(0)}
    for some in points:
        totals = {total + more for total in totals for more in some}
        if len(totals) > MOST_WORLDS:
            return MOST_WORLDS + 1
    return len(totals)


def _conclude(card: Card, bands: Sequence[Term], tainted: Term, state: EncodedState) -> None:
    b = state.builder
    outcomes = [b.number(_RANK[band.then]) for band in card.bands]
    worst = b.chosen(list(zip(bands[::-1], outcomes[::-1], strict=True)))
    best = b.chosen(list(zip(bands, outcomes, strict=True)))
    approved = b.and_(_is(b, worst, Outcome.APPROVE), b.not_(tainted))
    declined = b.and_(b.not_(approved), _is(b, best, Outcome.DECLINE))
    state.find(Outcome.APPROVE, approved)
    state.find(Outcome.DECLINE, declined)
    state.find(Outcome.REFER, b.not_(b.or_(approved, declined)))


def _is(b: Builder, rank: Term, outcome: Outcome) -> Term:
    return b.eq(rank, b.number(_RANK[outcome]))


_RANK = {Outcome.APPROVE: 2, Outcome.REFER: 1, Outcome.DECLINE: 0}


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
