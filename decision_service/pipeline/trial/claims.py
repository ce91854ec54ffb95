"""What is proved of a change of rules, for whoever reads the change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime

from decision_service.pipeline.trial.everybody import everybody
from decision_service.proofs.comparison import Claim, Comparison, Incomparable, compared
from decision_service.proofs.report import told_person
from decision_service.proofs.search import Counterexample, Proved, prove
from decision_service.ruleset.program.model import CompiledRuleset

SECONDS = 60.0
"""The time limit of one claim."""

_ASKED = {
    Claim.TIGHTENS: "nobody gets a better outcome or a larger amount",
    Claim.LOOSENS: "nobody gets a worse outcome or a smaller amount",
    Claim.SAME_AMOUNTS: "nobody is offered another amount",
}


def proof_lines(
    old: CompiledRuleset,
    new: CompiledRuleset,
    now: datetime,
    clock: Callable[[], float],
    seconds: float = SECONDS,
) -> Iterator[str]:
    """A line a claim: `PROVED: …`, `not so: …; a typical person …`; raises SolverMissing."""
    world, today = everybody(old, new), now.astimezone(new.zone).date()
    for claim, words in _ASKED.items():
        try:
            question = compared(old, new, claim, world)
        except Incomparable as why:
            yield f"not proved: {why}"
            return
        yield _line(question, words, today, clock, seconds)


def _line(
    question: Comparison, words: str, today: date, clock: Callable[[], float], seconds: float
) -> str:
    end = clock() + seconds
    result = prove(question, today, lambda: end - clock())
    if isinstance(result, Proved):
        return f"PROVED: {words}"
    if isinstance(result, Counterexample):
        return f"not so: {words}; {told_person(question, result)}"
    return f"UNDECIDED: {words}: {result.why}"
