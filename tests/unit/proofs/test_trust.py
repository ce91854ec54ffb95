"""Why a proof may be believed: random people, a second solver, and seeded bugs of the encoders."""

from __future__ import annotations

import cvc5
import pytest

from decision_service.workbench.proofs import constructs as cells
from decision_service.workbench.proofs import constructs as rules
from decision_service.workbench.proofs import constructs as scorecard
from decision_service.workbench.proofs import constructs as table
from decision_service.workbench.proofs import encoding as calls
from decision_service.workbench.proofs import encoding as expressions
from decision_service.workbench.proofs.comparison import Claim
from decision_service.workbench.proofs.encoding import Encoded, literal
from decision_service.workbench.proofs.people import People
from decision_service.workbench.proofs.questions import Period
from decision_service.workbench.proofs.search import Proved
from decision_service.workbench.proofs.solver import Satisfiability, Solver, axioms, functions
from decision_service.workbench.proofs.state import EncodedState
from tests.unit.proofs.agreement import differing
from tests.unit.proofs.attacks import attack
from tests.unit.proofs.versions import ALL, TODAY, asked, edited, kept, proved, shipped, small

LOAN, GIG = "personal-loan-ph@1", "gig-advance-ph@1"
ATTACKS = 2_000


ATTACKED = [(GIG, {"params__max_share_of_earnings": "0.55"}, Claim.LOOSENS)]
LONG_ATTACKED = [(LOAN, {"offer__approved_amount": "1000"}, Claim.TIGHTENS)]


@pytest.mark.long
@pytest.mark.parametrize(("word", "figures", "claim"), [*ATTACKED, *(LONG_ATTACKED if ALL else [])])
def test_random_people_do_not_break_what_is_proved(word, figures, claim):
    """Of 2,000 made-up people at the figures of the rules none breaks the claim."""
    old, new = shipped(word).ruleset, edited(word, **figures)
    question = asked(old, new, claim)
    assert isinstance(proved(question), Proved)
    cases, broken = attack([question], shipped(word).files.text, ATTACKS, 7)
    assert broken == []
    assert cases[0] == ATTACKS


def test_random_people_break_what_is_not_so():
    """Of 300 made-up people some break a claim that is wrong, so that attacks mean something."""
    word, figures, _ = ATTACKED[0]
    question = asked(shipped(word).ruleset, edited(word, **figures), Claim.TIGHTENS)
    _, broken = attack([question], shipped(word).files.text, 300, 7)
    assert broken


def _questions():
    loan = shipped(LOAN).ruleset
    yield asked(small(6), small(9), Claim.TIGHTENS)
    yield asked(small(6), small(9), Claim.LOOSENS)
    yield asked(small(6), small(6, "1.4"), Claim.SAME_AMOUNTS)
    yield asked(small(6), small(6, "1.4"), Claim.TIGHTENS)
    for guarantee in loan.guarantees[:3]:
        yield kept(loan, guarantee.name)


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


@pytest.mark.parametrize("number", range(7))
def test_a_second_solver_agrees(number):
    """cvc5 and z3 answer alike whether anybody breaks the claims of the reference set."""
    question = list(_questions())[number]
    posed = question.pose(Period(TODAY, None), {})
    solver, terms = Solver(), [*posed.constraints, posed.broken]
    for term in (*terms, *axioms(posed.people.builder, functions(terms))):
        solver.require(term)
    answer = solver.ask(60.0)
    assert answered(solver, 60.0) is answer is not Satisfiability.UNKNOWN


def _of_taint(b, value):
    return value.gone


def _false_at_once(b, values):
    gone = b.or_(*(v.gone for v in values))
    return Encoded(gone, b.or_(*(v.tainted for v in values)), b.and_(*(v.term for v in values)))


def _closed(b, span, term):
    found = b.true
    for end, low in ((span.low, True), (span.high, False)):
        if end is not None:
            pair = (literal(b, end), term) if low else (term, literal(b, end))
            found = b.and_(found, b.le(*pair))
    return found


def _least(b, terms, *, largest):
    found = terms[0]
    for term in terms[1:]:
        found = b.extreme(found, term, largest=not largest)
    return found


def _plain(b, effect, truth, behind, agreed):
    return effect


def _always(self, holds):
    return self.builder.true


def _never_open(b, cell, value):
    return b.false


def _one_hit(b, each, value):
    return [scorecard.covered(b, one.cell, value.term) for one in each.bins][:1] + [
        b.false for _ in each.bins[1:]
    ]


def _there(self, question, about):
    flag = self.builder.flag(f"{question.input} in {question.list}")
    return self.answers.setdefault(question, Encoded(about.gone, about.tainted, flag))


BUGS = {
    "absent takes tainted values for absent ones": (rules, "absent", _of_taint, 2),
    "`missing` cells take tainted values": (cells, "absent", _of_taint, 32),
    "`and` is missing although one side is false": (expressions, "_joined", _false_at_once, 1),
    "open ends of spans count as closed": (cells, "_within", _closed, 15),
    "min and max are swapped": (calls, "least", _least, 2),
    "rules on a score with bounds decide as any other": (rules, "_marked", _plain, 62),
    "what some totals say holds of all": (EncodedState, "everywhere", _always, 107),
    "a row that a missing value leaves open is passed over": (
        table,
        "left_open",
        _never_open,
        25,
    ),
    "only the first bin is looked at": (scorecard, "_hits", _one_hit, 1),
    "a list that is not there says no": (People, "answer", _there, 4),
    "coalesce looks past failures": (calls, "absent", _of_taint, 14),
}
"""Of each bug also the seed from which on rulesets are tried: the first that shows it."""


@pytest.mark.parametrize("bug", BUGS)
def test_comparing_with_the_evaluator_finds_seeded_bugs(bug, monkeypatch):
    """Each bug of an encoder gives another verdict than the evaluator's in some case."""
    where, name, wrong, first = BUGS[bug]
    monkeypatch.setattr(where, name, wrong)
    assert any(differing(seed) is not None for seed in range(first, first + 40))
