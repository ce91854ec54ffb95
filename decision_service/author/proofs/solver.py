"""The solver: terms as z3 has them, and axioms on functions of the rule language."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from fractions import Fraction
from functools import partial
from itertools import combinations
from typing import Any

from decision_service.author.proofs.encoding import NotEncodable
from decision_service.author.proofs.terms import PRODUCT, QUOTIENT, Builder, Op, Sort, Term
from decision_service.build import install_command
from decision_service.domain.errors import Unfit


def parts(term: Term) -> tuple[Term, ...]:
    """The terms that the translation of a term needs."""
    if term.op is Op.APPLY:
        if term.exact is not None:
            return (term.exact,)
        return term.args if multiplies(term) else ()
    return term.args[:2] if term.op is Op.BRACKET else term.args


def multiplies(term: Term) -> bool:
    """Whether a term is a product or a quotient of two values, which is not linear."""
    return term.op is Op.APPLY and term.exact is None and term.value.key in (PRODUCT, QUOTIENT)


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


class Kind(Enum):
    """How the solver reasons. What MULTIPLIES knows what a product or a quotient of two values is.

    The others know of those what axioms say alone, which often suffices and is far quicker.
    """

    SIMPLE = "simple"
    LINEAR = "linear"
    MULTIPLIES = "multiplies"


class SolverMissing(Unfit):
    """The solver's library is not installed."""


MISSING = f"proofs need z3, which is not installed: {install_command('workbench')}"
"""What is said where the library is not there."""

_MOST_DIGITS = 4300  # Python writes no longer number, and the library reads what is written
_LONGEST = 10**_MOST_DIGITS
_ROOT_DIGITS = 20


def _library() -> Any:
    try:
        import z3
    except ImportError:
        raise SolverMissing(MISSING) from None
    return z3


_ARITHMETIC: Mapping[Op, Callable[..., Any]] = {
    Op.LE: operator.le,
    Op.LT: operator.lt,
    Op.EQ: operator.eq,
    Op.ADD: operator.add,
}
"""z3 takes whole numbers for real ones where both meet."""


