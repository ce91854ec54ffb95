"""Tables as terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from decision_service.domain.verdict import Outcome
from decision_service.proofs.encoding.arithmetic import least
from decision_service.proofs.encoding.cells import left_open, satisfied
from decision_service.proofs.encoding.encoded import Encoded, Values, first_of, present
from decision_service.proofs.encoding.expressions import encode
from decision_service.proofs.encoding.state import EncodedState
from decision_service.proofs.terms.builder import Builder
from decision_service.proofs.terms.term import Term
from decision_service.ruleset.constructs.table.model import Aggregate, Grid, Hit, Row
from decision_service.ruleset.constructs.table.run import TableRunner

_WORST_FIRST = (Outcome.DECLINE, Outcome.REFER, Outcome.APPROVE)


def encode_grid(runner: TableRunner, state: EncodedState) -> None:
    """Set the outputs, and conclude where rows have outcomes."""
    b, grid, behind = state.builder, runner.grid, state.behind(runner.reads)
    lookup = lookup_of(grid, state)
    outputs = {name: _output(grid, name, lookup, state) for name in grid.outputs}
    found = _outcomes(b, grid, lookup)
    rests = behind.marked is not b.false
    worlds = [(w, lookup_of(grid, w)) for _, w in state.worlds] if rests else []
    given = [{n: _output(grid, n, at, w) for n in grid.outputs} for w, at in worlds]
    for name, symbol in grid.outputs.items():
        state.put(symbol.slot, outputs[name])
    state.mark([symbol.slot for symbol in grid.outputs.values()], behind)
    for (world, _), values in zip(worlds, given, strict=True):
        world.world.update({grid.outputs[name].slot: value for name, value in values.items()})
    if grid.concludes:
        lookups = [_outcomes(b, grid, at) for _, at in worlds]
        _conclude(found, lookups, behind.marked, state)


def _output(grid: Grid, name: str, lookup: Lookup, values: Values) -> Encoded:
    b = values.builder
    given = [encode(row.gives[name], values) for row in grid.rows]
    if grid.hit is Hit.COLLECT:
        found = _joined(b, grid.aggregates[name], lookup.rows, given)
    else:
        found = first_of(b, list(zip(lookup.rows, given, strict=True))[:-1], given[-1])
    hidden = Encoded(b.true, lookup.tainted, found.term)
    return first_of(b, [(lookup.gone, hidden)], found)


def _joined(b: Builder, how: Aggregate, rows: Sequence[Term], given: Sequence[Encoded]) -> Encoded:
    """The values of all rows that count as one."""
    pairs = list(zip(rows, given, strict=True))
    if how is Aggregate.COUNT:
        return present(b, _sum(b, [b.ite(row, b.number(1), b.number(0)) for row in rows]))
    gone = b.or_(*(b.and_(row, value.gone) for row, value in pairs))
    tainted = b.or_(*(b.and_(row, value.tainted) for row, value in pairs))
    if how is Aggregate.SUM:
        total = _sum(b, [b.ite(row, value.term, b.number(0)) for row, value in pairs])
        return Encoded(gone, tainted, total)
    nothing = b.not_(b.or_(*rows))
    return Encoded(b.or_(gone, nothing), tainted, _extreme(b, pairs, how))


def _sum(b: Builder, terms: Sequence[Term]) -> Term:
    total = b.number(0)
    for term in terms:
        total = b.add(total, term)
    return total


def _extreme(b: Builder, pairs: Sequence[tuple[Term, Encoded]], how: Aggregate) -> Term:
    """The least or largest value of the rows that count."""
    any_, result = pairs[0][0], pairs[0][1].term
    for row, value in pairs[1:]:
        both = least(b, (result, value.term), largest=how is Aggregate.MAX)
        result = b.ite(row, b.ite(any_, both, value.term), result)
        any_ = b.or_(any_, row)
    return result


def _outcomes(b: Builder, grid: Grid, lookup: Lookup) -> dict[Outcome, Term]:
    """The worst outcome of the rows that count; a referral where a value is missing."""
    rows = list(zip(lookup.rows, grid.rows, strict=True))
    found, worse = {}, b.false
    for outcome in _WORST_FIRST:
        some = b.or_(*(when for when, row in rows if row.outcome is outcome))
        found[outcome] = b.and_(some, b.not_(worse), b.not_(lookup.gone))
        worse = b.or_(worse, some)
    found[Outcome.REFER] = b.or_(found[Outcome.REFER], lookup.gone)
    return found


def _conclude(
    found: dict[Outcome, Term],
    worlds: Sequence[dict[Outcome, Term]],
    behind: Term,
    state: EncodedState,
) -> None:
    """The outcome; where the worlds differ, or one declines, a referral."""
    b = state.builder
    pairs = list(zip(state.worlds, worlds, strict=False))
    alike = [
        b.implies(possible, b.and_(*(b.eq(found[o], other[o]) for o in _WORST_FIRST)))
        for (possible, _), other in pairs
    ]
    certain = b.and_(b.not_(state.crowded), *alike, b.not_(found[Outcome.DECLINE]))
    stays = b.or_(b.not_(behind), certain)
    for outcome in _WORST_FIRST:
        state.find(outcome, b.and_(found[outcome], stays))
    state.find(Outcome.REFER, b.not_(stays))


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
