"""What the offer of a version says of an amount that a person approves."""

from __future__ import annotations

import msgspec

from decision_service.domain.money import Money
from decision_service.domain.verdict import Verdict
from decision_service.language.evaluation.arithmetic import exactly
from decision_service.ruleset.constructs.offer.model import TERM
from decision_service.ruleset.constructs.offer.run import OfferRunner
from decision_service.ruleset.program.findings import Trace
from decision_service.ruleset.program.model import CompiledRuleset

INSTALMENT = "instalment"


class Price(msgspec.Struct, frozen=True):
    """Term in months and instalment of an amount; None where the offer names none, or not now."""

    term_months: int | None = None
    instalment: Money | None = None


def price(ruleset: CompiledRuleset, verdict: Verdict, amount: Money) -> Price:
    """Term and instalment by the lines of the offer, on the values behind a verdict.

    The verdict is this ruleset's, whatever it concluded.
    """
    runners = (stage.runner for stage in ruleset.program.closing)
    runner = next((one for one in runners if isinstance(one, OfferRunner)), None)
    trace = verdict.raw_trace
    if runner is None or not isinstance(trace, Trace) or runner.terms.currency != amount.currency:
        return Price()
    with exactly():
        given = runner.priced([*trace.values], amount.minor)
    instalment = given.get(INSTALMENT)
    return Price(given.get(TERM) or None, instalment if isinstance(instalment, Money) else None)
