"""Terms of logic and arithmetic, which a solver can decide."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from math import ceil, floor
from typing import Any

from decision_service.rules.language.values import exactly

Exact = int | Decimal | Fraction
"""A number of a term without an error."""

DIGITS = 34
"""The digits of the rule language's numbers."""

PRODUCT = ("product",)
QUOTIENT = ("quotient",)
"""The keys of a product and a quotient of two values."""

_HALF_A_DIGIT = Fraction(5, 10**DIGITS)
_HUGE = 10**60
_MOST_CASES = 300
_MOST_WAYS = 3_000
_SMALL_RANGE = 80


class Sort(Enum):
    BOOL = "bool"
    INT = "int"
    REAL = "real"


class Op(Enum):
    """The operations; `SCALE` multiplies by a constant, `FLOOR` gives the multiple of one below.

    `APPLY` is a function of the rule language, `BRACKET` a truth between two others.
    """

    CONST = "const"
    VAR = "var"
    NOT = "not"
    AND = "and"
    OR = "or"
    ITE = "ite"
    LE = "<="
    LT = "<"
    EQ = "=="
    ADD = "+"
    SCALE = "*"
    FLOOR = "floor"
    APPLY = "apply"
    BRACKET = "bracket"


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function of the rule language as a term applies it.

    `key` is the same for equal functions. `rises` says of each argument whether the value rises
    (1) or falls (-1) with it, 0 where neither is known; it has the sign of each `signed` argument,
    and is 0 where that is. Where the result is a linear term apart from
    rounding, the term's `exact` is it, and the two differ by `error` at most.
    """

    key: tuple[Any, ...]
    compute: Callable[..., Any]
    rises: tuple[int, ...]
    error: Fraction = Fraction(0)
    what: str = ""
    signed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """One term; equal ones of one builder are the same object.

    `low` and `high` are inclusive bounds, `scale` the most decimals (None: any number of them);
    truths have none. `value` is a constant, a variable's name, the factor of a SCALE, the step of
    a FLOOR or the Function of an APPLY.
    """

    op: Op
    sort: Sort
    args: tuple[Term, ...]
    value: Any
    number: int
    low: Fraction = Fraction(0)
    high: Fraction = Fraction(0)
    scale: int | None = 0
    exact: Term | None = None

    @property
    def constant(self) -> bool:
        return self.op is Op.CONST

    @property
    def largest(self) -> Fraction:
        return max(abs(self.low), abs(self.high))


class Builder:
    """Makes terms; the same request gives the same term."""

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], Term] = {}
        self.variables: list[Term] = []
        self.applied: list[Term] = []
        self.texts: dict[str, int] = {}
        self.splits: dict[Term, None] = {}
        self.factors: list[Sequence[Term]] = []
        self._branches: dict[int, Sequence[tuple[Term, Term]]] = {}
        self.true = self._make(Op.CONST, Sort.BOOL, (), value=True)
        self.false = self._make(Op.CONST, Sort.BOOL, (), value=False)

    def _make(self, op: Op, sort: Sort, args: Sequence[Term], value: Any, **more: Any) -> Term:
        exact = more.get("exact")
        key = (op, sort, tuple(a.number for a in args), _key(value), exact and exact.number)
        found = self._made.get(key)
        if found is None:
            found = Term(op, sort, tuple(args), value=value, number=len(self._made), **more)
            self._made[key] = found
            if op is Op.VAR:
                self.variables.append(found)
            elif op in (Op.APPLY, Op.BRACKET):
                self.applied.append(found)
        return found

    def _const(self, sort: Sort, value: Any, scale: int | None = 0) -> Term:
        size = Fraction(value)
        return self._make(Op.CONST, sort, (), value=value, low=size, high=size, scale=scale)

    def number(self, value: Exact) -> Term:
        """A constant number; a whole one is an INT."""
        size = Fraction(value)
        if size.denominator == 1:
            return self._const(Sort.INT, int(size))
        decimals = decimals_of(size)
        return self._const(Sort.REAL, size if decimals is None else as_decimal(size), decimals)

    def truth(self, value: bool) -> Term:  # noqa: FBT001  a truth is no switch
        return self.true if value else self.false

    def text(self, value: str) -> Term:
        return self.number(self.texts.setdefault(value, len(self.texts)))

    def flag(self, name: str) -> Term:
        return self._make(Op.VAR, Sort.BOOL, (), value=name)

    def whole(self, name: str, low: Exact, high: Exact) -> Term:
        bounds = {"low": Fraction(low), "high": Fraction(high)}
        return self._make(Op.VAR, Sort.INT, (), value=name, scale=0, **bounds)

    def real(self, name: str, low: Exact, high: Exact) -> Term:
        bounds = {"low": Fraction(low), "high": Fraction(high)}
        return self._make(Op.VAR, Sort.REAL, (), value=name, scale=None, **bounds)

    def not_(self, term: Term) -> Term:
        if term.constant:
            return self.truth(not term.value)
        if term.op is Op.NOT:
            return term.args[0]
        return self._make(Op.NOT, Sort.BOOL, (term,), value=None)

    def and_(self, *terms: Term) -> Term:
        return self._join(Op.AND, terms, self.true, absorbing=self.false)

    def or_(self, *terms: Term) -> Term:
        return self._join(Op.OR, terms, self.false, absorbing=self.true)

    def _join(self, op: Op, terms: Iterable[Term], neutral: Term, absorbing: Term) -> Term:
        found: dict[int, Term] = {}
        for term in terms:
            if term is absorbing:
                return absorbing
            for part in term.args if term.op is op else (term,):
                if part is not neutral:
                    found[part.number] = part
        for part in found.values():
            if part.op is Op.NOT and _all_in(part.args[0], op, found):
                return absorbing
        parts = [found[number] for number in sorted(found)]
        if not parts:
            return neutral
        return parts[0] if len(parts) == 1 else self._make(op, Sort.BOOL, parts, value=None)

    def implies(self, left: Term, right: Term) -> Term:
        return self.or_(self.not_(left), right)

    def ite(self, condition: Term, then: Term, otherwise: Term) -> Term:
        if condition is self.true or then is otherwise:
            return then
        if condition is self.false:
            return otherwise
        if condition.op is Op.NOT:
            return self.ite(condition.args[0], otherwise, then)
        if then.sort is Sort.BOOL:
            return self._choice_of_truths(condition, then, otherwise)
        low = min(then.low, otherwise.low)
        high = max(then.high, otherwise.high)
        return self._choice(condition, then, otherwise, low=low, high=high)

    def _choice(
        self, condition: Term, then: Term, otherwise: Term, low: Fraction, high: Fraction
    ) -> Term:
        sort = Sort.INT if then.sort is otherwise.sort is Sort.INT else Sort.REAL
        scales = (then.scale, otherwise.scale)
        scale = None if None in scales else max(s for s in scales if s is not None)
        if condition.op is Op.NOT:
            return self._choice(condition.args[0], otherwise, then, low=low, high=high)
        parts = (condition, then, otherwise)
        return self._make(Op.ITE, sort, parts, value=None, low=low, high=high, scale=scale)

    def _choice_of_truths(self, condition: Term, then: Term, otherwise: Term) -> Term:
        if then.constant:
            other = self.or_ if then.value else self.and_
            return other(condition if then.value else self.not_(condition), otherwise)
        if otherwise.constant:
            if otherwise.value:
                return self.or_(self.not_(condition), then)
            return self.and_(condition, then)
        return self._make(Op.ITE, Sort.BOOL, (condition, then, otherwise), value=None)

    def sum(self, left: Term, right: Term) -> Term:
        if left.constant and right.constant:
            return self.number(Fraction(left.value) + Fraction(right.value))
        for one, other in ((left, right), (right, left)):
            if one.constant and one.value == 0:
                return other
        sort = Sort.INT if left.sort is right.sort is Sort.INT else Sort.REAL
        scales = (left.scale, right.scale)
        scale = None if None in scales else max(s for s in scales if s is not None)
        low = left.low + right.low
        high = left.high + right.high
        return self._make(Op.ADD, sort, (left, right), value=None, low=low, high=high, scale=scale)

    def scaled(self, term: Term, factor: Exact) -> Term:
        size = Fraction(factor)
        if term.constant:
            return self.number(Fraction(term.value) * size)
        if size == 0:
            return self.number(0)
        if size == 1:
            return term
        if term.op is Op.SCALE:
            return self.scaled(term.args[0], size * Fraction(term.value))
        decimals = decimals_of(size)
        whole = term.sort is Sort.INT and size.denominator == 1
        unknown = term.scale is None or decimals is None
        low, high = sorted((term.low * size, term.high * size))
        return self._make(
            Op.SCALE,
            Sort.INT if whole else Sort.REAL,
            (term,),
            value=size,
            low=low,
            high=high,
            scale=None if unknown else (term.scale or 0) + (decimals or 0),
        )

    def negative(self, term: Term) -> Term:
        return self.scaled(term, -1)

    def floor(self, term: Term, step: Exact) -> Term:
        """The largest multiple of a step above zero that is not above the term."""
        size = Fraction(step)
        if term.sort is Sort.INT and size == 1:
            return term
        if term.constant:
            return self.number(Fraction(term.value) // size * size)
        low = term.low // size * size
        high = term.high // size * size
        sort = Sort.INT if size.denominator == 1 else Sort.REAL
        more = {"low": low, "high": high, "scale": decimals_of(size)}
        return self._make(Op.FLOOR, sort, (term,), value=size, **more)

    def le(self, left: Term, right: Term) -> Term:
        if left.high <= right.low:
            return self.true
        if left.low > right.high:
            return self.false
        return self._quotient(Op.LE, left, right) or self._compare(Op.LE, left, right)

    def lt(self, left: Term, right: Term) -> Term:
        if left.high < right.low:
            return self.true
        if left.low >= right.high:
            return self.false
        return self._quotient(Op.LT, left, right) or self._compare(Op.LT, left, right)

    def eq(self, left: Term, right: Term) -> Term:
        if left is right:
            return self.true
        if left.sort is Sort.BOOL:
            return self._equal_truths(left, right)
        if left.high < right.low or left.low > right.high:
            return self.false
        if left.constant and right.constant:
            return self.truth(Fraction(left.value) == Fraction(right.value))
        first, second = sorted((left, right), key=lambda t: t.number)
        return self._compare(Op.EQ, first, second)

    def _equal_truths(self, left: Term, right: Term) -> Term:
        if right.constant:
            return left if right.value else self.not_(left)
        if left.constant:
            return self._equal_truths(right, left)
        return self.ite(left, right, self.not_(right))

    def _compare(self, op: Op, left: Term, right: Term) -> Term:
        """A comparison; with a constant on one side it goes into choices of constants."""
        for side, other in ((left, right), (right, left)):
            if side.constant and other.op is Op.ITE and any(a.constant for a in other.args[1:]):
                condition, then, otherwise = other.args
                pair = [(a, side) if other is left else (side, a) for a in (then, otherwise)]
                again = {Op.LE: self.le, Op.LT: self.lt, Op.EQ: self.eq}[op]
                return self.ite(condition, again(*pair[0]), again(*pair[1]))
        return self._make(op, Sort.BOOL, (left, right), value=None)

    def _quotient(self, op: Op, left: Term, right: Term) -> Term | None:
        """A quotient against a constant, multiplied out: no product of two variables is left."""
        for side, other in ((left, right), (right, left)):
            divided = side.op is Op.APPLY and side.value.key == QUOTIENT
            if divided and side.exact is None and other.constant and side.args[1].low > 0:
                return self._multiplied_out(op, side, other, first=side is left)
        return None

    def _multiplied_out(self, op: Op, divided: Term, against: Term, *, first: bool) -> Term:
        """Rounding keeps the order to a constant, but may make the quotient equal to it."""
        dividend, divisor = divided.args
        bound = Fraction(against.value)
        error = divided.value.error
        slack = bound + (error if (op is Op.LE) is first else -error)
        sides = [self.scaled(divisor, c) for c in (bound, slack)]
        make = self.le if op is Op.LE else self.lt
        pairs = [make(dividend, s) if first else make(s, dividend) for s in sides]
        sure, possible = pairs if op is Op.LE else pairs[::-1]
        pair = (divided, against) if first else (against, divided)
        return self._make(Op.BRACKET, Sort.BOOL, (sure, possible, *pair), value=op)

    def extreme(self, left: Term, right: Term, *, largest: bool) -> Term:
        """The smaller or the larger of two numbers; the first one where they are equal."""
        if largest:
            condition = self.le(right, left)
            low = max(left.low, right.low)
            high = max(left.high, right.high)
        else:
            condition = self.le(left, right)
            low = min(left.low, right.low)
            high = min(left.high, right.high)
        if condition.constant or left is right:
            return self.ite(condition, left, right)
        return self._choice(condition, left, right, low=low, high=high)

    def add(self, left: Term, right: Term) -> Term:
        return self.rounded(
            self.sum(left, right), operator.add, ("+",), args=(left, right), rises=(1, 1)
        )

    def sub(self, left: Term, right: Term) -> Term:
        exact = self.sum(left, self.negative(right))
        return self.rounded(exact, operator.sub, ("-",), args=(left, right), rises=(1, -1))

    def rounded(
        self,
        exact: Term,
        compute: Callable[..., Any],
        key: tuple[Any, ...],
        args: Sequence[Term],
        rises: tuple[int, ...],
        roundings: int = 1,
    ) -> Term:
        """A linear term as the rule language rounds it; itself where all its digits are kept."""
        if exact.constant or (roundings == 1 and _fits(exact)):
            return exact
        error = _power_above(exact.largest * _HALF_A_DIGIT * (2 * roundings))
        function = Function(key, compute, rises, error=error)
        low = exact.low if exact.low == 0 else exact.low - error
        high = exact.high if exact.high == 0 else exact.high + error
        if roundings == 1:
            low = exact.low if kept(exact.low) else low
            high = exact.high if kept(exact.high) else high
        return self.apply(function, args, low, high=high, exact=exact)

    def apply(
        self,
        function: Function,
        args: Sequence[Term],
        low: Exact,
        high: Exact,
        sort: Sort = Sort.REAL,
        exact: Term | None = None,
    ) -> Term:
        """A function of the rule language, of which a solver knows no more than its range."""
        bounds = {"low": _simple(low, floor), "high": _simple(high, ceil)}
        scale = 0 if sort is Sort.INT else None
        return self._make(Op.APPLY, sort, args, value=function, scale=scale, exact=exact, **bounds)

    def cases(self, term: Term) -> list[tuple[Term, Exact]] | None:
        """The constants that a term can be, each with when; None where they are too many.

        Of a term of variables with few values it is None, too: those are noted in `splits`.
        """
        found = self.branches(term)
        for _, leaf in found:
            if not leaf.constant:
                self._note_variables(leaf)
                return None
        return [(when, leaf.value) for when, leaf in found]

    def branches(self, term: Term) -> Sequence[tuple[Term, Term]]:
        """The terms without a choice that a term can be, each with when.

        A sum or a multiple of choices is one for each way to choose; the cells of one row of a
        table have one condition, so that ways that mix rows fall out. A term that has too many is
        left whole.
        """
        if term.number not in self._branches:
            found = self._branched(term)
            self._branches[term.number] = found if found else [(self.true, term)]
        return self._branches[term.number]

    def _branched(self, term: Term) -> Sequence[tuple[Term, Term]] | None:
        match term.op:
            case Op.ITE:
                condition, then, otherwise = term.args
                pairs = [(condition, then), (self.not_(condition), otherwise)]
                found = [
                    (self.and_(guard, when), leaf)
                    for guard, branch in pairs
                    for when, leaf in self.branches(branch)
                ]
                found = [(when, leaf) for when, leaf in found if when is not self.false]
                return found if len(found) <= _MOST_CASES else None
            case Op.ADD:
                return self._joined(term.args, self.sum)
            case Op.SCALE:
                return self._joined(term.args, lambda part: self.scaled(part, term.value))
            case Op.FLOOR:
                return self._joined(term.args, lambda part: self.floor(part, term.value))
            case Op.APPLY if term.exact is not None:
                return self._computed(term)
        return None

    def _joined(
        self, parts: Sequence[Term], operation: Callable[..., Term]
    ) -> Sequence[tuple[Term, Term]] | None:
        found = self.combined(*parts)
        if found is None:
            return None
        return [(when, operation(*leaves)) for when, leaves in found]

    def _computed(self, term: Term) -> Sequence[tuple[Term, Term]] | None:
        """What a function gives for constants, as evaluation rounds it; None of anything else."""
        found = self.combined(*term.args)
        if found is None or not all(_all_constant(leaves) for _, leaves in found):
            return None
        computed: list[tuple[Term, Term]] = []
        with exactly():
            for when, leaves in found:
                given = [as_decimal(leaf.value) for leaf in leaves]
                computed.append((when, self.number(term.value.compute(*given))))
        return computed

    def combined(self, *terms: Term) -> Sequence[tuple[Term, Sequence[Term]]] | None:
        """Each way in which some terms choose together, with when; None where they are too many."""
        found: list[tuple[Term, tuple[Term, ...]]] = [(self.true, ())]
        for term in terms:
            branches = self.branches(term)
            if len(found) * len(branches) > _MOST_WAYS:
                return None
            pairs = [
                (self.and_(guard, when), (*leaves, leaf))
                for guard, leaves in found
                for when, leaf in branches
            ]
            found = [(when, leaves) for when, leaves in pairs if when is not self.false]
        return found if len(found) <= _MOST_CASES else None

    def _note_variables(self, term: Term) -> None:
        variables = _variables(term)
        whole = all(v.op is Op.VAR and v.sort is Sort.INT for v in variables)
        if whole and all(v.high - v.low <= _SMALL_RANGE for v in variables):
            self.splits.update(dict.fromkeys(variables))

    def note_product(self, left: Term, right: Term) -> None:
        """Note the variables of the simpler factor of a product: fixed, they leave it linear."""
        self.factors.append(min((_all_variables(t) for t in (left, right)), key=len))

    def chosen(self, cases: Sequence[tuple[Term, Term]]) -> Term:
        result = cases[-1][1]
        for when, term in reversed(cases[:-1]):
            result = self.ite(when, term, result)
        return result


def any_constant(terms: Sequence[Term]) -> bool:
    return any(term.constant for term in terms)


def _all_constant(terms: Sequence[Term]) -> bool:
    return all(term.constant for term in terms)


def _all_in(term: Term, op: Op, found: Mapping[int, Term]) -> bool:
    """Whether a term is among those that are found, or all that it joins itself."""
    joined = term.op is op and all(part.number in found for part in term.args)
    return joined or term.number in found


def _key(value: Any) -> Any:
    """What tells values apart; equal functions are one, and `True` is not `1`."""
    if isinstance(value, Function):
        return value.key
    return (isinstance(value, bool), value)


def decimals_of(size: Fraction) -> int | None:
    """The decimals of a number; None where they do not end."""
    rest = size.denominator
    twos = 0
    fives = 0
    while rest % 2 == 0:
        rest = rest // 2
        twos = twos + 1
    while rest % 5 == 0:
        rest = rest // 5
        fives = fives + 1
    return max(twos, fives) if rest == 1 else None


def as_decimal(size: Exact) -> Decimal | int:
    """A number whose decimals end, exactly; whole ones as int.  Raises ValueError for others."""
    exact = Fraction(size)
    if exact.denominator == 1:
        return int(exact)
    decimals = decimals_of(exact)
    if decimals is None:
        raise ValueError(f"{exact} has no end")
    digits = Decimal(int(abs(exact) * 10**decimals)).as_tuple().digits
    return Decimal((int(exact < 0), digits, -decimals))


def _simple(end: Exact, to_whole: Callable[[Fraction], int]) -> Fraction:
    """An end of a range, moved out to one of few decimals: products double their decimals."""
    exact = Fraction(end)
    return exact if exact.denominator < _HUGE else Fraction(to_whole(exact * _HUGE), _HUGE)


def _fits(term: Term) -> bool:
    """Whether every value of a term has all its digits in the rule language's numbers."""
    return term.scale is not None and fits(term.largest, term.scale)


