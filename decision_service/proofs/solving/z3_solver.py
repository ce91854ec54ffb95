"""The solver z3."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from typing import Any

from decision_service.proofs.encoding.encoded import NotEncodable
from decision_service.proofs.solving.solver import Satisfiability, Solver, SolverMissing
from decision_service.proofs.terms.term import Op, Sort, Term

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
        """Whether everything asserted, and these terms, can be true at once."""
        self._solver.set("timeout", max(1, int(seconds * 1000)))
        found = self._solver.check(*(self.translated(term) for term in terms))
        if found == self._z3.sat:
            self._model = self._solver.model()
            return Satisfiability.POSSIBLE
        return Satisfiability.IMPOSSIBLE if found == self._z3.unsat else Satisfiability.UNKNOWN

    def value(self, term: Term) -> bool | Fraction:
        """A term's value in what was found POSSIBLE."""
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
        """Numbers of one sort."""
        if len(set(sorts)) == 1:
            return given
        return [self._as_real(g, s) for g, s in zip(given, sorts, strict=True)]

    def _scaled(self, given: Any, sort: Sort, factor: Fraction, wanted: Sort) -> Any:
        if wanted is Sort.INT:
            return self._constant(Sort.INT, factor) * given
        return self._constant(Sort.REAL, factor) * self._as_real(given, sort)

    def _as_real(self, expression: Any, sort: Sort) -> Any:
        return self._z3.ToReal(expression) if sort is Sort.INT else expression
