"""The solver cvc5, which judges what z3 answers."""

from __future__ import annotations

from fractions import Fraction

import cvc5
from cvc5 import Kind

from decision_service.workbench.proofs.solver import Satisfiability, Solver
from decision_service.workbench.proofs.terms import Op, Sort

KINDS = {
    Op.NOT: Kind.NOT,
    Op.AND: Kind.AND,
    Op.OR: Kind.OR,
    Op.ITE: Kind.ITE,
    Op.EQ: Kind.EQUAL,
    Op.ADD: Kind.ADD,
    Op.LE: Kind.LEQ,
    Op.LT: Kind.LT,
}


class Cvc5(Solver):
    """Asks cvc5."""

    def __init__(self, *, rounds=True):
        super().__init__(rounds=rounds)
        self._manager = cvc5.TermManager()
        self._solver = cvc5.Solver(self._manager)
        self._solver.setOption("produce-models", "true")
        self._solver.setLogic("QF_LIRA")
        self._required = []

    def ask(self, seconds, *terms):
        """Whether everything asserted, and these terms, can be true at once."""
        self._solver.setOption("tlimit-per", str(int(seconds * 1000)))
        found = self._solver.checkSatAssuming(*[self.translated(t) for t in terms])
        if found.isSat():
            return Satisfiability.POSSIBLE
        return Satisfiability.IMPOSSIBLE if found.isUnsat() else Satisfiability.UNKNOWN

    def value(self, term):
        """A term's value in what was found POSSIBLE."""
        found = self._solver.getValue(self.translated(term))
        if term.sort is Sort.BOOL:
            return found.getBooleanValue()
        return Fraction(found.getRealValue() if found.isRealValue() else found.getIntegerValue())

    def _assert(self, expression):
        self._solver.assertFormula(expression)

    def _declare(self, sort, name):
        m = self._manager
        sorts = {
            Sort.BOOL: m.getBooleanSort(),
            Sort.INT: m.getIntegerSort(),
            Sort.REAL: m.getRealSort(),
        }
        return m.mkConst(sorts[sort], name)

    def _constant(self, sort, value):
        if sort is Sort.BOOL:
            return self._manager.mkBoolean(value)
        size = Fraction(value)
        if sort is Sort.INT:
            return self._manager.mkInteger(str(int(size)))
        return self._manager.mkReal(f"{size.numerator}/{size.denominator}")

    def _operation(self, op, given, sorts):
        given, sorts = list(given), list(sorts)
        if op in (Op.EQ, Op.ADD, Op.LE, Op.LT, Op.ITE):
            numbers = slice(1, None) if op is Op.ITE else slice(None)
            if len(set(sorts[numbers])) > 1:
                pairs = zip(given[numbers], sorts[numbers], strict=True)
                given[numbers] = [self._as_real(g, s) for g, s in pairs]
        return self._manager.mkTerm(KINDS[op], *given)

    def _scaled(self, given, sort, factor, wanted):
        if wanted is Sort.INT:
            return self._manager.mkTerm(Kind.MULT, self._constant(Sort.INT, factor), given)
        factor = self._constant(Sort.REAL, factor)
        return self._manager.mkTerm(Kind.MULT, factor, self._as_real(given, sort))

    def _as_real(self, expression, sort):
        return self._manager.mkTerm(Kind.TO_REAL, expression) if sort is Sort.INT else expression
