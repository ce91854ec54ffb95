"""Offers as terms."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from decision_service.domain.factor import ValueType
from decision_service.domain.money import LARGEST_AMOUNT, exponent
from decision_service.domain.verdict import Outcome
from decision_service.language.expressions.tree import Node, reads
from decision_service.proofs.encoding.encoded import Encoded, Values, either, fails, strictly
from decision_service.proofs.encoding.expressions import encode
from decision_service.proofs.encoding.state import EncodedState
from decision_service.proofs.terms.builder import Builder
from decision_service.proofs.terms.term import Sort, Term
from decision_service.ruleset.constructs.offer.model import AMOUNT, MINIMUM, OfferLine, Terms
from decision_service.ruleset.constructs.offer.run import OfferRunner

_LARGEST_WHOLE = 10**34


def encode_offer(runner: OfferRunner, state: EncodedState) -> None:
    """Compute the lines and judge the amount."""
    b, terms, limits = state.builder, runner.terms, runner.limits
    lines = list(terms.lines.values())
    for line in lines:
        state.put(line.symbol.slot, encode(line.tree, state))
    given = {name: _rounded(terms, line, state) for name, line in terms.lines.items()}
    for name, line in terms.lines.items():
        state.put(line.symbol.slot, given[name])
    _mark(terms, lines, limits, state)
    amount = given[AMOUNT]
    minimum = given.get(MINIMUM)
    hidden = b.or_(amount.gone, b.false if minimum is None else minimum.gone)
    small, behind = _below(b, amount, minimum, runner.shortfall, limits, state)
    nothing = b.and_(b.not_(small), b.le(amount.term, b.number(0)))
    state.find(Outcome.DECLINE, b.and_(b.not_(hidden), small, b.not_(behind)))
    state.find(Outcome.REFER, b.or_(hidden, b.and_(small, behind), nothing))
    state.find(Outcome.REFER, b.or_(*(value.gone for value in given.values())))
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
    """Whether the amount is, or may be, below the minimum; whether it rests on bounds."""
    behind = state.behind(limits).marked
    if minimum is None or shortfall is None:
        return b.false, behind
    less = b.lt(amount.term, minimum.term)
    if behind is b.false:
        return less, behind
    encoded = partial(encode, shortfall)
    may_fall = b.not_(state.everywhere(lambda world: fails(b, encoded(world))))
    return b.or_(less, b.and_(behind, may_fall)), behind


def _rounded(terms: Terms, line: OfferLine, values: Values) -> Encoded:
    """Amounts in whole minor units; an amount or an integer beyond all measure is an error."""
    b, value = values.builder, values.read(line.symbol.slot)
    if line.symbol.type is ValueType.MONEY:
        largest = b.number(LARGEST_AMOUNT.scaleb(exponent(terms.currency)))
        return strictly(b, [value], lambda t: _within(b, t, largest, b.floor(t, 1)))
    if line.symbol.type is ValueType.INTEGER and value.term.sort is Sort.REAL:
        whole = b.floor(value.term, 1)
        odd = b.not_(b.eq(whole, value.term))
        return strictly(b, [value], lambda _: Encoded(odd, odd, whole))
    if line.symbol.type is ValueType.INTEGER:
        largest = b.number(_LARGEST_WHOLE)
        return strictly(b, [value], lambda t: _within(b, t, largest, t))
    return value


def _within(b: Builder, term: Term, largest: Term, result: Term) -> Encoded:
    beyond = b.or_(b.lt(term, b.scaled(largest, -1)), b.lt(largest, term))
    return Encoded(beyond, beyond, result)


def _mark(
    terms: Terms, lines: Sequence[OfferLine], limits: frozenset[int], state: EncodedState
) -> None:
    """Compute the lines in every world, where some rest on a score with bounds."""
    b, needed = state.builder, state.reads | limits
    for line in lines:
        slot = line.symbol.slot
        behind = state.behind(frozenset(symbol.slot for symbol in reads(line.tree)))
        state.mark((slot,), behind)
        if behind.marked is b.false or slot not in needed:
            continue
        for _, world in state.worlds:
            _compute_in(terms, line, world.world, world, behind.marked, b)


def _compute_in(
    terms: Terms,
    line: OfferLine,
    world: dict[int, Encoded],
    values: Values,
    behind: Term,
    b: Builder,
) -> None:
    """A line in one world; there it sees earlier lines rounded."""
    slot = line.symbol.slot
    plain = values.read(slot)
    world[slot] = encode(line.tree, values)
    rounded = _rounded(terms, line, values)
    world[slot] = either(b, behind, rounded, plain)
