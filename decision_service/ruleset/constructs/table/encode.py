"""Tables as terms."""

from __future__ import annotations

from collections.abc import Sequence

from decision_service.domain.verdict import Outcome
from decision_service.language.encoding.arithmetic import least
from decision_service.language.encoding.encoded import Encoded, Values, first_of, present
from decision_service.language.encoding.expressions import encode
from decision_service.language.terms.builder import Builder
from decision_service.language.terms.term import Term
from decision_service.ruleset.constructs.table.encode_lookup import Lookup, lookup_of
from decision_service.ruleset.constructs.table.model import Aggregate, Grid, Hit
from decision_service.ruleset.program.encoded import EncodedState

_WORST_FIRST = (Outcome.DECLINE, Outcome.REFER, Outcome.APPROVE)


def encode_grid(grid: Grid, reads: frozenset[int], state: EncodedState) -> None:
    """Set the outputs, and conclude where rows have outcomes."""
    b, behind = state.builder, state.behind(reads)
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
