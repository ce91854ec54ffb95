"""The solver: the translation of terms, z3, and axioms on functions of the rule language."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from fractions import Fraction
from functools import partial
from itertools import combinations
from typing import Any

from decision_service.workbench.proofs.encoding import NotEncodable
from decision_service.workbench.proofs.terms import Builder, Op, Sort, Term


def parts(term: Term) -> tuple[Term, ...]:
    """The terms that the translation of a term needs."""
    if term.op is Op.APPLY:
        return () if term.exact is None else (term.exact,)
    return term.args[:2] if term.op is Op.BRACKET else term.args


def functions(terms: Iterable[Term]) -> Sequence[Term]:
    """The functions in terms, their parts, and the arguments of open functions, each once."""
    found: dict[int, Term] = {}
    seen: set[int] = set()
    waiting = list(terms)
    while waiting:
        term = waiting.pop()
        if term.number in seen:
            continue
        seen.add(term.number)
        if term.op in (Op.APPLY, Op.BRACKET):
            found[term.number] = term
        waiting += term.args if _is_open(term) else parts(term)
    return list(found.values())


def _is_open(term: Term) -> bool:
    """Whether all that is known of a term is said of its arguments, by axioms."""
    return term.op is Op.APPLY and term.exact is None


_MEASURELESS = 10**60
"""Bounds from here on are left out."""


class Satisfiability(Enum):
    POSSIBLE = "sat"
    IMPOSSIBLE = "unsat"
    UNKNOWN = "unknown"


class SolverMissing(Exception):
    """The solver's library is not installed."""