class Solver:
    """Asks z3 whether all asserted terms can be true; the same questions get the same answers.

    Rounded results and functions are variables of the solver, with what is known of them as
    constraints. One that `rounds` leaves open how results are rounded, so that what is IMPOSSIBLE
    is so; one that does not takes results as exact, to look for people.
    """

    def __init__(self, kind: Kind, *, rounds: bool = True) -> None:
        self._translated: dict[int, Any] = {}
        self._rounds = rounds
        self._kind = kind
        self._z3 = _library()
        self._context = self._z3.Context()
        linear = partial(self._z3.SolverFor, "QF_LIRA")
        make = linear if kind is Kind.LINEAR else self._z3.SimpleSolver
        self.asserted = make(ctx=self._context)
        self.asserted.set("random_seed", 0)
        self._model: Any = None

    def require(self, term: Term) -> None:
        self.asserted.add(self.translated(term))

    def ask(self, seconds: float, *terms: Term) -> Satisfiability:
        """Whether everything asserted, and these terms, can be true at once."""
        self.asserted.set("timeout", max(1, int(seconds * 1000)))
        found = self.asserted.check(*(self.translated(term) for term in terms))
        if found == self._z3.sat:
            self._model = self.asserted.model()
            return Satisfiability.POSSIBLE
        return Satisfiability.IMPOSSIBLE if found == self._z3.unsat else Satisfiability.UNKNOWN

    def value(self, term: Term) -> bool | Fraction:
        """A term's value in what was found POSSIBLE."""
        found = self._model.eval(self.translated(term), model_completion=True)
        if term.sort is Sort.BOOL:
            return bool(self._z3.is_true(found))
        if term.sort is Sort.INT and self._z3.is_int_value(found):
            return Fraction(found.as_long())
        if self._z3.is_algebraic_value(found):  # a root: the evaluator judges a number beside it
            found = found.approx(_ROOT_DIGITS)
        return Fraction(found.numerator_as_long(), found.denominator_as_long())

    def translated(self, term: Term) -> Any:
        """A term as z3 has it, its parts first; each part once."""
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
            given = [self._translated[part.number] for part in parts(top)]
            self._translated[top.number] = self._translate(top, given)
        return self._translated[term.number]

    def _translate(self, term: Term, given: Sequence[Any]) -> Any:
        z3 = self._z3
        logic = {Op.NOT: z3.Not, Op.AND: z3.And, Op.OR: z3.Or, Op.ITE: z3.If}
        if found := logic.get(term.op) or _ARITHMETIC.get(term.op):
            return found(*given)
        match term.op:
            case Op.CONST:
                return self._constant(term.sort, term.value)
            case Op.VAR:
                return self._variable(term, str(term.value))
            case Op.SCALE:
                return self._constant(term.sort, term.value) * given[0]
            case Op.FLOOR:
                return self._stepped(term, given[0])
            case Op.APPLY:
                return self._applied(term, given)
        return self._bracket(term, given)

    def _constant(self, sort: Sort, value: Any) -> Any:
        if sort is Sort.BOOL:
            return self._z3.BoolVal(value, ctx=self._context)
        size = Fraction(value)
        if max(abs(size.numerator), size.denominator) >= _LONGEST:
            raise NotEncodable(f"a number of more than {_MOST_DIGITS} digits")
        if sort is Sort.INT:
            return self._z3.IntVal(int(size), ctx=self._context)
        return self._z3.RealVal(f"{size.numerator}/{size.denominator}", ctx=self._context)

    def _variable(self, term: Term, name: str) -> Any:
        z3 = self._z3
        make = {Sort.BOOL: z3.Bool, Sort.INT: z3.Int, Sort.REAL: z3.Real}[term.sort]
        found = make(name, ctx=self._context)
        if term.sort is not Sort.BOOL:
            self._bound(found, term)
        return found

    def _bound(self, expression: Any, term: Term) -> None:
        if abs(term.low) < _MEASURELESS:
            self.asserted.add(self._constant(term.sort, term.low) <= expression)
        if abs(term.high) < _MEASURELESS:
            self.asserted.add(expression <= self._constant(term.sort, term.high))

    def _applied(self, term: Term, given: Sequence[Any]) -> Any:
        """A variable in its range; close to what its function rounds."""
        found = self._variable(term, f"{term.value.key[0]} {term.number}")
        if multiplies(term):
            if self._kind is Kind.MULTIPLIES:
                self._multiply(term, found, given)
            return found
        if term.exact is not None and term.value.error < 1:
            error = self._constant(Sort.REAL, term.value.error if self._rounds else 0)
            self.asserted.add(given[-1] - error <= found, found <= given[-1] + error)
        return found

    def _multiply(self, term: Term, found: Any, given: Sequence[Any]) -> None:
        """Say what a product is, or a quotient whose divisor is above zero."""
        one, other = given
        error = self._constant(Sort.REAL, term.value.error if self._rounds else 0)
        if term.value.key == PRODUCT:
            exact = one * other
            self.asserted.add(exact - error <= found, found <= exact + error)
        elif term.args[1].low > 0:
            self.asserted.add((found - error) * other <= one, one <= (found + error) * other)

    def _bracket(self, term: Term, given: Sequence[Any]) -> Any:
        """A truth that one term implies and that implies another."""
        found = self._z3.Bool(f"bracket {term.number}", ctx=self._context)
        for left, right in ((given[0], found), (found, given[1])):
            self.asserted.add(self._z3.Or(self._z3.Not(left), right))
        return found

    def _stepped(self, term: Term, given: Any) -> Any:
        """The whole number of steps below a value."""
        steps = self._z3.Int(f"steps {term.number}", ctx=self._context)
        below = self._constant(term.sort, term.value) * steps
        self.asserted.add(below <= given, given < below + self._constant(Sort.REAL, term.value))
        self._bound(below, term)
        return below


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
        for argument in term.args if term.value.key == PRODUCT else ():
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
