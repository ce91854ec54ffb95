"""Expressions as terms: what evaluation computes of one person, of all people at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import partial
from itertools import product
from typing import Any, Protocol

from decision_service.author.proofs.terms import (
    PRODUCT,
    QUOTIENT,
    Builder,
    Exact,
    Function,
    Sort,
    Term,
    any_constant,
    as_decimal,
    fits,
    kept,
)
from decision_service.rules.language import types as tree
from decision_service.rules.language import values as arithmetic
from decision_service.rules.language.types import Node
from decision_service.rules.language.values import Undefined, Unknown, exactly

Apply = Callable[..., Any]

MOST_COMBINATIONS = 400
"""Combinations of constants that are tabulated; of more, nothing is known."""

UNBOUNDED = Fraction(10) ** 6145
"""What no number of the rule language reaches."""

PRESENT, ABSENT, TAINTED = range(3)
"""Whether a function has a result."""

_FIRST_DAY = 1
_LAST_DAY = 3_652_059
_MANY = 10**16
_SIGNS = (1, -1)
_LEAST_RATE = Fraction(1, 10**15)
_TABULATED: Mapping[str, Apply] = {"exp": arithmetic.exponential, "ln": arithmetic.logarithm}


def _sum(left: Any, right: Any) -> Any:
    return as_decimal(left) + right


def _difference(left: Any, right: Any) -> Any:
    return as_decimal(left) - right


_COMPUTED = {
    "+": _sum,
    "-": _difference,
    "*": arithmetic.product,
    "/": arithmetic.quotient,
}


class NotEncodable(Exception):
    """A part of the rules that terms cannot say; the message names the part."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One value; of one that `is_missing` the `term` means nothing. `tainted` implies that.

    Money is in minor units, a date is its ordinal, a text its number among the builder's texts.
    """

    is_missing: Term
    tainted: Term
    term: Term


class Values(Protocol):
    """The values of a ruleset by slot, of any person."""

    @property
    def builder(self) -> Builder:
        """The builder of their terms."""

    def read(self, slot: int) -> Encoded:
        """The value in a slot."""


def present(b: Builder, term: Term) -> Encoded:
    return Encoded(b.false, b.false, term)


def literal(b: Builder, value: Any) -> Term:
    if isinstance(value, bool):
        return b.truth(value)
    if isinstance(value, str):
        return b.text(value)
    return b.number(value.toordinal() if isinstance(value, date) else value)


def known(b: Builder, value: Any) -> Encoded:
    """A value of an evaluation; None of a part that did not run."""
    if value is None or isinstance(value, Unknown):
        return Encoded(b.true, b.truth(value is not None and value.tainted), b.number(0))
    return present(b, literal(b, value))


def absent(b: Builder, value: Encoded) -> Term:
    """Whether a value is missing and not tainted."""
    return b.and_(value.is_missing, b.not_(value.tainted))


def holds(b: Builder, value: Encoded) -> Term:
    return b.and_(b.not_(value.is_missing), value.term)


def fails(b: Builder, value: Encoded) -> Term:
    return b.and_(b.not_(value.is_missing), b.not_(value.term))


def either(b: Builder, condition: Term, then: Encoded, otherwise: Encoded) -> Encoded:
    return Encoded(
        b.ite(condition, then.is_missing, otherwise.is_missing),
        b.ite(condition, then.tainted, otherwise.tainted),
        b.ite(condition, then.term, otherwise.term),
    )


def strictly(
    b: Builder, values: Sequence[Encoded], result: Callable[..., Encoded | Term]
) -> Encoded:
    """A result that is missing as soon as one of the values is."""
    gone = b.or_(*(v.is_missing for v in values))
    found = result(*(v.term for v in values))
    own = found if isinstance(found, Encoded) else present(b, found)
    tainted = b.or_(*(v.tainted for v in values), b.and_(b.not_(gone), own.tainted))
    return Encoded(b.or_(gone, own.is_missing), tainted, own.term)


def first_of(b: Builder, cases: Iterable[tuple[Term, Encoded]], otherwise: Encoded) -> Encoded:
    result = otherwise
    for when, value in reversed(list(cases)):
        result = either(b, when, value, otherwise=result)
    return result


def folded(b: Builder, function: Apply, args: Sequence[Term]) -> Encoded:
    """A function of constants, as evaluation computes it; other arguments count as 1."""
    given = [as_decimal(a.value) if a.constant else Decimal(1) for a in args]
    with exactly():
        state, result = outcome(function, given)
    if state == PRESENT:
        return present(b, literal(b, result))
    return Encoded(b.true, b.truth(state == TAINTED), b.number(0))


def outcome(function: Apply, given: Sequence[Any]) -> tuple[int, Any]:
    try:
        return PRESENT, function(*given)
    except (ZeroDivisionError, Undefined):
        return ABSENT, 0
    except (ArithmeticError, TypeError, ValueError):
        return TAINTED, 0


def tabulated(b: Builder, function: Apply, args: Sequence[Term]) -> Encoded:
    """A function for every combination of constants; else one of which nothing is known."""
    found = [b.cases(arg) for arg in args]
    known = [cases for cases in found if cases is not None]
    count = 1
    for cases in known:
        count *= len(cases)
    if len(known) < len(found) or count > MOST_COMBINATIONS:
        return _unknown_function(b, function, args)
    results: list[tuple[Term, Encoded]] = []
    for combination in product(*known):
        guard = b.and_(*(when for when, _ in combination))
        terms = [b.number(value) for _, value in combination]
        results.append((guard, folded(b, function, terms)))
    return _one_of(b, results)


def _one_of(b: Builder, results: Sequence[tuple[Term, Encoded]]) -> Encoded:
    gone = b.or_(*(b.and_(w, e.is_missing) for w, e in results))
    tainted = b.or_(*(b.and_(w, e.tainted) for w, e in results))
    return Encoded(gone, tainted, b.chosen([(w, e.term) for w, e in results]))


def _unknown_function(b: Builder, function: Apply, args: Sequence[Term]) -> Encoded:
    """A value, and whether there is one, as functions that a solver knows nothing of."""
    name = function.__name__

    def state(*given: Any) -> int:
        return outcome(function, given)[0]

    def result(*given: Any) -> Any:
        return outcome(function, given)[1]

    nothing = (0,) * len(args)
    what = f"`{name}` of a value that is no constant"
    asked = Function(("state", name), state, nothing, what=what)
    given = Function(("result", name), result, nothing, what=what)
    kind = b.apply(asked, args, PRESENT, TAINTED, Sort.INT)
    value = b.apply(given, args, -UNBOUNDED, UNBOUNDED)
    tainted = b.eq(kind, b.number(TAINTED))
    return Encoded(b.not_(b.eq(kind, b.number(PRESENT))), tainted, value)


def folding(b: Builder, compute: Apply, encoded: Apply) -> Callable[..., Encoded | Term]:
    """An operation that computes constants as evaluation does, and encodes all else."""

    def apply(*given: Term) -> Encoded | Term:
        if all(term.constant for term in given):
            return folded(b, compute, given)
        result: Encoded | Term = encoded(*given)
        return result

    return apply


def times(b: Builder, left: Term, right: Term) -> Term:
    """The product; raises NotEncodable where that of two known ranges may be too large a number."""
    ends = [x * y for x in (left.low, left.high) for y in (right.low, right.high)]
    if max(map(abs, ends)) >= UNBOUNDED > max(left.largest, right.largest):
        raise NotEncodable("a product beyond the largest number")
    for one, other in ((left, right), (right, left)):
        if one.constant:
            exact = b.scaled(other, one.value)
            key = ("product", one.value)
            if one.value in _SIGNS:
                return exact
            compute = _times(one.value)
            return b.rounded(exact, compute, key, (other,), (1 if one.value >= 0 else -1,))
    for one, other in ((left, right), (right, left)):
        cases = b.cases(one)
        if cases is not None:
            pairs = [(when, times(b, b.number(value), other)) for when, value in cases]
            return b.chosen(pairs)
    return _by_branches(b, left, right) or _product(b, left, right, ends=ends)


def _by_branches(b: Builder, left: Term, right: Term) -> Term | None:
    """A product of choices, one product for each way to choose, where that leaves fewer open."""
    ends = [leaf for term in (left, right) for _, leaf in b.branches(term)]
    ways = b.combined(left, right) if any_constant(ends) else None
    if ways is None:
        return None
    left_open = [leaves for _, leaves in ways if not any_constant(leaves)]
    if len(left_open) == len(ways):
        return None
    # Of the larger of a value and nought the sign is known, of the value alone it is not: a solver
    # that does not multiply knows by the sign how a product rises
    for leaves in left_open:
        if any(_loses_sign(*pair) for pair in zip((left, right), leaves, strict=True)):
            return None
    return b.chosen([(when, times(b, *leaves)) for when, leaves in ways])


def _loses_sign(term: Term, leaf: Term) -> bool:
    return _sign(term) != 0 and _sign(leaf) == 0


def _product(b: Builder, left: Term, right: Term, *, ends: Sequence[Fraction]) -> Term:
    b.note_product(left, right)
    largest = max(map(abs, ends))
    decimals = None
    if left.scale is not None and right.scale is not None:
        decimals = left.scale + right.scale
    whole = left.sort is right.sort is Sort.INT
    exact = decimals is not None and fits(largest, decimals)
    error = Fraction(0) if exact else largest * Fraction(1, 10**33)
    rises = (_sign(right), _sign(left))
    signed = tuple(index for index in (0, 1) if rises[index] > 0)
    what = "a product of two values"
    function = Function(PRODUCT, arithmetic.product, rises, error=error, what=what, signed=signed)
    low = min(ends) - (0 if kept(min(ends)) else error)
    high = min(max(ends) + (0 if kept(max(ends)) else error), UNBOUNDED)
    sort = Sort.INT if exact and whole else Sort.REAL
    return b.apply(function, (left, right), max(low, -UNBOUNDED), high, sort)


def _times(factor: Exact) -> Apply:
    def compute(value: Any) -> Any:
        return arithmetic.product(value, as_decimal(factor))

    return compute


def _sign(term: Term) -> int:
    """1 where a factor is never below zero, -1 where never above it."""
    return 1 if term.low >= 0 else -1 if term.high <= 0 else 0


def divided(b: Builder, left: Term, right: Term) -> Encoded:
    zero = b.eq(right, b.number(0))
    cases = b.cases(right)
    if cases is None:
        return Encoded(zero, b.false, _quotient(b, left, right))
    pairs = [(w, _divided_by(b, left, value)) for w, value in cases if value != 0]
    return Encoded(zero, b.false, b.chosen(pairs) if pairs else left)


def _divided_by(b: Builder, left: Term, divisor: Exact) -> Term:
    size = as_decimal(divisor)
    if left.constant:
        with exactly():
            return literal(b, arithmetic.quotient(as_decimal(left.value), size))
    exact = b.scaled(left, 1 / Fraction(divisor))
    key = ("quotient", divisor)
    rises = (1 if divisor > 0 else -1,)
    return b.rounded(exact, lambda value: arithmetic.quotient(value, size), key, (left,), rises)


def _quotient(b: Builder, left: Term, right: Term) -> Term:
    """A quotient of two variables: a range only where the divisor is above zero."""
    low = -UNBOUNDED
    high = UNBOUNDED
    rises = (0, 0)
    if right.low > 0:
        ends = [x / y for x in (left.low, left.high) for y in (right.low, right.high)]
        low = min(ends)
        high = max(ends)
        rises = (1, -_sign(left))
    error = max(abs(low), abs(high)) * Fraction(1, 10**33)
    function = Function(
        QUOTIENT,
        _safe(arithmetic.quotient),
        rises,
        error=error,
        what="a quotient of two values",
    )
    return b.apply(function, (left, right), low - error, high + error)


def _safe(function: Apply) -> Apply:
    """A function that gives 0 where it has no result: whoever asks it knows whether it has one."""

    def compute(*given: Any) -> Any:
        try:
            return function(*given)
        except ArithmeticError:
            return 0

    return compute


def least(b: Builder, terms: Sequence[Term], *, largest: bool) -> Term:
    result = terms[0]
    for term in terms[1:]:
        result = b.extreme(result, term, largest=largest)
    return result


def stepped(b: Builder, value: Term, step: Term, *, nearest: bool) -> Encoded:
    """The multiple of a step below a value, or the nearest one; absent where the step is zero."""
    cases = b.cases(step)
    if cases is None or any(s != 0 and not _measured(value, Fraction(s)) for _, s in cases):
        return tabulated(b, arithmetic.round_to if nearest else arithmetic.floor_to, (value, step))
    one = _nearest if nearest else Builder.floor
    pairs = [(w, one(b, value, abs(Fraction(s)))) for w, s in cases if s != 0]
    zero = b.eq(step, b.number(0))
    return Encoded(zero, b.false, b.chosen(pairs) if pairs else value)


def _measured(value: Term, step: Fraction) -> bool:
    """Whether all multiples of a step up to a value have few digits, so that none is rounded."""
    return value.largest / abs(step) < _MANY and step.denominator < _MANY


def _nearest(b: Builder, value: Term, width: Fraction) -> Term:
    """A tie goes to the even multiple."""
    below = b.floor(value, width)
    twice = b.scaled(b.sum(value, b.negative(below)), 2)
    edge = b.number(width)
    odd = b.lt(b.floor(below, 2 * width), below)
    up = b.or_(b.lt(edge, twice), b.and_(b.eq(edge, twice), odd))
    return b.ite(up, b.sum(below, edge), below)


def later(b: Builder, day: Term, days: Term) -> Encoded:
    found = b.sum(day, days)
    inside = b.and_(b.le(b.number(_FIRST_DAY), found), b.le(found, b.number(_LAST_DAY)))
    gone = b.not_(inside)
    return Encoded(gone, gone, found)


def instalments(b: Builder, name: str, function: Apply, args: Sequence[Term]) -> Encoded:
    """`annuity` and `annuity_amount`: linear in the amount for every rate and term."""
    amount, rate, months = args
    rates = b.cases(rate)
    terms = b.cases(months)
    if rates is None or terms is None or len(rates) * len(terms) > MOST_COMBINATIONS:
        return _unknown_instalments(b, name, function, args=args)
    found: list[tuple[Term, Encoded]] = []
    for (when, r), (and_when, n) in product(rates, terms):
        guard = b.and_(when, and_when)
        if guard is not b.false:
            found.append((guard, _of_amount(b, name, function, amount=amount, rate=r, months=n)))
    return _one_of(b, found)


def _unknown_instalments(b: Builder, name: str, function: Apply, args: Sequence[Term]) -> Encoded:
    """Of a loan with interest and an end, a result that rises with the amount; else nothing."""
    amount, rate, months = args
    rates = b.cases(rate)
    plain = rates is not None and all(r == 0 or r > _LEAST_RATE for _, r in rates)
    if not plain or months.low < 1:
        return tabulated(b, function, args)
    low = min(amount.low, Fraction(0))
    high = max(amount.high, Fraction(0))
    most = 2 * (months.high if name == "annuity_amount" else 1 + rate.high)
    what = f"`{name}` over a term that is not fixed"
    given = Function((name,), function, (1, 0, 0), what=what, signed=(0,))
    return present(b, b.apply(given, args, low * most, high * most))


def _of_amount(
    b: Builder, name: str, function: Apply, amount: Term, rate: Exact, months: Exact
) -> Encoded:
    r = as_decimal(rate)
    n = as_decimal(months)
    with exactly():
        state, unit = outcome(function, (Decimal(1), r, n))
    if state != PRESENT or amount.constant:
        return folded(b, function, (amount, b.number(rate), b.number(months)))
    exact = b.scaled(amount, Fraction(unit))  # the unit is itself rounded, hence four roundings
    key = (name, rate, months)
    rises = (1,)
    term = b.rounded(exact, lambda value: function(value, r, n), key, (amount,), rises, roundings=4)
    return present(b, term)


def called(b: Builder, name: str, given: Sequence[Encoded]) -> Encoded:
    match name:
        case "coalesce":
            return _coalesced(b, given)
        case "known":
            return Encoded(given[0].tainted, given[0].tainted, b.not_(given[0].is_missing))
        case "tainted":
            return present(b, given[0].tainted)
        case "missing":
            return Encoded(given[0].tainted, given[0].tainted, given[0].is_missing)
    return strictly(b, given, lambda *args: _function(b, name, args))


def _coalesced(b: Builder, given: Sequence[Encoded]) -> Encoded:
    result = given[-1]
    for value in reversed(given[:-1]):
        result = either(b, absent(b, value), result, otherwise=value)
    return result


def _function(b: Builder, name: str, args: Sequence[Term]) -> Encoded | Term:
    match name:
        case "min" | "max":
            return least(b, args, largest=name == "max")
        case "abs":
            return b.ite(b.le(b.number(0), args[0]), args[0], b.negative(args[0]))
        case "round" | "floor":
            compute = arithmetic.round_to if name == "round" else arithmetic.floor_to
            return folding(b, compute, partial(stepped, b, nearest=name == "round"))(*args)
        case "annuity":
            return instalments(b, name, arithmetic.annuity, args=args)
        case "annuity_amount":
            return instalments(b, name, arithmetic.annuity_amount, args=args)
        case "add_days":
            return later(b, args[0], args[1])
    return tabulated(b, _TABULATED[name], args)


def encode(node: Node, values: Values) -> Encoded:
    b = values.builder
    match node:
        case tree.Constant():
            return present(b, literal(b, node.value))
        case tree.NameRead():
            return values.read(node.symbol.slot)
        case tree.Negative():
            return strictly(b, [encode(node.operand, values)], b.negative)
        case tree.Arithmetic():
            return _arithmetic(node, values)
        case tree.FunctionCall():
            given = [encode(argument, values) for argument in node.arguments]
            return called(b, node.function, given)
    return _condition(node, values)


def _condition(node: Node, values: Values) -> Encoded:
    b = values.builder
    match node:
        case tree.Compare():
            sides = [encode(node.left, values), encode(node.right, values)]
            return strictly(
                b, sides, lambda left, right: _compared(b, node.operator, left, right=right)
            )
        case tree.Within():
            return strictly(b, [encode(node.operand, values)], lambda t: _within(b, t, node))
        case tree.Listed():
            return values.read(node.answer.slot)
        case tree.Not():
            return strictly(b, [encode(node.operand, values)], b.not_)
        case tree.All():
            return _joined(b, [encode(o, values) for o in node.operands])
        case tree.Any():
            return _negated(b, _joined(b, [_negated(b, encode(o, values)) for o in node.operands]))
        case tree.Choice():
            return _choice(node, values)
    raise AssertionError(node)


def _negated(b: Builder, value: Encoded) -> Encoded:
    return Encoded(value.is_missing, value.tainted, b.not_(value.term))


def _joined(b: Builder, values: Sequence[Encoded]) -> Encoded:
    """`and`: false as soon as one is, else missing as soon as one is."""
    some_false = b.or_(*(fails(b, v) for v in values))
    gone = b.and_(b.or_(*(v.is_missing for v in values)), b.not_(some_false))
    tainted = b.and_(b.or_(*(v.tainted for v in values)), b.not_(some_false))
    return Encoded(gone, tainted, b.not_(some_false))


def _choice(node: tree.Choice, values: Values) -> Encoded:
    b = values.builder
    asked = encode(node.condition, values)
    parts = encode(node.then, values), encode(node.otherwise, values)
    chosen = either(b, asked.term, *parts)
    return either(
        b, asked.is_missing, Encoded(b.true, asked.tainted, chosen.term), otherwise=chosen
    )


def _compared(b: Builder, operator: str, left: Term, right: Term) -> Term:
    match operator:
        case "<":
            return b.lt(left, right)
        case "<=":
            return b.le(left, right)
        case ">":
            return b.lt(right, left)
        case ">=":
            return b.le(right, left)
        case "==":
            return b.eq(left, right)
    return b.not_(b.eq(left, right))


def _within(b: Builder, term: Term, node: tree.Within) -> Term:
    found = b.or_(*(b.eq(term, literal(b, option)) for option in node.options))
    return b.not_(found) if node.negated else found


def _arithmetic(node: tree.Arithmetic, values: Values) -> Encoded:
    b = values.builder
    sides = [encode(node.left, values), encode(node.right, values)]
    operations: dict[str, Any] = {
        "+": b.add,
        "-": b.sub,
        "*": partial(times, b),
        "/": partial(divided, b),
    }
    return strictly(b, sides, folding(b, _COMPUTED[node.operator], operations[node.operator]))