class Solver(ABC):
    """Asserts terms, and asks whether all of them can be true at once.

    Rounded results and functions are variables of the solver, with what is known of them as
    constraints. One that `rounds` leaves open how results are rounded, so that what is IMPOSSIBLE
    is so; one that does not takes results as exact, to look for people.
    """

    def __init__(self, *, rounds: bool = True) -> None:
        self._translated: dict[int, Any] = {}
        self._rounds = rounds

    def require(self, term: Term) -> None:
        self._assert(self.translated(term))

    def translated(self, term: Term) -> Any:
        """A term as the solver has it, its parts first; each part once."""
        waiting = [term]
        while waiting:
            top = waiting[-1]
            if top.number in self._translated:
                waiting.pop()
                continue
            left = [t for t in parts(top) if t.number not in self._translated]
            if left:
                waiting += left
                continue
            waiting.pop()
            self._translated[top.number] = self._translate(top)
        return self._translated[term.number]

    def _translate(self, term: Term) -> Any:
        given = [self._translated[part.number] for part in parts(term)]
        match term.op:
            case Op.CONST:
                return self._constant(term.sort, term.value)
            case Op.VAR:
                return self._variable(term, str(term.value))
            case Op.SCALE:
                return self._scaled(given[0], term.args[0].sort, Fraction(term.value), term.sort)
            case Op.FLOOR | Op.ODD:
                return self._stepped(term, given[0])
            case Op.APPLY:
                return self._applied(term, given)
            case Op.BRACKET:
                return self._bracket(term, given)
        return self._operation(term.op, given, [part.sort for part in parts(term)])

    def _variable(self, term: Term, name: str) -> Any:
        found = self._declare(term.sort, name)
        if term.sort is not Sort.BOOL:
            self._bound(found, term.sort, term.low, term.high)
        return found

    def _bound(self, expression: Any, sort: Sort, low: Fraction, high: Fraction) -> None:
        if abs(low) < _MEASURELESS:
            pair = (self._constant(sort, low), expression)
            self._assert(self._operation(Op.LE, pair, (sort, sort)))
        if abs(high) < _MEASURELESS:
            pair = (expression, self._constant(sort, high))
            self._assert(self._operation(Op.LE, pair, (sort, sort)))

    def _applied(self, term: Term, given: Sequence[Any]) -> Any:
        """A variable in its range; where the function is linear but for rounding, close to that."""
        found = self._variable(term, f"{term.value.key[0]} {term.number}")
        if term.exact is not None and term.value.error < 1:
            exact, error = given[-1], term.value.error if self._rounds else Fraction(0)
            sort = term.exact.sort
            for sign in (-1, 1):
                limit = self._shifted(exact, sort, sign * error)
                pair = (limit, found) if sign < 0 else (found, limit)
                self._assert(self._operation(Op.LE, pair, (Sort.REAL, Sort.REAL)))
        return found

    def _bracket(self, term: Term, given: Sequence[Any]) -> Any:
        """A truth that one term implies and that implies another."""
        found = self._declare(Sort.BOOL, f"bracket {term.number}")
        sure, possible = given[:2]
        bools = (Sort.BOOL, Sort.BOOL)
        for left, right in ((sure, found), (found, possible)):
            not_left = self._operation(Op.NOT, (left,), bools)
            self._assert(self._operation(Op.OR, (not_left, right), bools))
        return found

    def _stepped(self, term: Term, given: Any) -> Any:
        """A whole number of steps below a value; of an ODD one, whether that number is odd."""
        step, sort = Fraction(term.value), term.args[0].sort
        steps = self._declare(Sort.INT, f"steps {term.number}")
        if term.op is Op.ODD:
            pairs = self._declare(Sort.INT, f"pairs {term.number}")
            half = self._scaled(pairs, Sort.INT, 2 * step, Sort.REAL)
            one = self._shifted(half, Sort.REAL, step)
            two = (Sort.REAL, Sort.REAL)
            value = self._as_real(given, sort)
            even, odd = (self._operation(Op.EQ, (value, v), two) for v in (half, one))
            self._assert(self._operation(Op.OR, (even, odd), (Sort.BOOL, Sort.BOOL)))
            return odd
        below = self._scaled(steps, Sort.INT, step, term.sort)
        sorts = (term.sort, sort)
        self._assert(self._operation(Op.LE, (below, given), sorts))
        above = self._shifted(below, term.sort, step)
        self._assert(self._operation(Op.LT, (given, above), (sort, Sort.REAL)))
        self._bound(below, term.sort, term.low, term.high)
        return below

    def _shifted(self, expression: Any, sort: Sort, by: Fraction) -> Any:
        pair = (self._as_real(expression, sort), self._constant(Sort.REAL, by))
        return self._operation(Op.ADD, pair, (Sort.REAL, Sort.REAL))

    @abstractmethod
    def ask(self, seconds: float, *terms: Term) -> Satisfiability:
        """Whether everything asserted, and these terms, can be true at once."""

    @abstractmethod
    def value(self, term: Term) -> bool | Fraction:
        """A term's value in what was found POSSIBLE."""

    @abstractmethod
    def _assert(self, expression: Any) -> None: ...

    @abstractmethod
    def _declare(self, sort: Sort, name: str) -> Any: ...

    @abstractmethod
    def _constant(self, sort: Sort, value: Any) -> Any: ...

    @abstractmethod
    def _operation(self, op: Op, given: Sequence[Any], sorts: Sequence[Sort]) -> Any: ...

    @abstractmethod
    def _scaled(self, given: Any, sort: Sort, factor: Fraction, wanted: Sort) -> Any: ...

    @abstractmethod
    def _as_real(self, expression: Any, sort: Sort) -> Any: ...


MISSING = "proofs need z3: install decision-service[workbench]"
"""What is said where the library is not there."""

_MOST_DIGITS = 4300  # Python writes no longer number, and the library reads what is written
_LONGEST = 10**_MOST_DIGITS


def _library() -> Any:
    try:
        import z3
    except ImportError:
        raise SolverMissing(MISSING) from None
    return z3


