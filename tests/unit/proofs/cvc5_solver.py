"""The solver cvc5, which judges what z3 answers."""

from __future__ import annotations

import cvc5

from decision_service.workbench.proofs.solver import Satisfiability, Solver


def answered(solver: Solver, seconds: float) -> Satisfiability:
    """Whether cvc5 holds what was asserted for possible, read as SMT-LIB."""
    judge = cvc5.Solver(cvc5.TermManager())
    judge.setOption("tlimit-per", str(int(seconds * 1000)))
    parser = cvc5.InputParser(judge)
    text = f"(set-logic QF_LIRA)\n{solver.asserted.to_smt2()}"
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "asserted")
    said = []
    while not (command := parser.nextCommand()).isNull():
        said.append(command.invoke(judge, parser.getSymbolManager()).strip())
    return Satisfiability(said[-1])
