"""Rules, scorecards, tables and offers as terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial, singledispatch
from itertools import combinations

from decision_service.author.proofs.encoding import (
    Encoded,
    NotEncodable,
    Values,
    absent,
    either,
    encode,
    fails,
    first_of,
    holds,
    literal,
    present,
    strictly,
)
from decision_service.author.proofs.state import EncodedState, ScoreMark
from decision_service.author.proofs.terms import Builder, Sort, Term
from decision_service.domain.decision import Outcome
from decision_service.domain.factor import ValueType
from decision_service.domain.values import LARGEST_AMOUNT, exponent
from decision_service.rules.cells import Cell, CellKind
from decision_service.rules.construct import MOST_WORLDS, Runner
from decision_service.rules.keys import AMOUNT, MINIMUM, Hit
from decision_service.rules.knockouts import ConditionsRunner, Rule, RulesRunner
from decision_service.rules.language.types import Node, reads
from decision_service.rules.offer import OfferLine, OfferRunner, Terms
from decision_service.rules.ranges import ValueRange
from decision_service.rules.scorecard import Band, Card, Characteristic, ScorecardRunner
from decision_service.rules.stages import ConditionalRunner
from decision_service.rules.table import Grid, TableRunner

Effect = dict[Outcome, Term]
Possible = Mapping[Decimal, Term]
_WORST_FIRST = (Outcome.DECLINE, Outcome.REFER, Outcome.APPROVE)
_RANK = {Outcome.APPROVE: 2, Outcome.REFER: 1, Outcome.DECLINE: 0}
_MOST_TOTALS = 3_000
_MOST_CHARACTERISTICS = 14
_LARGEST_WHOLE = 10**34


def encode_rules(runner: RulesRunner, state: EncodedState) -> None:
    b = state.builder
    for each in runner.ready:
        if each.rule.then is None:
            continue
        truth = encode(each.when, state)
        effect = _effect(b, each.rule, each.rule.then, truth=truth)
        behind = state.behind(each.slots).marked
        if behind is not b.false:
            agreed = state.agreed(partial(encode, each.when), truth)
            effect = _marked(b, effect, truth, behind=behind, agreed=agreed)
        for outcome, found in effect.items():
            state.find(outcome, found)


def _effect(b: Builder, rule: Rule, then: Outcome, truth: Encoded) -> Effect:
    effect = dict.fromkeys(_WORST_FIRST, b.false)
    effect[then] = holds(b, truth)
    effect[Outcome.REFER] = b.or_(effect[Outcome.REFER], truth.tainted)
    if rule.when_missing is not None:
        effect[rule.when_missing] = b.or_(effect[rule.when_missing], absent(b, truth))
    return effect


def _marked(b: Builder, effect: Effect, truth: Encoded, behind: Term, agreed: Term) -> Effect:
    """The effect where a score has bounds: no decline, and a referral unless all totals agree."""
    declines = effect[Outcome.DECLINE]
    refers = effect[Outcome.REFER]
    kept = b.or_(b.and_(refers, truth.is_missing), b.and_(b.not_(declines), agreed))
    stays = b.or_(b.not_(behind), kept)
    return {
        Outcome.DECLINE: b.and_(declines, b.not_(behind)),
        Outcome.REFER: b.or_(b.and_(refers, stays), b.not_(stays)),
        Outcome.APPROVE: b.and_(effect[Outcome.APPROVE], stays),
    }


def covered(b: Builder, cell: Cell, term: Term) -> Term:
    if cell.sort is CellKind.ANYTHING:
        return b.true
    if cell.sort is CellKind.SPANS:
        return b.or_(*(_within(b, span, term) for span in cell.spans))
    return b.or_(*(b.eq(term, literal(b, label)) for label in cell.labels))


def satisfied(b: Builder, cell: Cell, value: Encoded) -> Term:
    if cell.sort is CellKind.ANYTHING:
        return b.true
    if cell.sort is CellKind.MISSING:
        return absent(b, value)
    return b.and_(b.not_(value.is_missing), covered(b, cell, value.term))


def left_open(b: Builder, cell: Cell, value: Encoded) -> Term:
    if cell.sort is CellKind.ANYTHING:
        return b.false
    return value.tainted if cell.sort is CellKind.MISSING else value.is_missing


def _within(b: Builder, span: ValueRange, term: Term) -> Term:
    found = b.true
    if span.low is not None:
        low = literal(b, span.low)
        found = b.lt(low, term) if span.open_low else b.le(low, term)
    if span.high is not None:
        high = literal(b, span.high)
        found = b.and_(found, b.lt(term, high) if span.open_high else b.le(term, high))
    return found


def encode_card(runner: ScorecardRunner, state: EncodedState) -> None:
    b = state.builder
    card = runner.card
    scored = [points_of(each, state) for each in card.characteristics]
    totals = _totals(b, card, scored)
    bands = [_in_band(b, card, totals, band=band) for band in card.bands]
    _put(card, totals, bands, state=state)
    bounded = b.or_(*(one.bounded for one in scored))
    tainted = b.or_(*(one.tainted for one in scored))
    state.mark((card.score.slot, card.band.slot), ScoreMark(bounded, tainted))
    _split(card, totals, bands, state=state)
    state.count(_counts(b, card, scored))
    _conclude_card(card, bands, tainted, state=state)


def _in_band(b: Builder, card: Card, totals: Possible, band: Band) -> Term:
    return b.or_(*(when for total, when in totals.items() if card.band_of(total) is band))


def _totals(b: Builder, card: Card, scored: Sequence[EncodedPoints]) -> Possible:
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


def _put(card: Card, totals: Possible, bands: Sequence[Term], state: EncodedState) -> None:
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
    points = [_points_in(each) for each in card.characteristics]
    found: dict[int, list[Term]] = {1: [b.true]}
    for size in range(1, len(open_) + 1):
        for some in combinations(open_, size):
            count = _count([points[i] for i in some])
            found.setdefault(count, []).append(b.and_(*(scored[i].bounded for i in some)))
    return [(count, b.or_(*ways)) for count, ways in sorted(found.items())]


def _points_in(characteristic: Characteristic) -> set[Decimal]:
    return {one.points for one in characteristic.bins}


def _count(points: Sequence[set[Decimal]]) -> int:
    """How many totals characteristics with bounds make; more than are looked at are all alike."""
    totals = {Decimal(0)}
    for some in points:
        totals = {total + more for total in totals for more in some}
        if len(totals) > MOST_WORLDS:
            return MOST_WORLDS + 1
    return len(totals)


def _conclude_card(card: Card, bands: Sequence[Term], tainted: Term, state: EncodedState) -> None:
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


@dataclass(frozen=True, slots=True)
class EncodedPoints:
    """The points that a characteristic can give and when; whether they are bounds, and tainted."""

    points: Mapping[Decimal, Term]
    bounded: Term
    tainted: Term


def points_of(each: Characteristic, state: EncodedState) -> EncodedPoints:
    b = state.builder
    slot = each.name.symbol.slot
    value = state.read(slot)
    mark = state.behind(frozenset({slot}))
    sure = b.not_(b.or_(value.is_missing, mark.marked))
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
    found: list[Term] = []
    for one in each.bins:
        hit = covered(b, one.cell, value.term)
        found.append(b.and_(hit, *(b.not_(before) for before in found)))
    return found


def encode_grid(runner: TableRunner, state: EncodedState) -> None:
    b = state.builder
    grid = runner.grid
    behind = state.behind(runner.reads)
    lookup = lookup_of(grid, state)
    outputs = _outputs(grid, lookup, state)
    rests = behind.marked is not b.false
    worlds = [(w, lookup_of(grid, w)) for _, w in state.worlds] if rests else []
    given = [_outputs(grid, at, world) for world, at in worlds]
    for name, symbol in grid.outputs.items():
        state.put(symbol.slot, outputs[name])
    state.mark([symbol.slot for symbol in grid.outputs.values()], behind)
    for (world, _), values in zip(worlds, given, strict=True):
        world.world.update({grid.outputs[name].slot: value for name, value in values.items()})


def _outputs(grid: Grid, lookup: Lookup, values: Values) -> Mapping[str, Encoded]:
    return {name: _output(grid, name, lookup, values=values) for name in grid.outputs}


def _output(grid: Grid, name: str, lookup: Lookup, values: Values) -> Encoded:
    b = values.builder
    given = [encode(row.gives[name], values) for row in grid.rows]
    found = first_of(b, list(zip(lookup.rows, given, strict=True))[:-1], given[-1])
    hidden = Encoded(b.true, lookup.tainted, found.term)
    return first_of(b, [(lookup.is_missing, hidden)], found)


@dataclass(frozen=True, slots=True)
class Lookup:
    """Which rows count and when; `is_missing` says that none does, for a value that is missing."""

    rows: Sequence[Term]
    is_missing: Term
    tainted: Term


def lookup_of(grid: Grid, values: Values) -> Lookup:
    b = values.builder
    asked = [values.read(name.symbol.slot) for name in grid.names]
    pairs = [list(zip(row.cells, asked, strict=True)) for row in grid.rows]
    sure: list[Term] = []
    possible: list[Term] = []
    for row in pairs:
        surely = [satisfied(b, cell, value) for cell, value in row]
        opened = [left_open(b, cell, value) for cell, value in row]
        sure.append(b.and_(*surely))
        possible.append(b.and_(*map(b.or_, surely, opened)))
    if grid.hit is Hit.FIRST:
        first = _firsts(b, possible)
        open_ = [b.and_(f, b.not_(s)) for f, s in zip(first, sure, strict=True)]
        counts = [b.and_(f, s) for f, s in zip(first, sure, strict=True)]
    else:
        open_ = [b.and_(p, b.not_(s)) for p, s in zip(possible, sure, strict=True)]
        counts = sure
    lowest = _firsts(b, open_)
    hidden = b.or_(*open_)
    taints: list[Term] = []
    for low, row in zip(lowest, pairs, strict=True):
        ways = [b.and_(left_open(b, cell, value), value.tainted) for cell, value in row]
        taints.append(b.and_(low, b.or_(*ways)))
    amiss = b.and_(b.not_(hidden), _amiss(b, counts))
    gone = b.or_(hidden, amiss)
    rows = [b.and_(count, b.not_(gone)) for count in counts]
    return Lookup(rows, gone, b.or_(amiss, *taints))


def _firsts(b: Builder, terms: Sequence[Term]) -> Sequence[Term]:
    found = []
    before = b.false
    for term in terms:
        found.append(b.and_(term, b.not_(before)))
        before = b.or_(before, term)
    return found


def _amiss(b: Builder, rows: Sequence[Term]) -> Term:
    none = b.not_(b.or_(*rows))
    several = b.false
    before = b.false
    for row in rows:
        several = b.or_(several, b.and_(before, row))
        before = b.or_(before, row)
    return b.or_(none, several)


def encode_offer(runner: OfferRunner, state: EncodedState) -> None:
    b = state.builder
    terms = runner.terms
    limits = runner.limits
    lines = list(terms.lines.values())
    for line in lines:
        state.put(line.symbol.slot, encode(line.tree, state))
    given = {name: _rounded(terms, line, state) for name, line in terms.lines.items()}
    for name, line in terms.lines.items():
        state.put(line.symbol.slot, given[name])
    _mark(terms, lines, limits, state=state)
    amount = given[AMOUNT]
    minimum = given.get(MINIMUM)
    hidden = b.or_(amount.is_missing, b.false if minimum is None else minimum.is_missing)
    small, behind = _below(
        b, amount, minimum, shortfall=runner.shortfall, limits=limits, state=state
    )
    nothing = b.and_(b.not_(small), b.le(amount.term, b.number(0)))
    state.find(Outcome.DECLINE, b.and_(b.not_(hidden), small, b.not_(behind)))
    state.find(Outcome.REFER, b.or_(hidden, b.and_(small, behind), nothing))
    state.find(Outcome.REFER, b.or_(*(value.is_missing for value in given.values())))
    refused = b.and_(state.when, b.or_(hidden, small, nothing))
    state.offered = b.and_(state.offered, b.not_(refused))
    state.lines.update(given)


def _below(
    b: Builder,
    amount: Encoded,
    minimum: Encoded | None,
    shortfall: Node | None,
    limits: frozenset[int],
    state: EncodedState,
) -> tuple[Term, Term]:
    behind = state.behind(limits).marked
    if minimum is None or shortfall is None:
        return b.false, behind
    less = b.lt(amount.term, minimum.term)
    if behind is b.false:
        return less, behind

    def holds_not(world: Values) -> Term:
        return fails(b, encode(shortfall, world))

    may_fall = b.not_(state.everywhere(holds_not))
    return b.or_(less, b.and_(behind, may_fall)), behind


def _rounded(terms: Terms, line: OfferLine, values: Values) -> Encoded:
    """Amounts in whole minor units; an amount or an integer beyond all measure is an error."""
    b = values.builder
    value = values.read(line.symbol.slot)
    if line.symbol.type is ValueType.MONEY:
        largest = b.number(LARGEST_AMOUNT.scaleb(exponent(terms.currency)))

        def in_minor_units(term: Term) -> Encoded:
            return _within_amount(b, term, largest, result=b.floor(term, 1))

        return strictly(b, [value], in_minor_units)
    if line.symbol.type is ValueType.INTEGER and value.term.sort is Sort.REAL:
        whole = b.floor(value.term, 1)
        odd = b.not_(b.eq(whole, value.term))
        return strictly(b, [value], lambda _: Encoded(odd, odd, whole))
    if line.symbol.type is ValueType.INTEGER:
        greatest = b.number(_LARGEST_WHOLE)

        def as_it_is(term: Term) -> Encoded:
            return _within_amount(b, term, greatest, result=term)

        return strictly(b, [value], as_it_is)
    return value


def _within_amount(b: Builder, term: Term, largest: Term, result: Term) -> Encoded:
    beyond = b.or_(b.lt(term, b.scaled(largest, -1)), b.lt(largest, term))
    return Encoded(beyond, beyond, result)


def _mark(
    terms: Terms, lines: Sequence[OfferLine], limits: frozenset[int], state: EncodedState
) -> None:
    """Compute the lines in every world, where some rest on a score with bounds."""
    b = state.builder
    needed = state.reads | limits
    for line in lines:
        slot = line.symbol.slot
        behind = state.behind(frozenset(symbol.slot for symbol in reads(line.tree)))
        state.mark((slot,), behind)
        if behind.marked is b.false or slot not in needed:
            continue
        for _, world in state.worlds:
            _compute_in(terms, line, world.world, values=world, behind=behind.marked, b=b)


def _compute_in(
    terms: Terms,
    line: OfferLine,
    world: dict[int, Encoded],
    values: Values,
    behind: Term,
    b: Builder,
) -> None:
    slot = line.symbol.slot
    plain = values.read(slot)
    world[slot] = encode(line.tree, values)
    rounded = _rounded(terms, line, values)
    world[slot] = either(b, behind, rounded, otherwise=plain)


@singledispatch
def encode_part(runner: Runner, _state: EncodedState) -> None:
    """What a part's `run` does, as terms; raises NotEncodable."""
    raise AssertionError(runner)


