"""What the offer of a version says of an amount that a person approves."""

from __future__ import annotations

from decision_service.domain.missing import DataReason
from decision_service.domain.money import Money
from decision_service.domain.verdict import (
    MONTHLY,
    NO_TERMS,
    ApprovalTerms,
    Component,
    Price,
    Verdict,
)
from decision_service.language.evaluation.arithmetic import exactly
from decision_service.ruleset.constructs.offer.model import TERM
from decision_service.ruleset.constructs.offer.run import OfferRunner
from decision_service.ruleset.program.findings import Trace
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.program.state import State

UNCHECKED = ApprovalTerms(failed_checks=(DataReason.RULE_ERROR,))
"""The terms where the rules that decided cannot be asked."""


def price(ruleset: CompiledRuleset, verdict: Verdict, amount: Money) -> ApprovalTerms:
    """Term, instalment and failed checks by the offer, on the values behind a verdict.

    The verdict is this ruleset's, whatever it concluded.
    """
    runners = (stage.runner for stage in ruleset.program.closing)
    runner = next((one for one in runners if isinstance(one, OfferRunner)), None)
    trace = verdict.raw_trace
    if runner is None or not isinstance(trace, Trace) or runner.terms.currency != amount.currency:
        return NO_TERMS
    values = [*trace.values]
    with exactly():
        given = runner.priced(values, amount.minor)
        failed = _failed_checks(ruleset, State(values, ruleset.program.read))
    instalment = given.get(MONTHLY)
    told = instalment if isinstance(instalment, Money) else None
    return ApprovalTerms(given.get(TERM) or None, told, failed, price=Price.of(given))


def _failed_checks(ruleset: CompiledRuleset, state: State) -> tuple[str, ...]:
    closing = ruleset.program.closing
    checks = (stage.runner for stage in closing if stage.component is Component.LEGAL)
    found = (finding.code for check in checks for finding in check.run(state).findings)
    return tuple(dict.fromkeys(found))
