"""What is proved of a change of rules, for whoever reads the change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

from decision_service.impact.proofs import ClaimProof, ProofAnswer
from decision_service.pipeline.trial.everybody import everybody
from decision_service.proofs.claims.comparison import Claim, Comparison, Incomparable, compared
from decision_service.proofs.report import person_text
from decision_service.proofs.results import Counterexample, Proved
from decision_service.proofs.search import prove
from decision_service.ruleset.program.model import CompiledRuleset

SECONDS = 60.0
"""The time limit of one claim."""

_ASKED = {
    Claim.TIGHTENS: "nobody gets a better outcome or a larger amount",
    Claim.APPROVES_NO_MORE: "no decline and no referral becomes an approval",
    Claim.LOOSENS: "nobody gets a worse outcome or a smaller amount",
    Claim.SAME_AMOUNTS: "nobody is offered another amount",
    Claim.SAME_PRICE: "the price of a loan stays the same",
    Claim.EQUIVALENT: "nobody is decided otherwise",
}


def claim_proofs(
    old: CompiledRuleset,
    new: CompiledRuleset,
    today: date,
    clock: Callable[[], float],
    seconds: float = SECONDS,
) -> Iterator[ClaimProof]:
    """The answer of every claim about two versions from a day on; raises SolverMissing."""
    world = everybody(old, new)
    for claim, words in _ASKED.items():
        try:
            question = compared(old, new, claim, world)
        except Incomparable as why:
            yield ClaimProof(words, ProofAnswer.UNDECIDED, str(why))
        else:
            yield _proof(question, words, today, clock, seconds)


def _proof(
    question: Comparison, words: str, today: date, clock: Callable[[], float], seconds: float
) -> ClaimProof:
    end = clock() + seconds
    result = prove(question, today, lambda: end - clock())
    if isinstance(result, Proved):
        return ClaimProof(words, ProofAnswer.PROVED)
    if isinstance(result, Counterexample):
        return ClaimProof(words, ProofAnswer.COUNTEREXAMPLE, person_text(question, result))
    return ClaimProof(words, ProofAnswer.UNDECIDED, result.why)
