"""What may make an offer less than was asked for."""

from __future__ import annotations

from decision_service.ruleset.constructs.applies import unconditional
from decision_service.ruleset.constructs.offer.binding import limits
from decision_service.ruleset.constructs.offer.run import OfferRunner
from decision_service.ruleset.program.model import CompiledRuleset

_ASKED = "inputs.requested_amount"


def offer_limits(ruleset: CompiledRuleset) -> tuple[str, ...]:
    """The terms that a reduced offer may name in `binding`, each once."""
    stages = (*ruleset.program.stages, *ruleset.program.closing)
    runners = [unconditional(stage.runner) for stage in stages]
    named = (text for one in runners if isinstance(one, OfferRunner) for text in limits(one.terms))
    return tuple(text for text in dict.fromkeys(named) if text != _ASKED)