class Z3(Solver):
    """Asks z3; the same questions in the same order get the same answers."""

    def __init__(self, *, rounds: bool = True, simple: bool = False, seed: int = 0) -> None:
        super().__init__(rounds=rounds)
        self._z3 = _library()
        self._context = self._z3.Context()
        make = self._z3.SimpleSolver if simple else partial(self._z3.SolverFor, "QF_LIRA")
        self._solver = make(ctx=self._context)
        self._solver.set("random_seed", seed)
        self._model: Any = None

    def ask(self, seconds: float, *terms: Term) -> Satisfiability:
        self._solver.set("timeout", max(1, int(seconds * 1000)))
        found = self._solver.check(*(self.translated(term) for term in terms))
        if found == self._z3.sat:
            self._model = self._solver.model()
            return Satisfiability.POSSIBLE
        return Satisfiability.IMPOSSIBLE if found == self._z3.unsat else Satisfiability.UNKNOWN

    def value(self, term: Term) -> bool | Fraction:
        found = self._model.eval(self.translated(term), model_completion=True)
        if term.sort is Sort.BOOL:
            return bool(self._z3.is_true(found))
        if term.sort is Sort.INT and self._z3.is_int_value(found):
            return Fraction(found.as_long())
        return Fraction(found.numerator_as_long(), found.denominator_as_long())

    def _assert(self, expression: Any) -> None:
        self._solver.add(expression)

    def _declare(self, sort: Sort, name: str) -> Any:
        make = {Sort.BOOL: self._z3.Bool, Sort.INT: self._z3.Int, Sort.REAL: self._z3.Real}
        return make[sort](name, ctx=self._context)

    def _constant(self, sort: Sort, value: Any) -> Any:
        if sort is Sort.BOOL:
            return self._z3.BoolVal(value, ctx=self._context)
        size = Fraction(value)
        if max(abs(size.numerator), size.denominator) >= _LONGEST:
            raise NotEncodable(f"a number of more than {_MOST_DIGITS} digits")
        if sort is Sort.INT:
            return self._z3.IntVal(int(size), ctx=self._context)
        return self._z3.RealVal(f"{size.numerator}/{size.denominator}", ctx=self._context)

    def _operation(self, op: Op, given: Sequence[Any], sorts: Sequence[Sort]) -> Any:
        z3 = self._z3
        match op:
            case Op.NOT:
                return z3.Not(given[0])
            case Op.AND:
                return z3.And(*given)
            case Op.OR:
                return z3.Or(*given)
            case Op.ITE:
                return z3.If(given[0], *self._alike(given[1:], sorts[1:]))
        left, right = self._alike(given, sorts)
        if op is Op.EQ:
            return left == right
        if op is Op.ADD:
            return left + right
        return left <= right if op is Op.LE else left < right

    def _alike(self, given: Sequence[Any], sorts: Sequence[Sort]) -> Sequence[Any]:
        if len(set(sorts)) == 1:
            return given
        return [self._as_real(g, s) for g, s in zip(given, sorts, strict=True)]

    def _scaled(self, given: Any, sort: Sort, factor: Fraction, wanted: Sort) -> Any:
        if wanted is Sort.INT:
            return self._constant(Sort.INT, factor) * given
        return self._constant(Sort.REAL, factor) * self._as_real(given, sort)

    def _as_real(self, expression: Any, sort: Sort) -> Any:
        return self._z3.ToReal(expression) if sort is Sort.INT else expression


_MOST_ALIKE = 14


def axioms(b: Builder, functions: Sequence[Term]) -> Iterator[Term]:
    """How functions rise and fall with their arguments, and which sign they have."""
    groups: dict[object, list[Term]] = {}
    for term in functions:
        if term.op is Op.APPLY:
            groups.setdefault(term.value.key, []).append(term)
    zero = b.number(0)
    for term in (t for alike in groups.values() for t in alike):
        for argument in (term.args[index] for index in term.value.signed):
            yield b.implies(b.le(argument, zero), b.le(term, zero))
            yield b.implies(b.le(zero, argument), b.le(zero, term))
        for argument in term.args if term.value.key == ("product",) else ():
            yield b.implies(b.eq(argument, zero), b.eq(term, zero))
    for alike in groups.values():
        for one, other in combinations(alike[:_MOST_ALIKE], 2):
            if one.value.rises == other.value.rises:
                yield b.implies(_before(b, one, other), b.le(one, other))
                yield b.implies(_before(b, other, one), b.le(other, one))


def _before(b: Builder, one: Term, other: Term) -> Term:
    """Whether the arguments of one use make its result no larger than the other's."""
    found = b.true
    for left, right, rises in zip(one.args, other.args, one.value.rises, strict=True):
        pair = b.eq(left, right)
        if rises:
            pair = b.le(left, right) if rises > 0 else b.le(right, left)
        found = b.and_(found, pair)
    return found