def fits(largest: Fraction, decimals: int) -> bool:
    """Whether numbers up to a size, with so many decimals, have all their digits."""
    return _digits(int(largest)) + decimals <= DIGITS


def kept(size: Fraction) -> bool:
    """Whether rounding keeps a number as it is: then what is below it stays so when rounded."""
    decimals = decimals_of(size)
    return decimals is not None and _digits(int(abs(size) * 10**decimals)) <= DIGITS


def _power_above(size: Fraction) -> Fraction:
    """The power of ten above a size: bounds of few digits are quicker to solve."""
    if size > _HUGE:
        return size
    digits = _digits(size.numerator) - _digits(size.denominator) + 1
    return Fraction(10) ** digits


def _digits(number: int) -> int:
    """How many digits a number has, which Python writes out up to a limit alone."""
    return Decimal(number).adjusted() + 1


def _all_variables(term: Term) -> Sequence[Term]:
    found: dict[int, Term] = {}
    seen: set[int] = set()
    waiting = [term]
    while waiting:
        top = waiting.pop()
        if top.number not in seen:
            seen.add(top.number)
            waiting += top.args
            if top.op is Op.VAR and top.sort is not Sort.BOOL:
                found[top.number] = top
    return list(found.values())


def _variables(term: Term) -> Sequence[Term]:
    if term.op in (Op.ADD, Op.SCALE, Op.CONST):
        return [v for part in term.args for v in _variables(part)]
    return [term]
