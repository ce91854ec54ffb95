"""Rules as terms."""

from __future__ import annotations

from functools import partial

from decision_service.domain.verdict import Outcome
from decision_service.proofs.encoding.encoded import Encoded, absent, holds
from decision_service.proofs.encoding.expressions import encode
from decision_service.proofs.encoding.state import EncodedState
from decision_service.proofs.terms.builder import Builder
from decision_service.proofs.terms.term import Term
from decision_service.ruleset.constructs.rules.model import Rule
from decision_service.ruleset.constructs.rules.run import RulesRunner

Effect = dict[Outcome, Term]
_OUTCOMES = (Outcome.DECLINE, Outcome.REFER, Outcome.APPROVE)


def encode_rules(runner: RulesRunner, state: EncodedState) -> None:
    """Add the effect of every rule, marked or not."""
    b = state.builder
    for each in runner.ready:
        if each.rule.then is None:
            continue
        truth = encode(each.when, state)
        effect = _effect(b, each.rule, each.rule.then, truth)
        behind = state.behind(each.slots).marked
        if behind is not b.false:
            agreed = state.agreed(partial(encode, each.when), truth)
            effect = _marked(b, effect, truth, behind, agreed)
        for outcome, found in effect.items():
            state.find(outcome, found)


def _effect(b: Builder, rule: Rule, then: Outcome, truth: Encoded) -> Effect:
    """What a rule concludes, and when: it holds, or a value is missing."""
    effect = dict.fromkeys(_OUTCOMES, b.false)
    effect[then] = holds(b, truth)
    effect[Outcome.REFER] = b.or_(effect[Outcome.REFER], truth.tainted)
    if rule.on_missing is not None:
        effect[rule.on_missing] = b.or_(effect[rule.on_missing], absent(b, truth))
    return effect


def _marked(b: Builder, effect: Effect, truth: Encoded, behind: Term, agreed: Term) -> Effect:
    """The effect where a score has bounds: no decline, and a referral unless all totals agree."""
    declines, refers = effect[Outcome.DECLINE], effect[Outcome.REFER]
    kept = b.or_(b.and_(refers, truth.gone), b.and_(b.not_(declines), agreed))
    stays = b.or_(b.not_(behind), kept)
    return {
        Outcome.DECLINE: b.and_(declines, b.not_(behind)),
        Outcome.REFER: b.or_(b.and_(refers, stays), b.not_(stays)),
        Outcome.APPROVE: b.and_(effect[Outcome.APPROVE], stays),
    }