encode_part.register(OfferRunner, encode_offer)
encode_part.register(RulesRunner, encode_rules)
encode_part.register(ScorecardRunner, encode_card)
encode_part.register(TableRunner, encode_grid)


@encode_part.register
def _encode_conditional(runner: ConditionalRunner, state: EncodedState) -> None:
    b = state.builder
    truth = encode(runner.condition.when, state)
    state.find(Outcome.REFER, truth.is_missing)
    before = state.when
    state.when = b.and_(truth.term, b.not_(truth.is_missing))
    encode_part(runner.inner, state)
    _leave_out(runner, state)
    state.when = before


def _leave_out(runner: ConditionalRunner, state: EncodedState) -> None:
    """Make every output missing where the stage does not run, in every world."""
    b = state.builder
    for slot in (symbol.slot for symbol in runner.outputs):
        for values in (state.values, *(world.world for _, world in state.worlds)):
            if slot in values:
                gone = Encoded(b.true, b.true, values[slot].term)
                values[slot] = either(b, state.when, values[slot], otherwise=gone)


@encode_part.register
def _encode_conditions(runner: ConditionsRunner, state: EncodedState) -> None:
    b = state.builder
    for demand, when, slots in zip(runner.demands, runner.whens, runner.slots, strict=True):
        truth = encode(when, state)
        never = state.everywhere(partial(_fails, when)) if state.rests(slots) else b.true
        possible = b.and_(state.behind(slots).marked, b.not_(never))
        state.find(Outcome.REFER, truth.is_missing)
        state.conditions[demand.id] = b.and_(state.when, b.or_(holds(b, truth), possible))


def _fails(when: Node, values: Values) -> Term:
    return fails(values.builder, encode(when, values))
