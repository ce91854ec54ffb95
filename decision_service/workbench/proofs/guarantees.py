"""The guarantees of one version as questions."""

from __future__ import annotations

from decision_service.domain.decision import Outcome
from decision_service.rules.language.types import reads
from decision_service.rules.program import CompiledRuleset, Guarantee
from decision_service.workbench.proofs.encoding import encode, fails, holds
from decision_service.workbench.proofs.people import FactorModel
from decision_service.workbench.proofs.questions import Question, better_term, more_term
from decision_service.workbench.proofs.ruleset import EncodedVerdict
from decision_service.workbench.proofs.terms import Builder, Term


def kept(ruleset: CompiledRuleset, guarantee: Guarantee, world: FactorModel) -> Question:
    """Whether a version keeps a guarantee."""

    def once(b: Builder, verdict: EncodedVerdict) -> Term:
        if guarantee.always is not None:
            broken = fails(b, encode(guarantee.always, verdict.values))
        elif guarantee.never is Outcome.DECLINE:
            broken = verdict.declined
        else:
            broken = verdict.referred if guarantee.never is Outcome.REFER else verdict.approved
        return b.and_(_among(b, guarantee, verdict), broken)

    def twice(b: Builder, first: EncodedVerdict, second: EncodedVerdict) -> Term:
        among = b.and_(_among(b, guarantee, first), _among(b, guarantee, second))
        if guarantee.monotone:  # the better value costs something
            worse = b.or_(better_term(b, second, first), more_term(b, second, first))
        else:  # leaving out brings money
            gained = b.or_(b.not_(first.approved), more_term(b, first, second))
            worse = b.and_(second.approved, gained)
        return b.and_(among, worse)

    moved = (*guarantee.monotone, *((symbol, 0) for symbol in guarantee.hidden))
    if not moved:
        return Question(guarantee.name, (ruleset,), ("the verdict",), world, once)
    second_side = "with the better value" if guarantee.monotone else "with less"
    sides = ("at first" if guarantee.monotone else "with all data", second_side)
    return Question(guarantee.name, (ruleset, ruleset), sides, world, twice, moved)


def met(ruleset: CompiledRuleset, guarantee: Guarantee, world: FactorModel) -> Question:
    """Whether a guarantee applies to no person at all: its `when` is never true."""

    def among(b: Builder, verdict: EncodedVerdict) -> Term:
        return _among(b, guarantee, verdict)

    return Question(guarantee.name, (ruleset,), ("the verdict",), world, among)


def _among(b: Builder, guarantee: Guarantee, verdict: EncodedVerdict) -> Term:
    nodes = [n for n in (guarantee.when, guarantee.always) if n is not None]
    of_offers = any(s.name.startswith("offer.") for node in nodes for s in reads(node))
    offered = verdict.offered if of_offers else b.true
    if guarantee.when is None:
        return offered
    return b.and_(offered, holds(b, encode(guarantee.when, verdict.values)))
