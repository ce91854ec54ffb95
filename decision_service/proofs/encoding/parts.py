"""Every construct as terms, by what runs it."""

from __future__ import annotations

from functools import partial, singledispatch

from decision_service.domain.verdict import Outcome
from decision_service.language.expressions.tree import Node
from decision_service.proofs.encoding.encoded import Encoded, Values, either, fails, holds
from decision_service.proofs.encoding.expressions import encode
from decision_service.proofs.encoding.offer import encode_offer
from decision_service.proofs.encoding.rules import encode_rules
from decision_service.proofs.encoding.scorecard import encode_card
from decision_service.proofs.encoding.state import EncodedState
from decision_service.proofs.encoding.table import encode_grid
from decision_service.proofs.terms.term import Term
from decision_service.ruleset.constructs.applies import ConditionalRunner
from decision_service.ruleset.constructs.conditions import ConditionsRunner
from decision_service.ruleset.constructs.offer.run import OfferRunner
from decision_service.ruleset.constructs.rules.run import RulesRunner
from decision_service.ruleset.constructs.scorecard.run import ScorecardRunner
from decision_service.ruleset.constructs.table.run import TableRunner
from decision_service.ruleset.program.part import Runner


@singledispatch
def encode_part(runner: Runner, _state: EncodedState) -> None:
    """What a part's `run` does, as terms; raises NotEncodable."""
    raise AssertionError(runner)


encode_part.register(OfferRunner, encode_offer)
encode_part.register(RulesRunner, encode_rules)
encode_part.register(ScorecardRunner, encode_card)
encode_part.register(TableRunner, encode_grid)


@encode_part.register
def _encode_conditional(runner: ConditionalRunner, state: EncodedState) -> None:
    """A stage, under its condition."""
    b, condition = state.builder, partial(encode, runner.condition.when)
    truth, behind = condition(state), state.behind(runner.read).marked
    differs = b.false
    if behind is not b.false:
        differs = b.and_(behind, b.not_(state.agreed(condition, truth)))
    open_ = b.or_(truth.gone, differs)
    state.find(Outcome.REFER, open_)
    before, state.when = state.when, b.and_(truth.term, b.not_(open_))
    encode_part(runner.inner, state)
    _leave_out(runner, state)
    state.when = before


def _leave_out(runner: ConditionalRunner, state: EncodedState) -> None:
    """Make every output missing where the stage does not run, in every world."""
    b = state.builder
    for slot in (symbol.slot for symbol in runner.outputs):
        for values in (state.values, *(world.world for _, world in state.worlds)):
            if slot in values:
                gone = Encoded(b.true, b.true, values[slot].term)
                values[slot] = either(b, state.when, values[slot], gone)


@encode_part.register
def _encode_conditions(runner: ConditionsRunner, state: EncodedState) -> None:
    b = state.builder
    for demand, when, slots in zip(runner.demands, runner.whens, runner.slots, strict=True):
        truth = encode(when, state)
        never = state.everywhere(partial(_fails, when)) if state.rests(slots) else b.true
        possible = b.and_(state.behind(slots).marked, b.not_(never))
        state.find(Outcome.REFER, truth.gone)
        state.conditions[demand.id] = b.and_(state.when, b.or_(holds(b, truth), possible))


def _fails(when: Node, values: Values) -> Term:
    return fails(values.builder, encode(when, values))
